"""A service network with a service behind it, on the aws stand-in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local_cloud.aws import ram
from local_cloud.aws import vpclattice_common as lattice
from tests.local_cloud.edge_world import LOG_GROUP, SECURITY_GROUP, Made, Network, World

POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
NOT_FOUND = {"fixedResponse": {"statusCode": 404}}
SHARE = ram.SHARE


@dataclass(frozen=True)
class Stage:
    """One VPC, one network, one service with a target group."""

    world: World
    network: Network
    mesh: Made
    service: Made
    group: Made

    def make(self, token: str, name: str, /, **props: Any) -> Made:
        return self.world.make(token, name, **props)

    def associate(self, name: str = "vpc", /, **props: Any) -> Made:
        given = {"serviceNetworkIdentifier": self.mesh.id, "vpcIdentifier": self.network.vpc.id}
        return self.make(lattice.VPC_ASSOCIATION, name, **{**given, **props})

    def join(self, name: str = "join", /, **props: Any) -> Made:
        given = {"serviceNetworkIdentifier": self.mesh["arn"], "serviceIdentifier": self.service.id}
        return self.make(lattice.SERVICE_ASSOCIATION, name, **{**given, **props})

    def listener(self, name: str = "https", /, **props: Any) -> Made:
        given = {"serviceIdentifier": self.service.id, "protocol": "HTTPS", "defaultAction": NOT_FOUND}
        return self.make(lattice.LISTENER, name, **{**given, **props})

    def rule(self, listener: Made, name: str = "prefix", /, **props: Any) -> Made:
        given = {
            "serviceIdentifier": self.service.id,
            "listenerIdentifier": listener["listenerId"],
            "priority": 10,
            "match": {"httpMatch": {"method": "POST", "pathMatch": {"match": {"prefix": "/acme.v1.Orders/"}}}},
            "action": forward(self.group),
        }
        return self.make(lattice.RULE, name, **{**given, **props})

    def target_group(self, name: str = "group", /, **config: Any) -> Made:
        return self.make(lattice.TARGET_GROUP, name, type="IP", config={**self.config, **config})

    @property
    def config(self) -> dict[str, Any]:
        return {
            "port": 50051,
            "protocol": "HTTP",
            "protocolVersion": "GRPC",
            "vpcIdentifier": self.network.vpc.id,
            "healthCheck": {"enabled": False},
        }

    def logs(self, name: str = "logs") -> Made:
        return self.make(LOG_GROUP, name, name=f"/aws/vendedlogs/{name}")

    def group_of(self, network: Network, name: str) -> Made:
        return self.make(SECURITY_GROUP, name, vpcId=network.vpc.id)


def forward(*groups: Made) -> dict[str, Any]:
    """An action of a rule."""
    return {"forward": {"targetGroups": [{"targetGroupIdentifier": group.id, "weight": 1} for group in groups]}}


def forwards(*groups: Made) -> dict[str, Any]:
    """The default action of a listener."""
    return {"forwards": [forward(*groups)["forward"]]}


def stage() -> Stage:
    """A fresh account."""
    world = World()
    network = world.network()
    mesh = world.make(lattice.NETWORK, "mesh", name="mesh", authType="AWS_IAM")
    service = world.make(lattice.LATTICE_SERVICE, "orders", name="orders")
    empty = Stage(world, network, mesh, service, mesh)
    return Stage(world, network, mesh, service, empty.target_group("orders"))
