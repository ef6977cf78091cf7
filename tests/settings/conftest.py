"""A valid set of settings to change at one place, and what is said about it."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.settings import Settings, SettingsError, load

VALID: dict[str, Any] = {
    "existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
    "network": {"zones": ["eu-west-1a", "eu-west-1b"]},
    "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
    "load_balancers": {"public": {"scheme": "internet-facing"}},
    "services": {
        "orders": {
            "protocol": "grpc",
            "port": 50051,
            "grpc_services": ["acme.orders.v1.Orders"],
            "expose": {
                "alb": {
                    "host": "orders.dev.example.com",
                    "routes": {
                        "purge": {"methods": ["acme.orders.v1.Orders/Purge"], "headers": {"x-role": ["admin"]}},
                    },
                }
            },
        },
        "web": {"protocol": "http", "port": 8080, "expose": {"alb": {"host": "web.dev.example.com"}}},
    },
}


@dataclass
class Desk:
    """Settings on the desk. Paths have dots between keys; write a tuple where a key has dots itself."""

    raw: Any = field(default_factory=lambda: copy.deepcopy(VALID))
    region: str | None = "eu-west-1"
    secret_paths: list[tuple[str, ...]] = field(default_factory=list)

    def put(self, path: str | tuple[str, ...], value: Any) -> "Desk":
        parts = path.split(".") if isinstance(path, str) else path
        inner = self.raw
        for part in parts[:-1]:
            inner = inner.setdefault(part, {})
        inner[parts[-1]] = value
        return self

    def drop(self, path: str) -> "Desk":
        *parents, last = path.split(".")
        inner = self.raw
        for part in parents:
            inner = inner[part]
        del inner[last]
        return self

    def load(self) -> Settings:
        return load(self.raw, region=self.region, secret_paths=self.secret_paths)

    def lines(self) -> list[str]:
        """What the error says, without the namespace that starts each line; nothing when the settings load."""
        try:
            self.load()
        except SettingsError as error:
            return [line.removeprefix("grpc-platform:") for line in str(error).split("\n")]
        return []

    def protect(self) -> "Desk":
        return self.put("environment.protected", True)


@pytest.fixture
def desk() -> Desk:
    return Desk()
