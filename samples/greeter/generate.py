"""Compile greeter.proto into the modules beside it, with the grpcio-tools of the lock file.

python -m samples.greeter.generate

The results are committed, so that a clone and an image build need no compiler; a test compares them.
"""

import sys
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
PROTO = "samples/greeter/greeter.proto"


def generate(target: Path) -> int:
    """Write the modules under `target`/samples/greeter; protoc's exit code."""
    return int(
        protoc.main(
            [
                "protoc",
                f"-I{ROOT}",
                f"--python_out={target}",
                f"--pyi_out={target}",
                f"--grpc_python_out={target}",
                PROTO,
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(generate(ROOT))
