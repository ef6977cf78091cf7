"""The programs of the benchmarks, each in a folder and a local cloud of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tools import environment
from tools.engine import LocalEngine

PER_BALANCER: Final = 80
"""Workloads on one load balancer: an ALB takes 100 rules and 100 target groups (ALB user guide: "Quotas")."""
BARE: Final = Path(__file__).with_name("bare")
REGISTERED: Final = Path(__file__).with_name("registered")


def balancers(workloads: int) -> int:
    """How many load balancers that many workloads are spread over."""
    return -(-workloads // PER_BALANCER)


def settings(workloads: int) -> dict[str, Any]:
    """Platform settings for `workloads` gRPC workloads with an image each."""
    count = balancers(workloads)
    return {
        "aws:region": "eu-west-1",
        "grpc-platform:existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
        "grpc-platform:network": {"zones": ["eu-west-1a", "eu-west-1b"]},
        "grpc-platform:cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
        "grpc-platform:load_balancers": {f"edge-{index}": {"scheme": "internet-facing"} for index in range(count)},
        "grpc-platform:services": {
            f"workload-{index:03}": {
                "protocol": "grpc",
                "port": 50051,
                "image": {"uri": "ghcr.io/acme/any", "tag": "1"},
                "grpc_services": [f"acme.workload{index}.v1.Any"],
                "expose": {
                    "alb": {
                        "load_balancer": f"edge-{index % count}",
                        "host": f"workload-{index:03}.dev.example.com",
                    }
                },
            }
            for index in range(workloads)
        },
    }


@dataclass(frozen=True)
class Program:
    """A program ready to run."""

    name: str
    folder: Path
    engine: LocalEngine
    stack: str = "bench"


def make(name: str, workloads: int, root: Path, *, throw_away: bool) -> Program:
    """Lay out the platform or the bare program under `root`, with an empty stack."""
    place = environment.here()
    if name == "bare":
        config = {"aws:region": "eu-west-1", "bench:workloads": workloads, "bench:balancers": balancers(workloads)}
        return _laid_out(name, root, {"__main__.py": BARE / "__main__.py"}, config, throw_away=throw_away)
    parts = {part: place.checkout / part for part in ("__main__.py", "components", "Pulumi.yaml")}
    return _laid_out(name, root, parts, settings(workloads), throw_away=throw_away)


def registering(architecture: Path, root: Path) -> Program:
    """Lay out the program that registers the resources of a file, with an empty stack."""
    parts = {"__main__.py": REGISTERED / "__main__.py"}
    return _laid_out("registered", root, parts, {"bench:architecture": str(architecture)}, throw_away=True)


def _laid_out(
    name: str, root: Path, parts: Mapping[str, Path], config: Mapping[str, Any], *, throw_away: bool
) -> Program:
    folder = root / "program"
    folder.mkdir(parents=True)
    (folder / ".venv").symlink_to(environment.here().venv.resolve())
    for part, source in parts.items():
        (folder / part).symlink_to(source)
    if "Pulumi.yaml" not in parts:
        text = {"name": "bench", "runtime": {"name": "python", "options": {"virtualenv": ".venv"}}}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(text))
    program = Program(name, folder, LocalEngine.create(root / "cloud", throw_away=throw_away))
    program.engine.run("stack", "init", program.stack, cwd=folder)
    file = folder / f"Pulumi.{program.stack}.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": dict(config)}, sort_keys=False))
    return program
