"""The VPC Lattice service network of a stack: who reaches it, who may call, what is logged, whom it is shared with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component
from components.settings import auth_policy, names

# VPC Lattice API Reference, CreateServiceNetwork: the name has at most 63 characters.
_LONGEST_NAME = 63


def network_name(project: str, stack: str) -> str:
    """Physical name of the service network, which the Gateway has to have as well.

    Lower-case letters, digits and single hyphens (VPC Lattice API Reference, CreateServiceNetwork).
    """
    readable = re.sub(r"[^a-z0-9]+", "-", f"{project}-{stack}".lower()).strip("-")
    if 3 <= len(readable) <= _LONGEST_NAME and not readable.startswith("servicenetwork-"):
        return readable
    return names.physical(f"lattice-{readable}", project, stack, maximum=_LONGEST_NAME)


@dataclass(frozen=True, kw_only=True)
class ServiceNetworkArgs:
    """Inputs of `ServiceNetwork`.

    config: its section of the settings. network_name: physical name. vpc_cidr: addresses of clients in the VPC.
    subnet_ids: where an endpoint has its interfaces, one in each zone. pod_security_group_id: the group pods carry.
    ports: the ports of pods it sends requests and health checks to. existing: a network to use, whose owner decides on
    its policy, logs and shares. protect: Pulumi refuses to delete the network.
    """

    config: settings.Lattice
    network_name: str
    vpc_id: pulumi.Input[str]
    vpc_cidr: str
    subnet_ids: Sequence[pulumi.Input[str]]
    pod_security_group_id: pulumi.Input[str]
    ports: Sequence[int]
    existing: settings.ServiceNetwork | None = None
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class ServiceNetwork(Component):
    """A service network, the VPC's association or endpoint, auth policy, access logs, share, and the way to the pods.

    Outputs: `arn`, `id`, `account_id` (the account it is in), `share_arn` (None when it is not shared). `ready`: what
    must exist before pods can be reached, and be there until the last route is gone.
    """

    type_name = "ServiceNetwork"

    def __init__(self, name: str, args: ServiceNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.share_arn: pulumi.Output[str] | None = None
        if args.existing is not None:
            self.arn = pulumi.Output.from_input(args.existing.arn)
            self.id = pulumi.Output.from_input(args.existing.id)
            self.ready: list[pulumi.Resource] = []
        else:
            self.ready = self._own()
        # arn:aws:vpc-lattice:REGION:ACCOUNT:servicenetwork/…; asking for the account would be a look-up.
        self.account_id = self.arn.apply(lambda arn: arn.split(":")[4])
        self.ready += [self._attachment(), *self._paths_to_pods()]
        self.register_outputs({"arn": self.arn, "id": self.id})

    @property
    def _tags(self) -> dict[str, str]:
        return dict(self._args.tags)

    def _own(self) -> list[pulumi.Resource]:
        """A network of the stack's own, with its policy, share and logs; what must exist before calls pass."""
        network = self._network()
        self.arn, self.id = network.arn, network.id
        self.share_arn = self._share()
        if self._args.config.access_logs:
            self._access_logs()
        return [network, *self._policy()]

    def _network(self) -> aws.vpclattice.ServiceNetwork:
        return aws.vpclattice.ServiceNetwork(
            self.name,
            name=self._args.network_name,
            auth_type="AWS_IAM" if self._args.config.auth == "iam" else "NONE",
            tags=self._tags,
            opts=self.child(protect=self._args.protect or None),
        )

    def _policy(self) -> list[pulumi.Resource]:
        """The controller refuses an IAMAuthPolicy on a network it did not make (its release 2.1.4), hence this one.

        Without a policy AWS_IAM would deny every call (VPC Lattice user guide, "Auth policies").
        """
        if self._args.config.auth == "none":
            return []
        policy = aws.vpclattice.AuthPolicy(
            f"{self.name}-auth-policy",
            resource_identifier=self.arn,
            policy=auth_policy.network_policy(),
            opts=self.child(),
        )
        return [policy]

    def _attachment(self) -> pulumi.Resource:
        """What brings the VPC's clients to the network: its association, of which a VPC has one, or an endpoint."""
        group = self._clients_group()
        if self._args.config.association == "endpoint":
            return aws.ec2.VpcEndpoint(
                f"{self.name}-endpoint",
                vpc_id=self._args.vpc_id,
                vpc_endpoint_type="ServiceNetwork",
                service_network_arn=self.arn,
                subnet_ids=list(self._args.subnet_ids),
                security_group_ids=[group.id],
                tags=self._tags,
                opts=self.child(),
            )
        return aws.vpclattice.ServiceNetworkVpcAssociation(
            f"{self.name}-association",
            service_network_identifier=self.id,
            vpc_identifier=self._args.vpc_id,
            security_group_ids=[group.id],
            tags=self._tags,
            opts=self.child(),
        )

    def _clients_group(self) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            f"{self.name}-clients",
            description="Clients of the service network: HTTPS from the VPC",
            vpc_id=self._args.vpc_id,
            tags=self._tags,
            opts=self.child(),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self.name}-https-from-vpc",
            security_group_id=group.id,
            description="HTTPS from clients",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self._args.vpc_cidr,
            opts=self.child(),
        )
        return group

    def _paths_to_pods(self) -> list[pulumi.Resource]:
        """One rule for each prefix list, over all ports: a list counts as ten rules of the group's sixty.

        VPC user guide, "AWS-managed prefix lists", weight.
        """
        lists = self._args.config.prefix_lists
        if not self._args.ports or lists is None:
            return []
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self.name}-to-pods-{family}",
                security_group_id=self._args.pod_security_group_id,
                description="From VPC Lattice",
                ip_protocol="tcp",
                from_port=min(self._args.ports),
                to_port=max(self._args.ports),
                prefix_list_id=prefix_list,
                opts=self.child(),
            )
            for family, prefix_list in (("ipv4", lists.ipv4), ("ipv6", lists.ipv6))
            if prefix_list is not None
        ]

    def _access_logs(self) -> None:
        group = aws.cloudwatch.LogGroup(
            f"{self.name}-log-group",
            # Groups below /aws/vendedlogs/ share one resource policy, whose size is limited (CloudWatch Logs user
            # guide: "Logging that requires additional permissions").
            name=f"/aws/vendedlogs/vpc-lattice/{self._args.network_name}",
            retention_in_days=self._args.config.log_retention,
            tags=self._tags,
            opts=self.child(),
        )
        aws.vpclattice.AccessLogSubscription(
            f"{self.name}-access-logs",
            resource_identifier=self.id,
            destination_arn=group.arn,
            tags=self._tags,
            opts=self.child(),
        )

    def _share(self) -> pulumi.Output[str] | None:
        config = self._args.config.share
        if config is None:
            return None
        share = aws.ram.ResourceShare(
            f"{self.name}-share",
            name=self._args.network_name,
            allow_external_principals=config.external,
            tags=self._tags,
            opts=self.child(),
        )
        aws.ram.ResourceAssociation(
            f"{self.name}-share-network", resource_share_arn=share.arn, resource_arn=self.arn, opts=self.child()
        )
        for principal in sorted(config.principals):
            aws.ram.PrincipalAssociation(
                # An account number, or the id at the end of an organization's or unit's ARN.
                f"{self.name}-share-with-{principal.rpartition('/')[2]}",
                resource_share_arn=share.arn,
                principal=principal,
                opts=self.child(),
            )
        return share.arn
