"""An Application Load Balancer that speaks HTTP/2 to clients and gRPC to pods, owned by Pulumi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component
from components.edge_logs import LogTarget, log_inputs, log_target
from components.listener import NO_ROUTE, https_listener, redirecting_listener, web_acl_association
from components.settings import names

__all__ = ["NO_ROUTE", "LoadBalancer", "LoadBalancerArgs"]


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """Inputs of `LoadBalancer`.

    config: its entry in the settings. identity: what the VPC's identity is decided by (not its id, which a preview
    does not know). subnet_ids: two zones or more, of the scheme's kind. certificate_arn: an issued certificate in the
    same region. backend_security_group_id: the group pods carry. ports: the ports of pods it may reach. protect:
    Pulumi refuses to delete balancer and listener, before AWS's own protection would leave it half taken apart.
    log_bucket: name of an existing bucket for its logs; without it one is made when there are logs.
    """

    config: settings.LoadBalancer
    identity: tuple[str, ...]
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    certificate_arn: pulumi.Input[str]
    backend_security_group_id: pulumi.Input[str]
    ports: Sequence[int]
    depends_on: Sequence[pulumi.Resource] = ()
    protect: bool = False
    log_bucket: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class LoadBalancer(Component):
    """ALB with one HTTPS listener, its security group, and the rules that let it reach the pods.

    Outputs: `arn`, `arn_suffix` (as CloudWatch wants it), `dns_name`, `zone_id`, `listener_arn`, `security_group_id`.
    """

    type_name = "LoadBalancer"

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        group = self._security_group()
        self.paths_to_pods = [rule for port in sorted(set(args.ports)) for rule in self._path_to_pods(group, port)]
        config, protect, tags = args.config, args.protect, args.tags
        logs = log_target(self, config.logs, args.log_bucket, group.owner_id, protect=protect, tags=tags)
        load_balancer = self._load_balancer(group, logs)
        if config.waf is not None:
            web_acl_association(self, config.waf, load_balancer)
        self.listener = https_listener(self, config, load_balancer, args.certificate_arn, protect=protect, tags=tags)
        if config.http_redirect:
            redirecting_listener(self, load_balancer, protect=protect, tags=tags)
        self.arn = load_balancer.arn
        self.arn_suffix = load_balancer.arn_suffix
        self.dns_name = load_balancer.dns_name
        self.zone_id = load_balancer.zone_id
        self.listener_arn = self.listener.arn
        self.security_group_id = group.id
        self.register_outputs(
            {"arn": self.arn, "dns_name": self.dns_name, "zone_id": self.zone_id, "listener_arn": self.listener_arn}
        )

    def _security_group(self) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            # AWS takes no name that starts with `sg-`, and the key may be `sg`.
            f"load-balancer-{self.name}-security-group",
            description=f"Load balancer {self.name}: HTTPS in, pods out",
            vpc_id=self._args.vpc_id,
            tags=dict(self._args.tags),
            opts=self.child(protect=self._args.protect or None),
        )
        for block in sorted(set(self._args.config.allow_cidrs)):
            self._let_in(group, block, 443, "https")
            if self._args.config.http_redirect:
                self._let_in(group, block, 80, "http")
        return group

    def _let_in(self, group: aws.ec2.SecurityGroup, block: str, port: int, scheme: str) -> None:
        version6 = ":" in block
        aws.vpc.SecurityGroupIngressRule(
            f"{self.name}-{scheme}-from-{block.replace(':', '-')}",
            security_group_id=group.id,
            description=f"{scheme.upper()} from clients",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=None if version6 else block,
            cidr_ipv6=block if version6 else None,
            opts=self.child(),
        )

    def _path_to_pods(self, group: aws.ec2.SecurityGroup, port: int) -> list[pulumi.Resource]:
        """Both directions for one port. The bindings carry no `networking`, so the controller opens nothing."""
        outward = aws.vpc.SecurityGroupEgressRule(
            f"{self.name}-to-pods-{port}",
            security_group_id=group.id,
            referenced_security_group_id=self._args.backend_security_group_id,
            description="To pods",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=self.child(),
        )
        inward = aws.vpc.SecurityGroupIngressRule(
            f"{self.name}-pods-from-load-balancer-{port}",
            security_group_id=self._args.backend_security_group_id,
            referenced_security_group_id=group.id,
            description=f"From load balancer {self.name}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=self.child(),
        )
        return [outward, inward]

    def _load_balancer(self, group: aws.ec2.SecurityGroup, logs: LogTarget | None) -> aws.lb.LoadBalancer:
        config = self._args.config
        headers = config.headers
        return aws.lb.LoadBalancer(
            f"{self.name}-load-balancer",
            name=names.physical(
                f"{pulumi.get_stack()}-{self.name}",
                self.name,
                config.scheme,
                str(config.generation),
                *self._args.identity,
            ),
            load_balancer_type="application",
            internal=config.scheme == "internal",
            security_groups=[group.id],
            subnets=list(self._args.subnet_ids),
            # Off means HTTP/1.1 to clients, which no gRPC client speaks (ELB API: LoadBalancerAttribute).
            enable_http2=True,
            # ALB resets a stream that is silent this long, whatever PINGs pass (hashicorp/waypoint#3621).
            idle_timeout=config.idle_timeout,
            client_keep_alive=config.client_keep_alive,
            enable_deletion_protection=bool(config.deletion_protection),
            # gRPC metadata keys may hold `_` and `.`; dropping such headers loses them silently.
            drop_invalid_header_fields=headers.drop_invalid,
            preserve_host_header=headers.preserve_host,
            xff_header_processing_mode=headers.forwarded_for,
            enable_xff_client_port=headers.client_port,
            enable_tls_version_and_cipher_suite_headers=headers.tls_version_and_cipher,
            desync_mitigation_mode=config.desync_mitigation,
            enable_waf_fail_open=config.waf is not None and config.waf.fail_open,
            enable_zonal_shift=config.zonal_shift,
            tags=dict(self._args.tags),
            opts=self.child(
                depends_on=[*self._args.depends_on, *(logs.ready if logs else ())],
                delete_before_replace=False,
                protect=self._args.protect or None,
            ),
            **log_inputs(self.name, config.logs, logs),
        )
