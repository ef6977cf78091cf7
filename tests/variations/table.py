"""One entry for every setting that a stack file may have.

The paths are those of `BASE`: the load balancer `public`, the gRPC workload `orders`, the HTTP workload `web`, the node
group `general`. A test compares the table with the schema, so that a new setting cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_ACCOUNT: Final = "111122223333"
ROLE: Final = f"arn:aws:iam::{_ACCOUNT}:role/deployer"
CALLER: Final = f"arn:aws:iam::{_ACCOUNT}:role/billing"
ACL: Final = f"arn:aws:wafv2:eu-west-1:{_ACCOUNT}:regional/webacl/edge/12345678-1234-1234-1234-123456789012"
STORE: Final = f"arn:aws:elasticloadbalancing:eu-west-1:{_ACCOUNT}:truststore/partners/0123456789abcdef"
CERTIFICATE: Final = f"arn:aws:acm:eu-west-1:{_ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
POLICY: Final = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
DIGEST: Final = "sha256:" + "a" * 64
ORDERS: Final = "acme.orders.v1.Orders"

BASE: Final[dict[str, Any]] = {
    "existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
    "network": {"zones": ["eu-west-1a", "eu-west-1b"]},
    "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
    "load_balancers": {"public": {"scheme": "internet-facing"}},
    "services": {
        "orders": {
            "protocol": "grpc",
            "port": 50051,
            "image": {"uri": "ghcr.io/acme/orders", "tag": "1.4.2"},
            "grpc_services": [ORDERS],
            "expose": {"alb": {"load_balancer": "public", "host": "orders.dev.example.com"}},
        },
        "web": {
            "protocol": "http",
            "port": 8080,
            "image": {"uri": "ghcr.io/acme/web", "tag": "1"},
            "expose": {"alb": {"load_balancer": "public", "host": "web.dev.example.com"}},
        },
    },
}


@dataclass(frozen=True)
class Variation:
    """A setting at a path, and by path what must hold beside it.

    why_not: why a living stack does not get and lose it in a test: what the local cloud has no part of, or what AWS
    refuses on the way.
    """

    path: str
    value: Any
    given: Mapping[str, Any] = field(default_factory=dict)
    why_not: str = ""


def _v(path: str, value: Any, why_not: str = "", /, **given: Any) -> Variation:
    """given: by path, with `__` for the dots."""
    return Variation(path, value, {key.replace("__", "."): each for key, each in given.items()}, why_not)


_ELSEWHERE: Final = "exists outside the local cloud"
_CREATE_ONLY: Final = "makes a new cluster, which takes everything on it along"
_LATTICE: Final[dict[str, Any]] = {
    "prefix_lists": {"ipv4": "pl-0123456789abcdef0"},
    "share": {"principals": ["444455556666"]},
}
_ON_LATTICE: Final = {"allow": [CALLER]}
_MESHED: Final = {"lattice": _LATTICE, "services__orders__expose__lattice": _ON_LATTICE}
_ROUTE: Final = {"services__orders__expose__alb__routes__r": {"headers": {"x-a": ["1"]}}}
_HTTP_ROUTE: Final = {"services__web__expose__alb__routes__r": {"headers": {"x-a": ["1"]}}}
_REWRITE: Final = {"regex": "^/old", "replace": "/new"}
_ADAPTER: Final = {
    "kind": "prometheus",
    "url": "http://prometheus.monitoring",
    "metrics": {"calls": {"series": "calls"}},
}
_TAINT: Final = {
    "cluster__node_groups__spare": {"instance_types": ["m7g.large"], "taints": {"gpu": {"effect": "NO_EXECUTE"}}}
}
_SPARE: Final = {"cluster__node_groups__spare": {"instance_types": ["m7g.large"]}}
_CANARY: Final = {"services__orders__expose__alb__canary": {"tag": "1.5.0"}}
_WATCHED: Final[dict[str, Any]] = {"observability": {}}
_ACCESS: Final = {"cluster__access__team": {"principal_arn": ROLE, "policy": "view", "namespaces": ["orders"]}}
_EXTRA: Final = {"cluster__extra_addons": {"aws-ebs-csi-driver": {"version": "v1.50.0-eksbuild.1"}}}
_CLIENT: Final[dict[str, Any]] = {"services__orders__expose": {"client_side": {}}}
_CLOUD_MAP: Final = {
    "cloud_map": {"namespace": "acme.internal"},
    "services__orders__expose": {"client_side": {"cloud_map": True}},
}

ENVIRONMENT: Final = (
    _v(
        "environment.protected",
        True,
        "a protected stack cannot be taken down",
        services__orders__image={"uri": "ghcr.io/acme/orders", "digest": DIGEST},
        services__web__image={"uri": "ghcr.io/acme/web", "digest": DIGEST},
    ),
    _v("environment.tags", {"team": "edge"}),
    _v("existing.log_bucket", "acme-logs", load_balancers__public__logs={}),
)
NETWORK: Final = (
    _v("network.cidr", "10.30.0.0/16", _CREATE_ONLY),
    _v(
        "network.zones",
        ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        "the cluster keeps its zones",
        cluster__zones=["eu-west-1a", "eu-west-1b"],
    ),
    _v("network.nat", "per_zone"),
    _v("network.endpoints", ["s3", "ecr"]),
    _v("network.flow_logs.destination", "bucket", network__flow_logs={}, existing__log_bucket="acme-logs"),
    _v("network.flow_logs.traffic", "reject", network__flow_logs={}),
    _v("network.flow_logs.interval", 60, network__flow_logs={}),
    _v("network.flow_logs.retention", 7, network__flow_logs={}),
)
_PUSHED: Final = {"services__orders__image": None}
REGISTRY: Final = (
    _v("registry.pull_accounts", ["444455556666"], **_PUSHED),
    _v("registry.pull_organizations", ["o-a1b2c3d4e5"], **_PUSHED),
    _v("registry.untagged_days", 3, **_PUSHED),
    _v("registry.kept_images", 10, **_PUSHED),
)
CLUSTER: Final = (
    _v("cluster.version", "1.35", "a cluster's version goes up only"),
    _v(
        "cluster.zones",
        ["eu-west-1a", "eu-west-1b"],
        _CREATE_ONLY,
        network__zones=["eu-west-1a", "eu-west-1b", "eu-west-1c"],
    ),
    _v("cluster.public_access_cidrs", ["203.0.113.0/24"]),
    _v(
        "cluster.node_groups.spare.architecture",
        "amd64",
        **{**_SPARE, "cluster__node_groups__spare": {"instance_types": ["m7i.large"]}},
    ),
    _v("cluster.node_groups.spare.ami", "bottlerocket", **_SPARE),
    _v("cluster.node_groups.spare.release_version", "1.36.0-20260101", **_SPARE),
    _v("cluster.node_groups.spare.instance_types", ["m7g.xlarge"], **_SPARE),
    _v("cluster.node_groups.spare.capacity", "spot", **_SPARE),
    _v("cluster.node_groups.spare.autoscaled", True, **_SPARE),
    _v("cluster.node_groups.spare.min", 3, **_SPARE),
    _v("cluster.node_groups.spare.max", 9, **_SPARE),
    _v("cluster.node_groups.spare.disk_size", 100, **_SPARE),
    _v("cluster.node_groups.spare.labels", {"pool": "spare"}, **_SPARE),
    _v("cluster.node_groups.spare.taints.gpu.value", "yes", **_TAINT),
    _v("cluster.node_groups.spare.taints.gpu.effect", "NO_SCHEDULE", **_TAINT),
    _v("cluster.access.team.principal_arn", f"{ROLE}2", **_ACCESS),
    _v("cluster.access.team.policy", "edit", **_ACCESS),
    _v("cluster.access.team.namespaces", ["web"], **_ACCESS),
    _v("cluster.logs", ["api"]),
    _v("cluster.log_retention", 7),
    _v("cluster.deletion_protection", True, "AWS keeps the cluster until it is off"),
    _v("cluster.support", "extended"),
    _v("cluster.addons", {"coredns": "v1.14.2-eksbuild.1"}),
    _v("cluster.extra_addons.aws-ebs-csi-driver.version", "v1.51.0-eksbuild.1", **_EXTRA),
    _v("cluster.extra_addons.aws-ebs-csi-driver.configuration", '{"controller": {"replicaCount": 1}}', **_EXTRA),
    _v("cluster.extra_addons.aws-ebs-csi-driver.permissions", {"ebs-csi-controller-sa": [POLICY]}, **_EXTRA),
    _v("cluster.network_policies", True),
    _v("cluster.external_dns.policy", "sync", cluster__external_dns={}),
    _v("cluster.external_dns.sources", ["service"], cluster__external_dns={}),
    _v("cluster.metrics_adapter.url", "http://other.monitoring", cluster__metrics_adapter=_ADAPTER),
    _v("cluster.metrics_adapter.port", 9091, cluster__metrics_adapter=_ADAPTER),
    _v("cluster.metrics_adapter.metrics.calls.series", "other", cluster__metrics_adapter=_ADAPTER),
    _v("cluster.metrics_adapter.metrics.calls.kind", "value", cluster__metrics_adapter=_ADAPTER),
    _v("cluster.metrics_adapter.metrics.calls.window", 300, cluster__metrics_adapter=_ADAPTER),
)
BALANCERS: Final = (
    _v("load_balancers.public.scheme", "internal"),
    _v("load_balancers.public.owner", "ingress"),
    _v("load_balancers.public.owner", "gateway"),
    _v("load_balancers.public.idle_timeout", 600),
    _v("load_balancers.public.client_keep_alive", 600),
    _v("load_balancers.public.certificate.arn", CERTIFICATE, _ELSEWHERE),
    _v("load_balancers.public.certificate.domains", ["*.dev.example.com", "dev.example.com"]),
    _v("load_balancers.public.tls_policy", "ELBSecurityPolicy-TLS13-1-3-2021-06"),
    _v("load_balancers.public.allow_cidrs", ["203.0.113.0/24"]),
    _v("load_balancers.public.http_redirect", True),
    _v("load_balancers.public.generation", 2),
    _v("load_balancers.public.deletion_protection", True, "AWS keeps the load balancer until it is off"),
    _v("load_balancers.public.mtls.mode", "passthrough"),
    _v(
        "load_balancers.public.mtls.trust_store.arn",
        STORE,
        _ELSEWHERE,
        load_balancers__public__mtls={"mode": "verify", "trust_store": {}},
    ),
    _v(
        "load_balancers.public.mtls.trust_store.bucket",
        "other",
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    _v(
        "load_balancers.public.mtls.trust_store.key",
        "b",
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    _v(
        "load_balancers.public.mtls.trust_store.version",
        "2",
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    _v(
        "load_balancers.public.mtls.ignore_expiry",
        True,
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    _v(
        "load_balancers.public.mtls.advertise_ca_names",
        True,
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    _v(
        "load_balancers.public.waf.web_acl_arn",
        ACL.replace("edge", "other"),
        load_balancers__public__waf={"web_acl_arn": ACL},
    ),
    _v("load_balancers.public.waf.fail_open", True, load_balancers__public__waf={"web_acl_arn": ACL}),
    _v("load_balancers.public.headers.drop_invalid", True),
    _v("load_balancers.public.headers.preserve_host", True),
    _v("load_balancers.public.headers.forwarded_for", "remove"),
    _v("load_balancers.public.headers.client_port", True),
    _v("load_balancers.public.headers.tls_version_and_cipher", True),
    _v("load_balancers.public.headers.server", False),
    _v(
        "load_balancers.public.headers.rename",
        {"x_amzn_tls_version": "X-Tls"},
        load_balancers__public__headers={"tls_version_and_cipher": True},
    ),
    _v("load_balancers.public.headers.add", {"x_frame_options": "DENY"}),
    _v("load_balancers.public.desync_mitigation", "strictest"),
    _v("load_balancers.public.logs.access", False, load_balancers__public__logs={"connections": True}),
    _v("load_balancers.public.logs.connections", True, load_balancers__public__logs={}),
    _v("load_balancers.public.logs.health_checks", True, load_balancers__public__logs={}),
    _v("load_balancers.public.logs.retention", 30, load_balancers__public__logs={}),
    _v("load_balancers.public.zonal_shift", True),
)
LATTICE: Final = (
    _v("lattice.auth", "none", lattice={**_LATTICE}),
    _v("lattice.access_logs", False, lattice=_LATTICE),
    _v("lattice.log_retention", 7, lattice=_LATTICE),
    _v("lattice.association", "endpoint", lattice=_LATTICE),
    _v("lattice.prefix_lists.ipv4", "pl-0123456789abcdef9", **_MESHED),
    _v("lattice.prefix_lists.ipv6", "pl-0123456789abcdef1", **_MESHED),
    _v("lattice.share.principals", ["555566667777"], lattice=_LATTICE),
    _v("lattice.share.external", True, lattice=_LATTICE),
    _v("services.orders.expose.lattice.allow", [ROLE], **_MESHED),
    _v("services.orders.expose.lattice.idle_timeout", 300, **_MESHED),
    *(
        _v(
            f"services.orders.expose.lattice.health_check.{key}",
            value,
            **{
                **_MESHED,
                "services__orders__expose__lattice": {
                    **_ON_LATTICE,
                    "health_check": {"port": 8081, "path": "/healthz"},
                },
            },
        )
        for key, value in (
            ("port", 8082),
            ("path", "/ready"),
            ("version", "HTTP2"),
            ("success_codes", "200-299"),
            ("interval", 60),
            ("timeout", 3),
            ("healthy", 3),
            ("unhealthy", 3),
        )
    ),
)
WORKLOADS: Final = (
    _v("services.orders.protocol", "http", services__orders__grpc_services=None),
    _v("services.orders.port", 50052),
    _v(
        "services.orders.image.repository",
        "orders",
        "its image must be pushed first",
        services__orders__image={"tag": "1"},
    ),
    _v("services.orders.image.uri", "ghcr.io/acme/other"),
    _v("services.orders.image.digest", DIGEST, services__orders__image={"uri": "ghcr.io/acme/orders"}),
    _v("services.orders.image.tag", "1.5.0"),
    _v("services.orders.grpc_services", [ORDERS, "acme.orders.v1.Admin"]),
    _v("services.orders.health.service", "ready"),
    _v("services.orders.health.liveness", "alive"),
    _v("services.orders.health.path", "/acme.Health/Check"),
    _v("services.orders.health.success_codes", "0,1"),
    _v("services.orders.health.port", 8081),
    _v("services.orders.health.interval", 30),
    _v("services.orders.health.timeout", 3),
    _v("services.orders.health.healthy", 3),
    _v("services.orders.health.unhealthy", 3),
    _v("services.orders.health.startup", 60),
    _v(
        "services.orders.backend_tls.secret",
        "orders-tls",
        "the Secret is made by hand",
        services__orders__health={"port": 8081},
    ),
    _v("services.orders.scaling.min", 3),
    _v("services.orders.scaling.max", 20),
    _v("services.orders.scaling.cpu", 50),
    _v("services.orders.scaling.memory", 80),
    _v("services.orders.scaling.metrics", {"calls": "50"}, cluster__metrics_adapter=_ADAPTER),
    _v("services.orders.resources.cpu", "500m"),
    _v("services.orders.resources.memory", "512Mi"),
    _v("services.orders.resources.cpu_limit", "2"),
    _v("services.orders.resources.memory_limit", "1Gi"),
    _v("services.orders.env", {"LOG_LEVEL": "debug"}),
    _v("services.orders.secrets", {"TOKEN": "hunter2"}, "is encrypted in a stack file"),
    _v("services.orders.drain", 60),
    _v("services.orders.architecture", "arm64"),
    _v("services.web.calls", ["orders"], **_CLIENT),
    _v("services.orders.permissions", [POLICY]),
    _v(
        "services.orders.statements.read.actions",
        ["s3:PutObject"],
        services__orders__statements={"read": {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::acme/*"]}},
    ),
    _v(
        "services.orders.statements.read.resources",
        ["arn:aws:s3:::other/*"],
        services__orders__statements={"read": {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::acme/*"]}},
    ),
    _v("services.orders.labels", {"team": "edge"}),
    _v("services.orders.annotations", {"prometheus.io/scrape": "true"}),
    _v("services.orders.spread.zones", "required"),
    _v("services.orders.spread.nodes", "required"),
    _v("services.orders.alarms.latency", 100, **_WATCHED),
    _v("services.orders.alarms.target_errors", 9, **_WATCHED),
)
EXPOSURES: Final = (
    _v("services.orders.expose.alb.load_balancer", "inner", load_balancers__inner={"scheme": "internal"}),
    _v("services.orders.expose.alb.host", "other.dev.example.com"),
    _v("services.orders.expose.alb.algorithm", "least_outstanding_requests"),
    _v(
        "services.orders.expose.alb.anomaly_mitigation",
        True,
        services__orders__expose__alb__algorithm="weighted_random",
    ),
    _v("services.orders.expose.alb.generation", 2),
    _v("services.orders.expose.alb.slow_start", 60),
    _v("services.orders.expose.alb.routes.r.methods", [f"{ORDERS}/Get"], **_ROUTE),
    _v(
        "services.orders.expose.alb.routes.r.services",
        [ORDERS],
        services__orders__expose__alb__routes__r={"headers": {"x-a": ["1"]}, "methods": [f"{ORDERS}/Get"]},
    ),
    _v("services.orders.expose.alb.routes.r.hosts", ["r.dev.example.com"], **_ROUTE),
    _v("services.orders.expose.alb.routes.r.headers", {"x-b": ["2", "3"]}, **_ROUTE),
    _v("services.orders.expose.alb.routes.r.source_ips", ["203.0.113.0/24"], **_ROUTE),
    _v(
        "services.orders.expose.alb.routes.r.to",
        "stock",
        services__orders__expose__alb__routes__r={"headers": {"x-a": ["1"]}},
        services__stock={
            **BASE["services"]["orders"],
            "expose": {"alb": {"load_balancer": "public", "host": "stock.dev.example.com"}},
        },
    ),
    _v("services.orders.expose.alb.routes.r.otherwise", "pass", **_ROUTE),
    _v(
        "services.orders.expose.alb.routes.r.rewrite.grpc",
        True,
        services__orders__expose__alb__routes__r={"methods": [f"{ORDERS}/Get"], "rewrite": {"path": _REWRITE}},
    ),
    _v("services.web.expose.alb.routes.r.paths", ["/api/*"], **_HTTP_ROUTE),
    _v("services.web.expose.alb.routes.r.query", {"v": ["1"]}, **_HTTP_ROUTE),
    *(
        _v(
            f"services.web.expose.alb.{place}rewrite.{part}.{key}",
            "^/x" if key == "regex" else "/y",
            **{**_HTTP_ROUTE, f"services__web__expose__alb__{place.replace('.', '__')}rewrite": {part: _REWRITE}},
        )
        for place in ("", "routes.r.")
        for part in ("host", "path")
        for key in ("regex", "replace")
    ),
    _v("services.orders.expose.alb.rewrite.grpc", True, services__orders__expose__alb__rewrite={"path": _REWRITE}),
    _v("services.web.expose.alb.paths", ["/api/*", "/*"]),
    _v("services.orders.expose.alb.canary.digest", DIGEST, services__orders__expose__alb__canary={}),
    _v("services.orders.expose.alb.canary.tag", "1.6.0", **_CANARY),
    _v("services.orders.expose.alb.canary.weight", 10, **_CANARY),
    _v(
        "services.web.expose.alb.stickiness.type",
        "app_cookie",
        services__web__expose__alb__stickiness={"cookie": "session"},
    ),
    _v("services.web.expose.alb.stickiness.duration", 60, services__web__expose__alb__stickiness={}),
    _v(
        "services.web.expose.alb.stickiness.cookie",
        "other",
        services__web__expose__alb__stickiness={"type": "app_cookie", "cookie": "session"},
    ),
    _v("services.web.expose.alb.target_health.dns_failover.count", 2, services__web__expose__alb__target_health={}),
    _v("services.web.expose.alb.target_health.dns_failover.percent", 50, services__web__expose__alb__target_health={}),
    _v(
        "services.web.expose.alb.target_health.any_target.count",
        2,
        services__web__expose__alb__target_health={"dns_failover": {"count": 3}},
    ),
    _v(
        "services.web.expose.alb.target_health.any_target.percent",
        20,
        services__web__expose__alb__target_health={"dns_failover": {"percent": 50}},
    ),
    _v("services.orders.expose.client_side.max_connection_age", 120, **_CLIENT),
    _v("services.orders.expose.client_side.max_connection_age_grace", 10, **_CLIENT),
    _v(
        "services.orders.expose.client_side.cloud_map", True, **{**_CLIENT, "cloud_map": {"namespace": "acme.internal"}}
    ),
    *(
        _v(f"services.orders.expose.client_side.retry.{key}", value, **_CLIENT)
        for key, value in (
            ("attempts", 2),
            ("codes", ["UNAVAILABLE", "ABORTED"]),
            ("initial_backoff", 50),
            ("max_backoff", 500),
            ("budget", 20),
        )
    ),
)
AROUND: Final = (
    _v("cloud_map.namespace", "other.internal", **_CLOUD_MAP),
    _v("cloud_map.ttl", 30, **_CLOUD_MAP),
    _v("cloud_map.allow_cidrs", ["10.0.0.0/8"], **_CLOUD_MAP),
    *(
        _v(f"observability.thresholds.{key}", value, **_WATCHED)
        for key, value in (
            ("latency", 100),
            ("target_errors", 9),
            ("balancer_errors", 9),
            ("refused_calls", 9),
            ("least_calls", 99),
            ("minutes", 9),
        )
    ),
    _v("observability.topic_arns", [f"arn:aws:sns:eu-west-1:{_ACCOUNT}:alarms"], **_WATCHED),
    _v("observability.create_topic", True, **_WATCHED),
    _v("observability.dashboards", False, **_WATCHED),
    _v("observability.access_logs.bucket", "other-logs", observability={"access_logs": {"bucket": "acme-logs"}}),
    _v("observability.access_logs.prefix", "edge", observability={"access_logs": {"bucket": "acme-logs"}}),
)
ALL: Final = (*ENVIRONMENT, *NETWORK, *REGISTRY, *CLUSTER, *BALANCERS, *LATTICE, *WORKLOADS, *EXPOSURES, *AROUND)

WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "environment.kind": "decides which sections there may be: tests/components/test_stacks.py",
    "environment.services_stacks": "read by services stacks: tests/components/test_stacks.py",
    "existing.hosted_zone.id": "in the base of every test",
    "existing.hosted_zone.name": "in the base of every test",
    **dict.fromkeys(
        (
            "existing.platform_stack",
            *(f"existing.vpc.{key}" for key in ("id", "cidr", "subnets.public", "subnets.private")),
            *(
                f"existing.cluster.{key}"
                for key in (
                    "name",
                    "version",
                    "endpoint",
                    "certificate_authority",
                    "security_group_id",
                    "load_balancer_controller",
                )
            ),
            *(
                f"existing.listeners.*.{key}"
                for key in (
                    "arn",
                    "dns_name",
                    "zone_id",
                    "security_group_id",
                    "pod_ports",
                    "certificate_domains",
                    "priorities.first",
                    "priorities.last",
                )
            ),
            *(f"existing.service_network.{key}" for key in ("arn", "name")),
        ),
        "stands in for a part that is made: tests/components/test_existing.py, test_stacks.py",
    ),
    "load_balancers.*.pod_ports": "kind platform: tests/components/test_stacks.py",
    "cluster.compute": "has one value",
    "cluster.metrics_adapter.kind": "has one value",
    "services.*.expose.lattice.longest_stream": "is compared with what VPC Lattice allows, and changes nothing",
}
