"""Rules of client certificates, firewall, headers, logs, and of how calls are spread."""

from typing import Any

import pytest

from .conftest import Desk

STORE = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/partners/0123456789abcdef"
ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/edge/12345678-1234-1234-1234-123456789012"
DIGEST = "sha256:" + "0" * 64

BALANCER_REFUSED: list[tuple[str, Any, str]] = [
    ("mtls", {"mode": "verify"}, ".mtls.trust_store: missing; mode verify needs the CAs"),
    ("mtls", {"mode": "passthrough", "trust_store": {"arn": STORE}}, ".mtls.trust_store: only with mode verify"),
    ("mtls", {"mode": "passthrough", "ignore_expiry": True}, ".mtls.ignore_expiry: only with mode verify"),
    ("mtls", {"mode": "verify", "trust_store": {}}, ".mtls.trust_store: must have exactly one of arn"),
    ("mtls", {"mode": "verify", "trust_store": {"arn": STORE, "bucket": "cas"}}, "must have exactly one of arn"),
    ("mtls", {"mode": "verify", "trust_store": {"bucket": "cas"}}, ".trust_store.key: missing"),
    ("mtls", {"mode": "verify", "trust_store": {"arn": STORE, "version": "1"}}, ".version: only with bucket"),
    ("mtls", {"mode": "verify", "trust_store": {"arn": STORE.replace("west", "east")}}, "must be of eu-west-1"),
    ("mtls", {"mode": "off"}, ".mtls.mode: must be one of passthrough, verify"),
    ("waf", {"web_acl_arn": ACL.replace("west", "east")}, ".waf.web_acl_arn: must be of eu-west-1 (aws:region)"),
    ("waf", {"web_acl_arn": ACL.replace("regional", "global")}, "must be the ARN of a regional web ACL"),
    ("logs", {"access": False}, ".logs: all of them are off"),
    ("logs", {"retention": 0}, ".logs.retention: must be a whole number"),
    ("headers", {"rename": {"x_amzn_mtls_clientcert": "x"}}, "rename.x_amzn_mtls_clientcert: is added with mtls only"),
    ("headers", {"rename": {"x_amzn_tls_version": "x"}}, "is added with headers.tls_version_and_cipher: true only"),
    ("headers", {"rename": {"x_amzn_tls": "x"}}, "must be one of x_amzn_mtls_clientcert, "),
    (
        "headers",
        {"tls_version_and_cipher": True, "rename": {"x_amzn_tls_version": "X-T", "x_amzn_tls_cipher_suite": "x-t"}},
        '"x-t" is the name of x_amzn_tls_version already',
    ),
    ("headers", {"add": {"x_content_type_options": "sniff"}}, 'must be "nosniff"; received "sniff"'),
    ("headers", {"add": {"access_control_max_age": "86401"}}, 'must be 0 to 86400; received "86401"'),
    ("headers", {"add": {"x_frame_options": "NEVER"}}, "must be DENY, SAMEORIGIN or ALLOW-FROM"),
    ("headers", {"add": {"access_control_allow_credentials": "false"}}, 'must be "true"'),
]
BALANCER_GOOD: list[tuple[str, Any]] = [
    ("mtls", {"mode": "verify", "trust_store": {"arn": STORE}, "ignore_expiry": True}),
    ("mtls", {"mode": "verify", "trust_store": {"bucket": "cas", "key": "ca.pem", "version": "3"}}),
    ("mtls", {"mode": "passthrough"}),
    ("waf", {"web_acl_arn": ACL, "fail_open": True}),
    ("logs", {"access": False, "health_checks": True, "retention": 30}),
    ("headers", {"tls_version_and_cipher": True, "rename": {"x_amzn_tls_version": "X-Tls"}}),
    ("headers", {"add": {"access_control_max_age": "86400", "x_frame_options": "ALLOW-FROM https://example.com"}}),
    ("zonal_shift", True),
    ("desync_mitigation", "strictest"),
]


@pytest.mark.parametrize(("key", "value", "said"), BALANCER_REFUSED)
def test_what_a_load_balancer_cannot_be(desk: Desk, key: str, value: Any, said: str) -> None:
    lines = desk.put(f"load_balancers.public.{key}", value).lines()
    assert any(said in line for line in lines), lines


@pytest.mark.parametrize(("key", "value"), BALANCER_GOOD)
def test_what_a_load_balancer_can_be(desk: Desk, key: str, value: Any) -> None:
    assert desk.put(f"load_balancers.public.{key}", value).lines() == []


def test_headers_of_client_certificates_may_be_renamed_where_there_are_some(desk: Desk) -> None:
    desk.put("load_balancers.public.headers", {"rename": {"x_amzn_mtls_clientcert": "X-Client"}})
    assert desk.put("load_balancers.public.mtls", {"mode": "passthrough"}).lines() == []


@pytest.mark.parametrize("name", ["ab", "Logs", "10.0.0.1", "a" * 64, "-logs", "xn--logs", "a..b"])
def test_a_bucket_has_a_name_that_s3_takes(desk: Desk, name: str) -> None:
    desk.put("load_balancers.public.logs", {})
    (line,) = desk.put("existing.log_bucket", name).lines()
    assert line.startswith("existing.log_bucket: must be a bucket name of 3 to 63")


def test_an_existing_bucket_keeps_its_own_rules(desk: Desk) -> None:
    desk.put("existing.log_bucket", "acme-logs")
    assert desk.put("load_balancers.public.logs", {}).lines() == []
    (line,) = desk.put("load_balancers.public.logs.retention", 30).lines()
    assert line.startswith("load_balancers.public.logs.retention: existing.log_bucket keeps rules of its own")


