"""The command in process, and files to give it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checks.__main__ import main

GROUP = "aws:lb/targetGroup:TargetGroup"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
URN = f"urn:pulumi:dev::shop::{GROUP}::orders"


def group(**check: Any) -> dict[str, Any]:
    """A target group in a state, content with every rule but for what is given; None takes a key away."""
    whole = {"path": "/grpc.health.v1.Health/Check", "matcher": "0", "interval": 10, "timeout": 5, **check}
    return {
        "urn": URN,
        "type": GROUP,
        "custom": True,
        "id": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/orders/0123456789abcdef",
        "inputs": {
            "port": 50051,
            "protocol": "HTTP",
            "protocolVersion": "GRPC",
            "targetType": "ip",
            "vpcId": "vpc-0123456789abcdef0",
            "deregistrationDelay": 50,
            "healthCheck": {key: value for key, value in whole.items() if value is not None},
        },
    }


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


@dataclass
class Desk:
    """A folder, and the command run in it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def write(self, name: str, content: Any) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return file

    def run(self, *arguments: object) -> int:
        """The exit code; what was printed is in `out` and `err`."""
        code = main([str(each) for each in arguments])
        self.out, self.err = self.capsys.readouterr()
        return code


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)
