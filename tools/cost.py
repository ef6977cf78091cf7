"""What a stack costs in a month before a call is made: an estimate from what a preview would create."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools import prices

Inputs = Mapping[str, Any]
_DISK: Final = 20
_SERVICE_NAME: Final = "application-networking.k8s.aws/service-name-override"


@dataclass(frozen=True)
class Item:
    """Something that costs by the hour or month. least, most: USD in a month, at fewest and most nodes."""

    what: str
    least: float
    most: float


@dataclass(frozen=True)
class Estimate:
    """The items, and what has no price here."""

    items: tuple[Item, ...]
    unpriced: tuple[str, ...]

    @property
    def least(self) -> float:
        """USD in a month at the fewest nodes."""
        return sum(each.least for each in self.items)

    @property
    def most(self) -> float:
        """USD in a month at the most nodes."""
        return sum(each.most for each in self.items)


def estimate(resources: Iterable[tuple[str, Inputs]]) -> Estimate:
    """The cost of resources, given as type and inputs."""
    items: list[Item] = []
    unpriced: list[str] = []
    for token, inputs in resources:
        for found in _PRICED[token](inputs) if token in _PRICED else ():
            if isinstance(found, Item):
                items.append(found)
            else:
                unpriced.append(found)
        if token.startswith("kubernetes:") and _SERVICE_NAME in (
            (inputs.get("metadata") or {}).get("annotations") or {}
        ):
            items.append(_hourly("VPC Lattice service", prices.LATTICE_SERVICE))
    return Estimate(tuple(_together(items)), tuple(dict.fromkeys(unpriced)))


def lines(found: Estimate) -> list[str]:
    """The estimate for people."""
    if not found.items:
        return []
    head = f"About {_span(found.least, found.most)} USD a month before any traffic"
    said = [f"  {head} (list prices of us-east-1, {prices.AS_OF}; other regions differ):"]
    said += [
        f"    {_span(each.least, each.most):>13}  {each.what}" for each in sorted(found.items, key=lambda i: -i.most)
    ]
    if found.unpriced:
        said.append(f"    not priced: {', '.join(found.unpriced)}")
    said.append("    not in it: traffic, capacity units, logs, images, alarms, and what controllers make")
    return said


def _hourly(what: str, price: float, number: float = 1) -> Item:
    return Item(what, price * prices.HOURS * number, price * prices.HOURS * number)


def _cluster(inputs: Inputs) -> Iterator[Item | str]:
    support = str((inputs.get("upgradePolicy") or {}).get("supportType") or "STANDARD").upper()
    yield Item("EKS control plane", prices.CLUSTER["STANDARD"] * prices.HOURS, prices.CLUSTER[support] * prices.HOURS)


def _nodes(inputs: Inputs) -> Iterator[Item | str]:
    """Nodes at fewest and most, each with its volume. Spot prices move, and count as on demand: the most there is."""
    types, scaling = inputs.get("instanceTypes") or [], inputs.get("scalingConfig") or {}
    name = str(types[0]) if types else "the default instance type"
    price = prices.INSTANCES.get(name)
    if price is None or not isinstance(scaling.get("minSize"), (int, float)):
        yield f"nodes of type {name}"
        return
    disk = inputs.get("diskSize") or _DISK
    one = price * prices.HOURS + prices.GIGABYTE * float(disk)
    spot = ", spot at its most" if inputs.get("capacityType") == "SPOT" else ""
    yield Item(f"nodes, {name}{spot}", one * scaling["minSize"], one * scaling["maxSize"])


def _endpoint(inputs: Inputs) -> Iterator[Item | str]:
    if inputs.get("vpcEndpointType") == "Interface":
        zones = len(inputs.get("subnetIds") or [None])
        yield _hourly("interface endpoints", prices.ENDPOINT, zones)


def _balancer(inputs: Inputs) -> Iterator[Item | str]:
    yield _hourly("load balancers", prices.LOAD_BALANCER)
    if not inputs.get("internal"):
        yield _hourly("public addresses", prices.ADDRESS, len(inputs.get("subnets") or [None, None]))


_PRICED: Final[Mapping[str, Callable[[Inputs], Iterator[Item | str]]]] = {
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "aws:ec2/natGateway:NatGateway": lambda _: iter([_hourly("NAT gateways", prices.NAT_GATEWAY)]),
    "aws:ec2/eip:Eip": lambda _: iter([_hourly("public addresses", prices.ADDRESS)]),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:kms/key:Key": lambda _: iter([Item("KMS keys", prices.KEY, prices.KEY)]),
}


def _together(items: Iterable[Item]) -> Iterator[Item]:
    by_name: dict[str, list[Item]] = {}
    for each in items:
        by_name.setdefault(each.what, []).append(each)
    for what, same in by_name.items():
        yield Item(what, sum(each.least for each in same), sum(each.most for each in same))


def _span(least: float, most: float) -> str:
    low, high = round(least), round(most)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