def test_a_region_takes_fifty_load_balancers(desk: Desk) -> None:
    for name in ("orders", "web"):
        desk.put(f"services.{name}.expose.alb.load_balancer", "public")
    for number in range(50):
        desk.put(f"load_balancers.b{number}", {"scheme": "internal"})
    assert desk.lines() == ["load_balancers: there are 51; AWS allows 50 in a region by default"]
    assert desk.drop("load_balancers.b49").lines() == []


IMAGE = {"uri": "ghcr.io/acme/x", "digest": DIGEST}
ALB_REFUSED: list[tuple[str, str, Any, str]] = [
    ("orders", "canary", {}, ".canary: must have exactly one of digest and tag"),
    ("orders", "canary", {"tag": "1", "digest": DIGEST}, ".canary: must have exactly one of digest and tag"),
    ("orders", "canary", {"tag": "1", "weight": 101}, ".canary.weight: must be a whole number from 0 to 100"),
    ("orders", "anomaly_mitigation", True, "works with the algorithm weighted_random only, and it is round_robin"),
    ("orders", "stickiness", {}, ".stickiness: only for HTTP workloads: it is done with cookies"),
    ("web", "stickiness", {"type": "app_cookie"}, ".stickiness.cookie: missing"),
    ("web", "stickiness", {"cookie": "id"}, ".stickiness.cookie: only with type app_cookie"),
    ("web", "stickiness", {"type": "app_cookie", "cookie": "AWSALBTG"}, "not starting with AWSALB"),
    ("web", "target_health", {"any_target": {"count": 2}}, ".dns_failover.count: must be at least any_target.count, 2"),
    ("web", "target_health", {"any_target": {"percent": 5}}, ".dns_failover.percent: must be at least any_target.perc"),
]
ALB_GOOD: list[tuple[str, str, Any]] = [
    ("orders", "canary", {"tag": "1"}),
    ("orders", "canary", {"digest": DIGEST, "weight": 100}),
    ("web", "stickiness", {"type": "app_cookie", "cookie": "session"}),
    ("web", "stickiness", {"duration": 60}),
    ("orders", "target_health", {"dns_failover": {"count": 2, "percent": 50}, "any_target": {"percent": 50}}),
]


@pytest.mark.parametrize(("name", "key", "value", "said"), ALB_REFUSED)
def test_what_an_exposure_cannot_be(desk: Desk, name: str, key: str, value: Any, said: str) -> None:
    lines = desk.put(f"services.{name}.image", IMAGE).put(f"services.{name}.expose.alb.{key}", value).lines()
    assert any(said in line for line in lines), lines


@pytest.mark.parametrize(("name", "key", "value"), ALB_GOOD)
def test_what_an_exposure_can_be(desk: Desk, name: str, key: str, value: Any) -> None:
    assert desk.put(f"services.{name}.image", IMAGE).put(f"services.{name}.expose.alb.{key}", value).lines() == []


def test_anomaly_mitigation_goes_with_weighted_random(desk: Desk) -> None:
    desk.put("services.orders.expose.alb.algorithm", "weighted_random")
    assert desk.put("services.orders.expose.alb.anomaly_mitigation", True).lines() == []


def test_a_canary_needs_something_to_be_compared_with(desk: Desk) -> None:
    (line,) = desk.put("services.orders.expose.alb.canary", {"tag": "1"}).lines()
    assert line.startswith("services.orders.expose.alb.canary: the workload has no image yet")


def test_a_protected_environment_wants_the_digest_of_a_canary(desk: Desk) -> None:
    desk.protect().put("services.orders.image", IMAGE).put("services.orders.expose.alb.canary", {"tag": "1"})
    assert any(
        line.startswith("services.orders.expose.alb.canary.tag: a protected environment") for line in desk.lines()
    )


def test_a_canary_is_a_target_group_of_its_load_balancer(desk: Desk) -> None:
    desk.drop("services.orders").drop("services.web")
    for number in range(99):
        desk.put(
            f"services.s{number}",
            {
                "protocol": "grpc",
                "port": 50051,
                "image": IMAGE,
                "grpc_services": ["acme.v1.Echo"],
                "expose": {"alb": {"host": f"s{number}.dev.example.com"}},
            },
        )
    desk.put("services.s0.expose.alb.canary", {"tag": "1"})
    assert desk.lines() == []
    (line,) = desk.put("services.s1.expose.alb.canary", {"tag": "1"}).lines()
    assert line.startswith(
        "load_balancers.public: it has 99 services with one target group each and 2 canary target groups; AWS allows"
    )


def test_tls_to_the_pod_needs_a_port_without_it_for_health_checks(desk: Desk) -> None:
    desk.put("services.orders.backend_tls", {"secret": "orders-tls"})
    (line,) = desk.lines()
    assert line.startswith("services.orders.health.port: backend_tls needs another port than the workload's")
    assert desk.put("services.orders.health", {"port": 50051}).lines() == [line]
    assert desk.put("services.orders.health", {"port": 8080}).lines() == []
    assert desk.put("services.orders.env", {"TLS_KEY_FILE": "/x"}).lines() == [
        (
            "services.orders.env.TLS_KEY_FILE: the platform sets this variable itself with backend_tls; "
            "choose another name"
        )
    ]
    assert desk.drop("services.orders.backend_tls").lines() == []
