"""What AWS and the provider refuse about listeners and their certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import FIXED, Edge, Invalid, Made, World, edge, forward

ABROAD = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
UNKNOWN = ABROAD.replace("us-east-1", "eu-west-1")
OUTSIDE = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
STORE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:truststore/none/0123456789abcdef"
OIDC = {"type": "authenticate-oidc", "authenticateOidc": {"issuer": "i", "clientId": "c", "clientSecret": "s"}}
for endpoint in ("authorizationEndpoint", "tokenEndpoint", "userInfoEndpoint"):
    OIDC["authenticateOidc"][endpoint] = "https://login.example.com"  # type: ignore[index]
GRPC_ON_HTTP = (
    "InvalidLoadBalancerAction: Listener protocol 'HTTP' is not supported with a target group with the "
    "protocol-version 'GRPC'"
)


def _tls(stage: Edge, **props: Any) -> Made:
    return stage.world.https(stage.balancer, stage.certificate, "more", **{"port": 8443, **props})


def _plain(stage: Edge, **props: Any) -> Made:
    given = {"loadBalancerArn": stage.balancer.id, "port": 8080, "protocol": "HTTP", "defaultActions": FIXED}
    return stage.world.make(kinds.LISTENER, "more", **{**given, **props})


def _group(stage: Edge, **props: Any) -> Made:
    return stage.world.target_group(stage.network, "other", **props)


def _pending(stage: Edge) -> object:
    certificate = stage.world.make(kinds.CERTIFICATE, "new", domainName="new.example.com", validationMethod="DNS")
    return _tls(stage, certificateArn=certificate.id)


def _elsewhere(stage: Edge) -> object:
    other = stage.world.load_balancer(stage.network, "other")
    stage.world.rule(stage.https, stage.orders)
    return stage.world.https(other, stage.certificate, "more", defaultActions=forward(stage.orders))


def _other_vpc(stage: Edge) -> object:
    network = stage.world.network(block=1)
    return _tls(stage, defaultActions=forward(stage.world.target_group(network, "far")))


def _fifty(stage: Edge) -> object:
    return [_plain(stage, port=1000 + number) for number in range(49)]


CREATES: dict[str, tuple[Callable[[Edge], object], str]] = {
    "plain HTTP before gRPC": (lambda stage: _plain(stage, defaultActions=forward(stage.orders)), GRPC_ON_HTTP),
    "no protocol, which is HTTP, before gRPC": (
        lambda stage: _plain(stage, protocol=None, defaultActions=forward(stage.orders)),
        GRPC_ON_HTTP,
    ),
    "plain HTTP before HTTP/2": (
        lambda stage: _plain(stage, defaultActions=forward(_group(stage, protocolVersion="HTTP2"))),
        GRPC_ON_HTTP.replace("GRPC", "HTTP2"),
    ),
    "a login before gRPC": (
        lambda stage: _tls(stage, defaultActions=[OIDC, *forward(stage.orders)]),
        "Action type 'authenticate-oidc' is not supported with a target group with the protocol-version 'GRPC'",
    ),
    "a login without TLS": (
        lambda stage: _plain(stage, defaultActions=[OIDC, *FIXED]),
        "Actions of type 'authenticate-oidc' are supported only on HTTPS listeners",
    ),
    "a login and nothing after it": (
        lambda stage: _tls(stage, defaultActions=[OIDC]),
        "The last action must be a forward, redirect or fixed-response action",
    ),
    "two answers": (lambda stage: _tls(stage, defaultActions=[*FIXED, *FIXED]), "TooManyActions"),
    "a target group that does not exist": (
        lambda stage: _tls(stage, defaultActions=[{"type": "forward", "targetGroupArn": f"{stage.orders.id}0"}]),
        "TargetGroupNotFound: Target groups",
    ),
    "a TCP target group": (
        lambda stage: _tls(stage, defaultActions=forward(_group(stage, protocol="TCP", protocolVersion=None))),
        "Listener protocol 'HTTPS' is not supported with a target group with the protocol 'TCP'",
    ),
    "a target group of another VPC": (_other_vpc, "of the load balancer"),
    "a target group of another load balancer": (
        _elsewhere,
        "TargetGroupAssociationLimit: The following target groups cannot be associated with more than one",
    ),
    "HTTPS without certificate": (
        lambda stage: _tls(stage, certificateArn=None),
        "api error ValidationError: A certificate must be specified for HTTPS listeners",
    ),
    "HTTP with certificate": (
        lambda stage: _plain(stage, certificateArn=stage.certificate.id),
        "A certificate cannot be specified for HTTP listeners",
    ),
    "HTTP with a TLS policy": (
        lambda stage: _plain(stage, sslPolicy="ELBSecurityPolicy-2016-08"),
        "An SSL policy cannot be specified for HTTP listeners",
    ),
    "a certificate nobody has": (
        lambda stage: _tls(stage, certificateArn=UNKNOWN),
        f"CertificateNotFound: Certificate '{UNKNOWN}' not found",
    ),
    "a certificate of another region": (
        lambda stage: _tls(stage, certificateArn=ABROAD),
        f"CertificateNotFound: Certificate '{ABROAD}' not found",
    ),
    "a certificate that is not issued yet": (_pending, "UnsupportedCertificate: The certificate"),
    "a TLS policy nobody knows": (
        lambda stage: _tls(stage, sslPolicy="ELBSecurityPolicy-TLS13-1-2-2024-01"),
        "SSLPolicyNotFound: SSL policy 'ELBSecurityPolicy-TLS13-1-2-2024-01' not found",
    ),
    "a trust store nobody has": (
        lambda stage: _tls(stage, mutualAuthentication={"mode": "verify", "trustStoreArn": STORE}),
        "TrustStoreNotFound",
    ),
    "client certificates without TLS": (
        lambda stage: _plain(stage, mutualAuthentication={"mode": "passthrough"}),
        "Mutual authentication cannot be specified for HTTP listeners",
    ),
    "a protocol of network load balancers": (
        lambda stage: _plain(stage, protocol="TCP"),
        "Listener protocol 'TCP' must be one of 'HTTP, HTTPS'",
    ),
    "an ALPN policy": (
        lambda stage: _tls(stage, alpnPolicy="HTTP2Only"),
        "An ALPN policy cannot be specified for HTTPS listeners",
    ),
    "no port": (lambda stage: _plain(stage, port=None), "A port must be specified for HTTP listeners"),
    "a port that is taken": (
        lambda stage: _plain(stage, port=80),
        "DuplicateListener: A listener already exists on this port for this load balancer",
    ),
    "a load balancer that does not exist": (
        lambda stage: _plain(stage, loadBalancerArn=stage.balancer.id + "0"),
        "LoadBalancerNotFound: Load balancer",
    ),
    "fifty listeners already": (_fifty, "TooManyListeners"),
}


@pytest.mark.parametrize("case", CREATES)
def test_aws_refuses_a_listener_with(case: str) -> None:
    attempt, said = CREATES[case]
    with pytest.raises(Refused) as caught:
        attempt(edge())
    assert said in str(caught.value)
    assert "CreateListener" in str(caught.value)


def _downgrade(stage: Edge) -> object:
    return stage.world.change(stage.https, protocol="HTTP", certificateArn=None)


def _downgrade_under_a_rule(stage: Edge) -> object:
    stage.world.rule(stage.https, stage.orders)
    return _downgrade(stage)


UPDATES: dict[str, tuple[Callable[[Edge], object], str]] = {
    "to forward plain HTTP to gRPC": (
        lambda stage: stage.world.change(stage.http, defaultActions=forward(stage.orders)),
        GRPC_ON_HTTP,
    ),
    "to plain HTTP while a rule forwards to gRPC": (_downgrade_under_a_rule, GRPC_ON_HTTP),
    "to a port that is taken": (
        lambda stage: stage.world.change(stage.http, port=443),
        "Listener port '443' is already in use",
    ),
    "to HTTPS without certificate": (
        lambda stage: stage.world.change(stage.http, protocol="HTTPS"),
        "A certificate must be specified for HTTPS listeners",
    ),
    "to a certificate nobody has": (
        lambda stage: stage.world.change(stage.https, certificateArn=UNKNOWN),
        "CertificateNotFound",
    ),
}


@pytest.mark.parametrize("case", UPDATES)
def test_aws_refuses_a_change(case: str) -> None:
    attempt, said = UPDATES[case]
    with pytest.raises(Refused) as caught:
        attempt(edge())
    assert said in str(caught.value)
    assert "ModifyListener" in str(caught.value)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "an action without its block": (
        {"defaultActions": [{"type": "redirect"}]},
        'Attribute "defaultActions[0].redirect" must be specified when "defaultActions[0].type" is "redirect"',
    ),
    "a forward to nowhere": ({"defaultActions": [{"type": "forward"}]}, "At least one attribute out of"),
    "six target groups": (
        {"defaultActions": [{"type": "forward", "forward": {"targetGroups": [{"arn": UNKNOWN}] * 6}}]},
        "defaultActions[0].forward.targetGroups supports no more than 5 item(s), config has 6 declared",
    ),
    "a weight of 1000": (
        {"defaultActions": [{"type": "forward", "forward": {"targetGroups": [{"arn": UNKNOWN, "weight": 1000}]}}]},
        "weight to be in the range (0 - 999), got 1000",
    ),
    "a redirect with 308": (
        {"defaultActions": [{"type": "redirect", "redirect": {"statusCode": "HTTP_308"}}]},
        'statusCode to be one of ["HTTP_301" "HTTP_302"], got HTTP_308',
    ),
    "a fixed response in YAML": (
        {"defaultActions": [{"type": "fixed-response", "fixedResponse": {"contentType": "text/yaml"}}]},
        "contentType to be one of",
    ),
    "a fixed response with 301": (
        {
            "defaultActions": [
                {"type": "fixed-response", "fixedResponse": {"contentType": "text/css", "statusCode": "301"}}
            ]
        },
        "statusCode (301)",
    ),
    "verification without trust store": (
        {"mutualAuthentication": {"mode": "verify"}},
        '"mutualAuthentication.trustStoreArn" must be specified when "mutualAuthentication.mode" is "verify"',
    ),
    "a trust store that nothing is verified with": (
        {"mutualAuthentication": {"mode": "off", "trustStoreArn": STORE}},
        '"mutualAuthentication.trustStoreArn" cannot be specified when "mutualAuthentication.mode" is "off"',
    ),
    "something that is no ARN": ({"certificateArn": "cert"}, '"certificateArn" (cert) is an invalid ARN'),
    "port 0": ({"port": 0}, "expected port to be in the range (1 - 65535), got 0"),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    props, said = INVALID[case]
    with pytest.raises(Invalid) as caught:
        World().checked(kinds.LISTENER, "https", {"loadBalancerArn": UNKNOWN, "defaultActions": FIXED, **props})
    assert said in str(caught.value)


def test_https_gets_the_old_tls_policy_unless_one_is_given() -> None:
    stage = edge()
    assert stage.https["sslPolicy"] == "ELBSecurityPolicy-2016-08"
    modern = _tls(stage, sslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")
    assert modern["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def test_a_certificate_of_another_account_stands_for_one_outside_the_program() -> None:
    assert _tls(edge(), certificateArn=OUTSIDE)["certificateArn"] == OUTSIDE


def test_port_and_actions_change_in_place_and_the_load_balancer_replaces() -> None:
    stage = edge()
    assert not stage.world.diff(stage.https, port=8443, defaultActions=forward(stage.orders)).replaces
    other = stage.world.load_balancer(stage.network, "other")
    assert stage.world.diff(stage.https, loadBalancerArn=other.id).replaces == ("loadBalancerArn",)


def test_a_replaced_load_balancer_cannot_take_the_target_group_while_the_old_one_forwards_to_it() -> None:
    stage = edge()
    old = stage.world.change(stage.https, defaultActions=forward(stage.orders))
    successor = stage.world.load_balancer(stage.network, "edge-2")
    with pytest.raises(Refused, match="TargetGroupAssociationLimit"):
        stage.world.replace(old, loadBalancerArn=successor.id)


def test_a_certificate_in_use_cannot_be_deleted() -> None:
    stage = edge()
    with pytest.raises(
        Refused, match=rf"ResourceInUseException: Certificate {stage.certificate.id} in account .* in use"
    ):
        stage.world.drop(stage.certificate)
    stage.world.drop(stage.https)
    stage.world.drop(stage.certificate)


def _extra(stage: Edge, listener: Made, certificate: str, name: str = "extra") -> Made:
    return stage.world.make(kinds.LISTENER_CERTIFICATE, name, listenerArn=listener.id, certificateArn=certificate)


EXTRAS: dict[str, tuple[Callable[[Edge], object], str]] = {
    "on a plain listener": (
        lambda stage: _extra(stage, stage.http, stage.certificate.id),
        "Certificates cannot be specified for HTTP listeners",
    ),
    "that nobody has": (lambda stage: _extra(stage, stage.https, UNKNOWN), "CertificateNotFound"),
    "beyond 25": (
        lambda stage: [_extra(stage, stage.https, f"{OUTSIDE}{n}", f"extra-{n}") for n in range(26)],
        "TooManyCertificates",
    ),
    "when it goes and is the default one": (
        lambda stage: stage.world.drop(_extra(stage, stage.https, stage.certificate.id)),
        "OperationNotPermitted: Default Certificate cannot be removed",
    ),
}


@pytest.mark.parametrize("case", EXTRAS)
def test_aws_refuses_an_extra_certificate(case: str) -> None:
    attempt, said = EXTRAS[case]
    with pytest.raises(Refused) as caught:
        attempt(edge())
    assert said in str(caught.value)


def test_an_extra_certificate_on_a_listener_that_is_gone_is_refused() -> None:
    stage = edge()
    stage.world.drop(stage.https)
    with pytest.raises(Refused, match=r"ListenerNotFound: Listener '.*' not found"):
        _extra(stage, stage.https, stage.certificate.id)
