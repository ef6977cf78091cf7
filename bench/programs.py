"""The two programs of the benchmark, each in a folder and a local cloud of its own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tools import environment
from tools.engine import LocalEngine

PER_BALANCER: Final = 80
"""Workloads on one load balancer: an ALB takes 100 rules and 100 target groups (ALB user guide: "Quotas")."""
BARE: Final = Path(__file__).with_name("bare")


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
    """A program ready to run: `name` is `platform` or `bare`."""

    name: str
    folder: Path
    engine: LocalEngine
    stack: str = "bench"


def make(name: str, workloads: int, root: Path, *, throw_away: bool) -> Program:
    """Lay out one of the two programs under `root`, with an empty stack."""
    folder = root / "program"
    folder.mkdir(parents=True)
    place = environment.here()
    (folder / ".venv").symlink_to(place.venv.resolve())
    if name == "bare":
        shutil.copy(BARE / "__main__.py", folder)
        text = {"name": "bench", "runtime": {"name": "python", "options": {"virtualenv": ".venv"}}}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(text))
        config = {"aws:region": "eu-west-1", "bench:workloads": workloads, "bench:balancers": balancers(workloads)}
    else:
        for part in ("__main__.py", "components", "Pulumi.yaml"):
            (folder / part).symlink_to(place.checkout / part)
        config = settings(workloads)
    engine = LocalEngine.create(root / "cloud", throw_away=throw_away)
    program = Program(name, folder, engine)
    engine.run("stack", "init", program.stack, cwd=folder)
    file = folder / f"Pulumi.{program.stack}.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": config}, sort_keys=False))
    return program
