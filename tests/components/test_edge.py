"""Client certificates, firewall, headers and logs of a load balancer."""

import json
from collections.abc import Callable
from typing import Any

import pytest

LB = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
STORE = "aws:lb/trustStore:TrustStore"
WAF = "aws:wafv2/webAclAssociation:WebAclAssociation"
BUCKET = "aws:s3/bucket:Bucket"
STORE_ARN = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/partners/0123456789abcdef"
ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/edge/12345678-1234-1234-1234-123456789012"

Platform = Callable[..., Any]
Raw = dict[str, Any]


def public(raw: Raw) -> Raw:
    found: Raw = raw["load_balancers"]["public"]
    return found


def test_a_plain_load_balancer_has_none_of_it_and_says_so(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    listener, balancer = seen.one(LISTENER).inputs, seen.one(LB).inputs
    assert listener["mutualAuthentication"] == {"mode": "off"}
    for kind in ("accessLogs", "connectionLogs", "healthCheckLogs"):
        assert balancer[kind] == {"enabled": False, "bucket": ""}
    assert balancer["enableWafFailOpen"] is False
    assert not [each for type_ in (STORE, WAF, BUCKET) for each in seen.of(type_)]


def test_passthrough_asks_for_certificates_and_verifies_none(platform: Platform, minimal: Raw) -> None:
    public(minimal)["mtls"] = {"mode": "passthrough"}
    assert platform(minimal).one(LISTENER).inputs["mutualAuthentication"] == {"mode": "passthrough"}


def test_verify_with_an_existing_trust_store(platform: Platform, minimal: Raw) -> None:
    public(minimal)["mtls"] = {"mode": "verify", "trust_store": {"arn": STORE_ARN}, "advertise_ca_names": True}
    seen = platform(minimal)
    assert seen.one(LISTENER).inputs["mutualAuthentication"] == {
        "mode": "verify",
        "trustStoreArn": STORE_ARN,
        "ignoreClientCertificateExpiry": False,
        "advertiseTrustStoreCaNames": "on",
    }
    assert not seen.of(STORE)


def test_verify_with_a_bundle_makes_a_trust_store_with_a_name_that_fits(platform: Platform, minimal: Raw) -> None:
    store = {"bucket": "acme-cas", "key": "partners.pem", "version": "v7"}
    key = "a-long-name-of-20-ch"
    minimal["load_balancers"] = {key: {**public(minimal), "mtls": {"mode": "verify", "trust_store": store}}}
    seen = platform(minimal, stack="a-stack-with-a-long-name-that-someone-chose")
    made = seen.one(STORE)
    assert made.name == f"{key}-trust-store"
    assert len(made.inputs.pop("name")) <= 32
    assert made.inputs.pop("tags")
    assert made.inputs == {
        "caCertificatesBundleS3Bucket": "acme-cas",
        "caCertificatesBundleS3Key": "partners.pem",
        "caCertificatesBundleS3ObjectVersion": "v7",
    }
    assert seen.one(LISTENER).inputs["mutualAuthentication"]["trustStoreArn"].endswith(made.name)


def test_a_firewall_is_put_before_the_load_balancer(platform: Platform, minimal: Raw) -> None:
    public(minimal)["waf"] = {"web_acl_arn": ACL, "fail_open": True}
    seen = platform(minimal)
    association = seen.one(WAF)
    assert association.inputs == {"webAclArn": ACL, "resourceArn": f"arn:aws:{LB}:public-load-balancer"}
    assert association.delete_before_replace is True
    assert seen.one(LB).inputs["enableWafFailOpen"] is True


@pytest.mark.parametrize(
    ("settings", "type_", "key", "expected"),
    [
        ({"headers": {"drop_invalid": True}}, LB, "dropInvalidHeaderFields", True),
        ({"headers": {}}, LB, "dropInvalidHeaderFields", False),
        ({"headers": {"preserve_host": True}}, LB, "preserveHostHeader", True),
        ({"headers": {"forwarded_for": "remove"}}, LB, "xffHeaderProcessingMode", "remove"),
        ({"headers": {"client_port": True}}, LB, "enableXffClientPort", True),
        ({"headers": {"tls_version_and_cipher": True}}, LB, "enableTlsVersionAndCipherSuiteHeaders", True),
        ({"desync_mitigation": "strictest"}, LB, "desyncMitigationMode", "strictest"),
        ({"zonal_shift": True}, LB, "enableZonalShift", True),
        ({"headers": {"server": False}}, LISTENER, "routingHttpResponseServerEnabled", False),
        (
            {"headers": {"add": {"strict_transport_security": "max-age=31536000"}}},
            LISTENER,
            "routingHttpResponseStrictTransportSecurityHeaderValue",
            "max-age=31536000",
        ),
        (
            {"mtls": {"mode": "passthrough"}, "headers": {"rename": {"x_amzn_mtls_clientcert_leaf": "X-Leaf"}}},
            LISTENER,
            "routingHttpRequestXAmznMtlsClientcertLeafHeaderName",
            "X-Leaf",
        ),
    ],
)
def test_settings_reach_balancer_and_listener(
    platform: Platform, minimal: Raw, settings: Raw, type_: str, key: str, expected: Any
) -> None:
    public(minimal).update(settings)
    assert platform(minimal).one(type_).inputs[key] == expected


def test_every_header_that_can_be_named_is_an_input_of_the_listener(platform: Platform, minimal: Raw) -> None:
    from components.settings.edge import REQUEST_HEADERS, RESPONSE_HEADERS

    values = {"access_control_allow_credentials": "true", "access_control_max_age": "60"}
    values |= {"x_content_type_options": "nosniff", "x_frame_options": "DENY"}
    public(minimal)["mtls"] = {"mode": "passthrough"}
    public(minimal)["headers"] = {
        "tls_version_and_cipher": True,
        "rename": {header: f"X-{number}" for number, header in enumerate(REQUEST_HEADERS)},
        "add": {header: values.get(header, "x") for header in RESPONSE_HEADERS},
    }
    inputs = platform(minimal).one(LISTENER).inputs
    routing = [key for key in inputs if key.startswith("routingHttp")]
    assert len(routing) == len(REQUEST_HEADERS) + len(RESPONSE_HEADERS) + 1


def test_logs_go_to_a_closed_bucket_that_lets_the_load_balancer_write(platform: Platform, minimal: Raw) -> None:
    public(minimal)["logs"] = {"connections": True, "health_checks": True, "retention": 30}
    seen = platform(minimal)
    bucket, balancer = seen.one(BUCKET), seen.one(LB)
    assert bucket.inputs["forceDestroy"] is True
    closed = seen.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert [value for key, value in closed.items() if key != "bucket"] == [True] * 4
    rules = seen.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert rules[0]["expiration"] == {"days": 30}
    policy = seen.one("aws:s3/bucketPolicy:BucketPolicy")
    writer = json.loads(policy.inputs["policy"])["Statement"][0]
    assert writer["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert writer["Action"] == "s3:PutObject"
    assert policy.urn in balancer.depends_on
    prefixes = [balancer.inputs[kind]["prefix"] for kind in ("accessLogs", "connectionLogs", "healthCheckLogs")]
    assert prefixes == ["public/access", "public/connections", "public/health-checks"]
    assert all(balancer.inputs[kind]["bucket"] == "public-logs-id" for kind in ("accessLogs", "connectionLogs"))


def test_logs_may_go_to_a_bucket_that_exists(platform: Platform, minimal: Raw) -> None:
    minimal["existing"]["log_bucket"] = "acme-logs"
    public(minimal)["logs"] = {}
    seen = platform(minimal)
    assert not seen.of(BUCKET)
    balancer = seen.one(LB).inputs
    assert balancer["accessLogs"] == {"enabled": True, "bucket": "acme-logs", "prefix": "public/access"}
    assert balancer["connectionLogs"] == {"enabled": False, "bucket": ""}


def test_logs_of_a_protected_balancer_do_not_go_with_the_bucket(platform: Platform, minimal: Raw) -> None:
    public(minimal).update({"logs": {}, "deletion_protection": True})
    bucket = platform(minimal).one(BUCKET)
    assert bucket.inputs["forceDestroy"] is False
    assert bucket.protect
