"""A value other than the default for each setting of a workload and of its ways in."""

from __future__ import annotations

from typing import Final

from .base import (
    ADAPTER,
    BASE,
    CANARY,
    CHECKED,
    CLIENT,
    DIGEST,
    HTTP_ROUTE,
    ORDERS,
    POLICY,
    REWRITE,
    ROUTE,
    WATCHED,
    setting,
)

WORKLOADS: Final = (
    setting("services.orders.protocol", "http", services__orders__grpc_services=None),
    setting("services.orders.port", 50052),
    setting(
        "services.orders.image.repository",
        "orders",
        "its image must be pushed first",
        services__orders__image={"tag": "1"},
    ),
    setting("services.orders.image.uri", "ghcr.io/acme/other"),
    setting("services.orders.image.digest", DIGEST, services__orders__image={"uri": "ghcr.io/acme/orders"}),
    setting("services.orders.image.tag", "1.5.0"),
    setting("services.orders.grpc_services", [ORDERS, "acme.orders.v1.Admin"]),
    setting("services.orders.health.service", "ready"),
    setting("services.orders.health.liveness", "alive"),
    setting("services.orders.health.path", "/acme.Health/Check"),
    setting("services.orders.health.success_codes", "0,1"),
    setting("services.orders.health.port", 8081),
    setting("services.orders.health.interval", 30),
    setting("services.orders.health.timeout", 3),
    setting("services.orders.health.healthy", 3),
    setting("services.orders.health.unhealthy", 3),
    setting("services.orders.health.startup", 60),
    setting(
        "services.orders.backend_tls.secret",
        "orders-tls",
        "the Secret is made by hand",
        services__orders__health={"port": 8081},
    ),
    setting("services.orders.scaling.min", 3),
    setting("services.orders.scaling.max", 20),
    setting("services.orders.scaling.cpu", 50),
    setting("services.orders.scaling.memory", 80),
    setting("services.orders.scaling.metrics", {"calls": "50"}, cluster__metrics_adapter=ADAPTER),
    setting("services.orders.resources.cpu", "500m"),
    setting("services.orders.resources.memory", "512Mi"),
    setting("services.orders.resources.cpu_limit", "2"),
    setting("services.orders.resources.memory_limit", "1Gi"),
    setting("services.orders.env", {"LOG_LEVEL": "debug"}),
    setting("services.orders.secrets", {"TOKEN": "hunter2"}, "is encrypted in a stack file"),
    setting("services.orders.drain", 60),
    setting("services.orders.architecture", "arm64"),
    setting("services.web.calls", ["orders"], **CLIENT),
    setting("services.orders.permissions", [POLICY]),
    setting(
        "services.orders.statements.read.actions",
        ["s3:PutObject"],
        services__orders__statements={"read": {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::acme/*"]}},
    ),
    setting(
        "services.orders.statements.read.resources",
        ["arn:aws:s3:::other/*"],
        services__orders__statements={"read": {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::acme/*"]}},
    ),
    setting("services.orders.labels", {"team": "edge"}),
    setting("services.orders.annotations", {"prometheus.io/scrape": "true"}),
    setting("services.orders.spread.zones", "required"),
    setting("services.orders.spread.nodes", "required"),
    setting("services.orders.alarms.latency", 100, **WATCHED),
    setting("services.orders.alarms.target_errors", 9, **WATCHED),
)
EXPOSURES: Final = (
    setting("services.orders.expose.alb.load_balancer", "inner", load_balancers__inner={"scheme": "internal"}),
    setting("services.orders.expose.alb.host", "other.dev.example.com"),
    setting("services.orders.expose.alb.algorithm", "least_outstanding_requests"),
    setting(
        "services.orders.expose.alb.anomaly_mitigation",
        True,
        services__orders__expose__alb__algorithm="weighted_random",
    ),
    setting("services.orders.expose.alb.generation", 2),
    setting("services.orders.expose.alb.slow_start", 60),
    setting("services.orders.expose.alb.routes.r.methods", [f"{ORDERS}/Get"], **ROUTE),
    setting(
        "services.orders.expose.alb.routes.r.services",
        [ORDERS],
        services__orders__expose__alb__routes__r={"headers": {"x-a": ["1"]}, "methods": [f"{ORDERS}/Get"]},
    ),
    setting("services.orders.expose.alb.routes.r.hosts", ["r.dev.example.com"], **ROUTE),
    setting("services.orders.expose.alb.routes.r.headers", {"x-b": ["2", "3"]}, **ROUTE),
    setting("services.orders.expose.alb.routes.r.source_ips", ["203.0.113.0/24"], **ROUTE),
    setting(
        "services.orders.expose.alb.routes.r.to",
        "stock",
        services__orders__expose__alb__routes__r={"headers": {"x-a": ["1"]}},
        services__stock={
            **BASE["services"]["orders"],
            "expose": {"alb": {"load_balancer": "public", "host": "stock.dev.example.com"}},
        },
    ),
    setting("services.orders.expose.alb.routes.r.otherwise", "pass", **ROUTE),
    setting(
        "services.orders.expose.alb.routes.r.rewrite.grpc",
        True,
        services__orders__expose__alb__routes__r={"methods": [f"{ORDERS}/Get"], "rewrite": {"path": REWRITE}},
    ),
    setting("services.web.expose.alb.routes.r.paths", ["/api/*"], **HTTP_ROUTE),
    setting("services.web.expose.alb.routes.r.query", {"v": ["1"]}, **HTTP_ROUTE),
    *(
        setting(
            f"services.web.expose.alb.{place}rewrite.{part}.{key}",
            "^/x" if key == "regex" else "/y",
            **{**HTTP_ROUTE, f"services__web__expose__alb__{place.replace('.', '__')}rewrite": {part: REWRITE}},
        )
        for place in ("", "routes.r.")
        for part in ("host", "path")
        for key in ("regex", "replace")
    ),
    setting("services.orders.expose.alb.rewrite.grpc", True, services__orders__expose__alb__rewrite={"path": REWRITE}),
    setting("services.web.expose.alb.paths", ["/api/*", "/*"]),
    setting("services.orders.expose.alb.canary.digest", DIGEST, services__orders__expose__alb__canary={}),
    setting("services.orders.expose.alb.canary.tag", "1.6.0", **CANARY),
    setting("services.orders.expose.alb.canary.weight", 10, **CANARY),
    setting(
        "services.web.expose.alb.stickiness.type",
        "app_cookie",
        services__web__expose__alb__stickiness={"cookie": "session"},
    ),
    setting("services.web.expose.alb.stickiness.duration", 60, services__web__expose__alb__stickiness={}),
    setting(
        "services.web.expose.alb.stickiness.cookie",
        "other",
        services__web__expose__alb__stickiness={"type": "app_cookie", "cookie": "session"},
    ),
    setting("services.web.expose.alb.target_health.dns_failover.count", 2, **CHECKED),
    setting("services.web.expose.alb.target_health.dns_failover.percent", 50, **CHECKED),
    setting(
        "services.web.expose.alb.target_health.any_target.count",
        2,
        services__web__expose__alb__target_health={"dns_failover": {"count": 3}},
    ),
    setting(
        "services.web.expose.alb.target_health.any_target.percent",
        20,
        services__web__expose__alb__target_health={"dns_failover": {"percent": 50}},
    ),
    setting("services.orders.expose.client_side.max_connection_age", 120, **CLIENT),
    setting("services.orders.expose.client_side.max_connection_age_grace", 10, **CLIENT),
    setting(
        "services.orders.expose.client_side.cloud_map", True, **{**CLIENT, "cloud_map": {"namespace": "acme.internal"}}
    ),
    *(
        setting(f"services.orders.expose.client_side.retry.{key}", value, **CLIENT)
        for key, value in (
            ("attempts", 2),
            ("codes", ["UNAVAILABLE", "ABORTED"]),
            ("initial_backoff", 50),
            ("max_backoff", 500),
            ("budget", 20),
        )
    ),
)
