"""The VPC: two or three zones, public and private subnets, NAT and the tags that load balancers look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component
from components.endpoints import endpoints
from components.flow_logs import flow_log
from components.settings import cidr

# The AWS Load Balancer Controller finds subnets by these tags (its documentation: "Subnet Auto Discovery").
PUBLIC_ROLE = {"kubernetes.io/role/elb": "1"}
PRIVATE_ROLE = {"kubernetes.io/role/internal-elb": "1"}


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Inputs of `Network`.

    cidr: private IPv4 range of the VPC, /16 to /20. zones: two or three availability zones of one region.
    nat: `single` (one gateway in the first zone), `per_zone`, or `none`. With `none` the nodes run in the public
    subnets: private ones would reach neither ECR nor the EKS API. region: needed for `endpoint_services` (short names
    of AWS services to reach inside the VPC) and `flow_logs`. protect: refuse deletion by Pulumi.
    """

    cidr: str
    zones: tuple[str, ...]
    nat: Literal["none", "single", "per_zone"] = "single"
    region: str = ""
    endpoint_services: Sequence[str] = ()
    flow_logs: settings.FlowLogs | None = None
    log_bucket: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False


class Network(Component):
    """VPC, subnets by zone, internet and NAT gateways, route tables.

    Outputs: `vpc_id`, `public_subnet_ids` and `private_subnet_ids` by zone, `node_subnet_ids`.
    """

    type_name = "Network"

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._private_routes: list[aws.ec2.Route] = []
        self._tables: list[aws.ec2.RouteTable] = []
        self._associations: list[aws.ec2.RouteTableAssociation] = []
        plan = cidr.plan(args.cidr, args.zones)
        self.vpc = self._vpc()
        gateway = aws.ec2.InternetGateway(
            f"{name}-internet-gateway", vpc_id=self.vpc.id, tags=self._tags("internet-gateway"), opts=self.child()
        )
        self._public_table = self._route_table("public")
        default_route = self._default_route("public", self._public_table, gateway_id=gateway.id)
        self.public_subnets = {
            zone: self._subnet("public", zone, str(plan[zone].public), self._public_table) for zone in sorted(plan)
        }
        # A NAT gateway needs the way out to exist, and on destroy must be gone before the internet gateway
        # detaches ("Network has some mapped public address(es)", hashicorp/terraform#497).
        nat = {zone: self._nat_gateway(zone, default_route) for zone in self._nat_zones()}
        self.private_subnets = {zone: self._private_subnet(zone, str(plan[zone].private), nat) for zone in sorted(plan)}
        self._ready: list[pulumi.Resource] = [default_route, *self._private_routes, *self._associations]
        self._options()
        self._publish()

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What must exist before anything in the subnets can reach the internet."""
        return self._ready

    def _options(self) -> None:
        args = self._args
        if args.endpoint_services:
            self._ready += endpoints(
                self,
                args.endpoint_services,
                region=args.region,
                vpc_id=self.vpc.id,
                cidr=args.cidr,
                route_table_ids=[table.id for table in self._tables],
                subnet_ids=[subnet.id for subnet in self.private_subnets.values()],
                tags=args.tags,
            )
        if args.flow_logs is not None:
            flow_log(
                self, args.flow_logs, args.log_bucket, region=args.region, vpc_id=self.vpc.id, tags=self._args.tags
            )

    def _publish(self) -> None:
        self.vpc_id = self.vpc.id
        self.public_subnet_ids = {zone: subnet.id for zone, subnet in self.public_subnets.items()}
        self.private_subnet_ids = {zone: subnet.id for zone, subnet in self.private_subnets.items()}
        self.node_subnet_ids = self.public_subnet_ids if self._args.nat == "none" else self.private_subnet_ids
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "public_subnet_ids": self.public_subnet_ids,
                "private_subnet_ids": self.private_subnet_ids,
            }
        )

    def _tags(self, suffix: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self._args.tags, "Name": f"{pulumi.get_stack()}-{self.name}-{suffix}", **(extra or {})}

    def _vpc(self) -> aws.ec2.Vpc:
        # Nodes and pods resolve private endpoints and the cluster's own address only with both DNS settings on
        # (EKS user guide: "VPC requirements").
        return aws.ec2.Vpc(
            f"{self.name}-vpc",
            cidr_block=self._args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self._tags("vpc"),
            opts=self.child(protect=self._args.protect or None),
        )

    def _nat_zones(self) -> list[str]:
        zones = sorted(self._args.zones)
        return {"none": [], "single": zones[:1], "per_zone": zones}[self._args.nat]

    def _route_table(self, suffix: str) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(
            f"{self.name}-{suffix}-route-table", vpc_id=self.vpc.id, tags=self._tags(suffix), opts=self.child()
        )
        self._tables.append(table)
        return table

    def _default_route(
        self,
        suffix: str,
        table: aws.ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> aws.ec2.Route:
        return aws.ec2.Route(
            f"{self.name}-{suffix}-default-route",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self.child(),
        )

    def _subnet(self, kind: str, zone: str, block: str, table: aws.ec2.RouteTable) -> aws.ec2.Subnet:
        public = kind == "public"
        subnet = aws.ec2.Subnet(
            f"{self.name}-{kind}-{zone}",
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=block,
            # Only nodes need public addresses here, and only when there is no NAT; gateways bring their own.
            map_public_ip_on_launch=public and self._args.nat == "none",
            tags=self._tags(f"{kind}-{zone}", PUBLIC_ROLE if public else PRIVATE_ROLE),
            # The old block must be free before the same block is taken again ("InvalidSubnet.Conflict").
            opts=self.child(delete_before_replace=True),
        )
        self._associations.append(
            aws.ec2.RouteTableAssociation(
                f"{self.name}-{kind}-{zone}-association",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(delete_before_replace=True),
            )
        )
        return subnet

    def _nat_gateway(self, zone: str, default_route: aws.ec2.Route) -> aws.ec2.NatGateway:
        address = aws.ec2.Eip(
            f"{self.name}-nat-{zone}-address",
            domain="vpc",
            tags=self._tags(f"nat-{zone}"),
            opts=self.child(depends_on=[default_route]),
        )
        return aws.ec2.NatGateway(
            f"{self.name}-nat-{zone}",
            allocation_id=address.id,
            subnet_id=self.public_subnets[zone].id,
            tags=self._tags(f"nat-{zone}"),
            opts=self.child(depends_on=[default_route]),
        )

    def _private_subnet(self, zone: str, block: str, nat: Mapping[str, aws.ec2.NatGateway]) -> aws.ec2.Subnet:
        table = self._route_table(f"private-{zone}")
        gateway = nat.get(zone) or next(iter(nat.values()), None)
        if gateway is not None:
            self._private_routes.append(self._default_route(f"private-{zone}", table, nat_gateway_id=gateway.id))
        return self._subnet("private", zone, block, table)
