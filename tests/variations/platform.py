"""A value other than the default for each setting of what workloads share."""

from __future__ import annotations

from typing import Final

from .base import (
    ACCESS,
    ACCOUNT,
    ACL,
    ADAPTER,
    CERTIFICATE,
    CLOUD_MAP,
    CREATE_ONLY,
    DIGEST,
    ELSEWHERE,
    EXTRA,
    LATTICE_SETTINGS,
    MESHED,
    ON_LATTICE,
    POLICY,
    PUSHED,
    ROLE,
    SPARE,
    STORE,
    TAINT,
    WATCHED,
    setting,
)

ENVIRONMENT: Final = (
    setting(
        "environment.protected",
        True,
        "a protected stack cannot be taken down",
        services__orders__image={"uri": "ghcr.io/acme/orders", "digest": DIGEST},
        services__web__image={"uri": "ghcr.io/acme/web", "digest": DIGEST},
    ),
    setting("environment.tags", {"team": "edge"}),
    setting("existing.log_bucket", "acme-logs", load_balancers__public__logs={}),
)
NETWORK: Final = (
    setting("network.cidr", "10.30.0.0/16", CREATE_ONLY),
    setting(
        "network.zones",
        ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        "the cluster keeps its zones",
        cluster__zones=["eu-west-1a", "eu-west-1b"],
    ),
    setting("network.nat", "per_zone"),
    setting("network.endpoints", ["s3", "ecr"]),
    setting("network.flow_logs.destination", "bucket", network__flow_logs={}, existing__log_bucket="acme-logs"),
    setting("network.flow_logs.traffic", "reject", network__flow_logs={}),
    setting("network.flow_logs.interval", 60, network__flow_logs={}),
    setting("network.flow_logs.retention", 7, network__flow_logs={}),
)
REGISTRY: Final = (
    setting("registry.pull_accounts", ["444455556666"], **PUSHED),
    setting("registry.pull_organizations", ["o-a1b2c3d4e5"], **PUSHED),
    setting("registry.untagged_days", 3, **PUSHED),
    setting("registry.kept_images", 10, **PUSHED),
)
CLUSTER: Final = (
    setting("cluster.version", "1.35", "a cluster's version goes up only"),
    setting(
        "cluster.zones",
        ["eu-west-1a", "eu-west-1b"],
        CREATE_ONLY,
        network__zones=["eu-west-1a", "eu-west-1b", "eu-west-1c"],
    ),
    setting("cluster.public_access_cidrs", ["203.0.113.0/24"]),
    setting(
        "cluster.node_groups.spare.architecture",
        "amd64",
        **{**SPARE, "cluster__node_groups__spare": {"instance_types": ["m7i.large"]}},
    ),
    setting("cluster.node_groups.spare.ami", "bottlerocket", **SPARE),
    setting("cluster.node_groups.spare.release_version", "1.36.0-20260101", **SPARE),
    setting("cluster.node_groups.spare.instance_types", ["m7g.xlarge"], **SPARE),
    setting("cluster.node_groups.spare.capacity", "spot", **SPARE),
    setting("cluster.node_groups.spare.autoscaled", True, **SPARE),
    setting("cluster.node_groups.spare.min", 3, **SPARE),
    setting("cluster.node_groups.spare.max", 9, **SPARE),
    setting("cluster.node_groups.spare.disk_size", 100, **SPARE),
    setting("cluster.node_groups.spare.labels", {"pool": "spare"}, **SPARE),
    setting("cluster.node_groups.spare.taints.gpu.value", "yes", **TAINT),
    setting("cluster.node_groups.spare.taints.gpu.effect", "NO_SCHEDULE", **TAINT),
    setting("cluster.access.team.principal_arn", f"{ROLE}2", **ACCESS),
    setting("cluster.access.team.policy", "edit", **ACCESS),
    setting("cluster.access.team.namespaces", ["web"], **ACCESS),
    setting("cluster.logs", ["api"]),
    setting("cluster.log_retention", 7),
    setting("cluster.deletion_protection", True, "AWS keeps the cluster until it is off"),
    setting("cluster.support", "extended"),
    setting("cluster.addons", {"coredns": "v1.14.2-eksbuild.1"}),
    setting("cluster.extra_addons.aws-ebs-csi-driver.version", "v1.51.0-eksbuild.1", **EXTRA),
    setting("cluster.extra_addons.aws-ebs-csi-driver.configuration", '{"controller": {"replicaCount": 1}}', **EXTRA),
    setting("cluster.extra_addons.aws-ebs-csi-driver.permissions", {"ebs-csi-controller-sa": [POLICY]}, **EXTRA),
    setting("cluster.network_policies", True),
    setting("cluster.external_dns.policy", "sync", cluster__external_dns={}),
    setting("cluster.external_dns.sources", ["service"], cluster__external_dns={}),
    setting("cluster.metrics_adapter.url", "http://other.monitoring", cluster__metrics_adapter=ADAPTER),
    setting("cluster.metrics_adapter.port", 9091, cluster__metrics_adapter=ADAPTER),
    setting("cluster.metrics_adapter.metrics.calls.series", "other", cluster__metrics_adapter=ADAPTER),
    setting("cluster.metrics_adapter.metrics.calls.kind", "value", cluster__metrics_adapter=ADAPTER),
    setting("cluster.metrics_adapter.metrics.calls.window", 300, cluster__metrics_adapter=ADAPTER),
)
BALANCERS: Final = (
    setting("load_balancers.public.scheme", "internal"),
    setting("load_balancers.public.owner", "ingress"),
    setting("load_balancers.public.owner", "gateway"),
    setting("load_balancers.public.idle_timeout", 600),
    setting("load_balancers.public.client_keep_alive", 600),
    setting("load_balancers.public.certificate.arn", CERTIFICATE, ELSEWHERE),
    setting("load_balancers.public.certificate.domains", ["*.dev.example.com", "dev.example.com"]),
    setting("load_balancers.public.tls_policy", "ELBSecurityPolicy-TLS13-1-3-2021-06"),
    setting("load_balancers.public.allow_cidrs", ["203.0.113.0/24"]),
    setting("load_balancers.public.http_redirect", True),
    setting("load_balancers.public.generation", 2),
    setting("load_balancers.public.deletion_protection", True, "AWS keeps the load balancer until it is off"),
    setting("load_balancers.public.mtls.mode", "passthrough"),
    setting(
        "load_balancers.public.mtls.trust_store.arn",
        STORE,
        ELSEWHERE,
        load_balancers__public__mtls={"mode": "verify", "trust_store": {}},
    ),
    setting(
        "load_balancers.public.mtls.trust_store.bucket",
        "other",
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    setting(
        "load_balancers.public.mtls.trust_store.key",
        "b",
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    setting(
        "load_balancers.public.mtls.trust_store.version",
        "2",
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    setting(
        "load_balancers.public.mtls.ignore_expiry",
        True,
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    setting(
        "load_balancers.public.mtls.advertise_ca_names",
        True,
        load_balancers__public__mtls={"mode": "verify", "trust_store": {"bucket": "cas", "key": "a"}},
    ),
    setting(
        "load_balancers.public.waf.web_acl_arn",
        ACL.replace("edge", "other"),
        load_balancers__public__waf={"web_acl_arn": ACL},
    ),
    setting("load_balancers.public.waf.fail_open", True, load_balancers__public__waf={"web_acl_arn": ACL}),
    setting("load_balancers.public.headers.drop_invalid", True),
    setting("load_balancers.public.headers.preserve_host", True),
    setting("load_balancers.public.headers.forwarded_for", "remove"),
    setting("load_balancers.public.headers.client_port", True),
    setting("load_balancers.public.headers.tls_version_and_cipher", True),
    setting("load_balancers.public.headers.server", False),
    setting(
        "load_balancers.public.headers.rename",
        {"x_amzn_tls_version": "X-Tls"},
        load_balancers__public__headers={"tls_version_and_cipher": True},
    ),
    setting("load_balancers.public.headers.add", {"x_frame_options": "DENY"}),
    setting("load_balancers.public.desync_mitigation", "strictest"),
    setting("load_balancers.public.logs.access", False, load_balancers__public__logs={"connections": True}),
    setting("load_balancers.public.logs.connections", True, load_balancers__public__logs={}),
    setting("load_balancers.public.logs.health_checks", True, load_balancers__public__logs={}),
    setting("load_balancers.public.logs.retention", 30, load_balancers__public__logs={}),
    setting("load_balancers.public.zonal_shift", True),
)
LATTICE: Final = (
    setting("lattice.auth", "none", lattice={**LATTICE_SETTINGS}),
    setting("lattice.access_logs", False, lattice=LATTICE_SETTINGS),
    setting("lattice.log_retention", 7, lattice=LATTICE_SETTINGS),
    setting("lattice.association", "endpoint", lattice=LATTICE_SETTINGS),
    setting("lattice.prefix_lists.ipv4", "pl-0123456789abcdef9", **MESHED),
    setting("lattice.prefix_lists.ipv6", "pl-0123456789abcdef1", **MESHED),
    setting("lattice.share.principals", ["555566667777"], lattice=LATTICE_SETTINGS),
    setting("lattice.share.external", True, lattice=LATTICE_SETTINGS),
    setting("services.orders.expose.lattice.allow", [ROLE], **MESHED),
    setting("services.orders.expose.lattice.idle_timeout", 300, **MESHED),
    *(
        setting(
            f"services.orders.expose.lattice.health_check.{key}",
            value,
            **{
                **MESHED,
                "services__orders__expose__lattice": {
                    **ON_LATTICE,
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
AROUND: Final = (
    setting("cloud_map.namespace", "other.internal", **CLOUD_MAP),
    setting("cloud_map.ttl", 30, **CLOUD_MAP),
    setting("cloud_map.allow_cidrs", ["10.0.0.0/8"], **CLOUD_MAP),
    *(
        setting(f"observability.thresholds.{key}", value, **WATCHED)
        for key, value in (
            ("latency", 100),
            ("target_errors", 9),
            ("balancer_errors", 9),
            ("refused_calls", 9),
            ("least_calls", 99),
            ("minutes", 9),
        )
    ),
    setting("observability.topic_arns", [f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms"], **WATCHED),
    setting("observability.create_topic", True, **WATCHED),
    setting("observability.dashboards", False, **WATCHED),
    setting("observability.access_logs.bucket", "other-logs", observability={"access_logs": {"bucket": "acme-logs"}}),
    setting("observability.access_logs.prefix", "edge", observability={"access_logs": {"bucket": "acme-logs"}}),
)
