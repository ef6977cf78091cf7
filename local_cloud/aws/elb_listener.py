"""Listeners and their extra certificates: aws:lb/listener:Listener, aws:lb/listenerCertificate:ListenerCertificate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import acm, elb_actions, elb_trust_store, plan
from local_cloud.aws.elb_common import (
    LISTENER,
    LISTENER_CERTIFICATE,
    LOAD_BALANCER,
    RULE,
    SERVICE,
    actions_of,
    associate,
    drop_listener,
    forwards,
    type_of,
)
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Refusal, Row

_PROTOCOLS: Final = {
    "application": ("HTTP", "HTTPS"),
    "network": ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
    "gateway": ("GENEVE",),
}
_ENCRYPTED: Final = ("HTTPS", "TLS")
_DEFAULT_POLICY: Final = "ELBSecurityPolicy-2016-08"
_POLICY: Final = re.compile(  # ALB user guide: describe-ssl-policies
    r"ELBSecurityPolicy-(2015-05|2016-08|TLS-1-[0-2](-Ext)?-(2017-01|2018-06)|FS-2018-06"
    r"|FS-1-[12](-Res)?-(2019-08|2020-10)|TLS13-1-[0-3](-(Res|Ext[0-2]))?(-FIPS)?-(2021-06|2023-04|PQ-2025-09))"
)
_ALPN: Final = ("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None")
_CERTIFICATES: Final = 25  # besides the default one: ALB user guide, load-balancer-limits
_LISTENERS: Final = 50
_VERIFYING: Final = 2


def protocol_of(load_balancer: str, props: Props) -> str:
    """A listener's protocol; HTTP on an application load balancer unless given (listener.go)."""
    given = str(props.get("protocol") or "").upper()
    return given or {"application": "HTTP", "gateway": "GENEVE"}.get(type_of(load_balancer), "TCP")


def _identify(cloud: Cloud, props: Props) -> str:
    return f"{props['loadBalancerArn'].replace(':loadbalancer/', ':listener/', 1)}/{cloud.hex(16)}"


def _outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    protocol = protocol_of(props["loadBalancerArn"], props)
    outputs: Props = {
        "arn": arn,
        "protocol": protocol,
        "defaultActions": elb_actions.filled(props["defaultActions"]),
        "sslPolicy": (props.get("sslPolicy") or _DEFAULT_POLICY) if protocol in _ENCRYPTED else "",
    }
    if protocol == "HTTPS":
        outputs["mutualAuthentication"] = props.get("mutualAuthentication") or {"mode": "off"}
        outputs["routingHttpResponseServerEnabled"] = props.get("routingHttpResponseServerEnabled", True)
    if protocol == "TCP":
        outputs["tcpIdleTimeoutSeconds"] = props.get("tcpIdleTimeoutSeconds", 350)
    return outputs


def _mutual_failures(props: Props) -> Iterable[Failure]:
    """listener.go: validateMutualAuthenticationCustomDiff."""
    mutual = props.get("mutualAuthentication")
    if not isinstance(mutual, dict) or not isinstance(mutual.get("mode"), str):
        return
    mode = mutual["mode"]
    where = "mutualAuthentication.trustStoreArn"
    if mode == "verify" and not mutual.get("trustStoreArn"):
        yield Failure(where, f'Attribute "{where}" must be specified when "mutualAuthentication.mode" is "{mode}".')
    if mode != "verify" and mutual.get("trustStoreArn"):
        yield Failure(where, f'Attribute "{where}" cannot be specified when "mutualAuthentication.mode" is "{mode}".')


def _refuse_owner(cloud: Cloud, props: Props) -> None:
    """ELB API reference: CreateListener, LoadBalancerNotFound and TooManyListeners; hashicorp/terraform#26407."""
    owner = props["loadBalancerArn"]
    if cloud.get(LOAD_BALANCER, owner) is None:
        raise Refusal("LoadBalancerNotFound", f"Load balancer '{owner}' not found")
    siblings = cloud.where(LISTENER, "loadBalancerArn", owner)
    if any(row["port"] == props.get("port") for row in siblings):
        message = f"A listener already exists on this port for this load balancer '{owner}'"
        raise Refusal("DuplicateListener", message)
    if len(siblings) >= _LISTENERS:
        message = "You've reached the limit on the number of listeners per load balancer."
        raise Refusal("TooManyListeners", message)


def _refuse_protocol(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """ELB API reference: CreateListener, Protocol and Port."""
    owner = props["loadBalancerArn"]
    allowed, protocol = _PROTOCOLS[type_of(owner)], protocol_of(owner, props)
    if protocol not in allowed:
        message = f"Listener protocol '{protocol}' must be one of '{', '.join(allowed)}'"
        raise Refusal("ValidationError", message, operation=operation)
    if not props.get("port") and protocol != "GENEVE":
        raise Refusal("ValidationError", f"A port must be specified for {protocol} listeners", operation=operation)
    if props.get("alpnPolicy") and protocol != "TLS":
        message = f"An ALPN policy cannot be specified for {protocol} listeners"
        raise Refusal("ValidationError", message, operation=operation)


def _refuse_certificate(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """pulumi/pulumi-awsx#1242 (none given), aws/aws-cdk#34232 (one on a plain listener)."""
    protocol, arn = protocol_of(props["loadBalancerArn"], props), props.get("certificateArn")
    if protocol in _ENCRYPTED and not arn:
        message = f"A certificate must be specified for {protocol} listeners"
        raise Refusal("ValidationError", message, operation=operation)
    if protocol not in _ENCRYPTED:
        for name, thing in (("certificateArn", "A certificate"), ("sslPolicy", "An SSL policy")):
            if props.get(name):
                message = f"{thing} cannot be specified for {protocol} listeners"
                raise Refusal("ValidationError", message, operation=operation)
    if arn:
        usable(cloud, arn, operation)
    if props.get("sslPolicy") and not _POLICY.fullmatch(props["sslPolicy"]):
        raise Refusal("SSLPolicyNotFound", f"SSL policy '{props['sslPolicy']}' not found", operation=operation)


def usable(cloud: Cloud, arn: str, operation: str | None = None) -> None:
    """Refuses a certificate that is not there, is of another region, or is not issued yet.

    ELB API reference: CreateListener, CertificateNotFound and UnsupportedCertificate (a certificate
    that is still pending validation).
    """
    if not acm.known(cloud, arn):
        raise Refusal("CertificateNotFound", f"Certificate '{arn}' not found", operation=operation)
    if not acm.issued(cloud, arn):
        message = (
            f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, "
            "and a supported key size."
        )
        raise Refusal("UnsupportedCertificate", message, operation=operation)


def _refuse_mutual(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """ELB API reference: MutualAuthenticationAttributes; CreateListener, TrustStoreNotFound."""
    mutual = props.get("mutualAuthentication") or {}
    protocol = protocol_of(props["loadBalancerArn"], props)
    if mutual.get("mode", "off") != "off" and protocol != "HTTPS":
        message = f"Mutual authentication cannot be specified for {protocol} listeners"
        raise Refusal("ValidationError", message, operation=operation)
    store = mutual.get("trustStoreArn")
    if store and not elb_trust_store.known(cloud, store):
        raise Refusal("TrustStoreNotFound", f"Trust store '{store}' not found", operation=operation)
    owner = props["loadBalancerArn"]
    others = (row for row in cloud.where(LISTENER, "loadBalancerArn", owner) if row["port"] != props.get("port"))
    verifying = sum((row["mutualAuthentication"] or {}).get("mode") == "verify" for row in others)
    if mutual.get("mode") == "verify" and verifying >= _VERIFYING:
        # ALB user guide: load-balancer-limits (2 listeners that verify); the page has no text of the refusal.
        message = f"Load balancer '{owner}' cannot have more than {_VERIFYING} listeners with mutual TLS verify mode"
        raise Refusal("InvalidConfigurationRequest", message, operation=operation)


def _refuse_actions(cloud: Cloud, props: Props, own: str = "", operation: str = "CreateListener") -> None:
    owner = props["loadBalancerArn"]
    listener = elb_actions.seen_from(cloud, owner, protocol_of(owner, props))
    elb_actions.refuse(cloud, own, listener, props["defaultActions"], operation)


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    """hashicorp/terraform#26407 (port); the actions of its rules must suit a new protocol too."""
    operation, owner = "ModifyListener", props["loadBalancerArn"]
    for other in cloud.where(LISTENER, "loadBalancerArn", owner):
        if other.id != row.id and other["port"] == props.get("port"):
            message = f"Listener port '{props.get('port')}' is already in use"
            raise Refusal("ValidationError", message, operation=operation)
    _refuse_protocol(cloud, props, operation)
    _refuse_certificate(cloud, props, operation)
    _refuse_mutual(cloud, props, operation)
    _refuse_actions(cloud, props, row.id, operation)
    listener = elb_actions.seen_from(cloud, owner, protocol_of(owner, props))
    if listener["protocol"] != row["protocol"]:
        for rule in cloud.where(RULE, "listenerArn", row.id):
            elb_actions.refuse(cloud, rule.id, listener, actions_of(rule), operation)


def _after_create(cloud: Cloud, row: Row) -> None:
    associate(cloud, forwards(actions_of(row)))


def _after_update(cloud: Cloud, old: Row, new: Row) -> None:
    associate(cloud, {*forwards(actions_of(old)), *forwards(actions_of(new))})


def _after_delete(cloud: Cloud, row: Row) -> None:
    drop_listener(cloud, row)


def _refuse_extra(cloud: Cloud, props: Props) -> None:
    """ELB API reference: AddListenerCertificates; ALB user guide: load-balancer-limits (25 besides the default)."""
    listener = cloud.get(LISTENER, props["listenerArn"])
    if listener is None:
        raise Refusal("ListenerNotFound", f"Listener '{props['listenerArn']}' not found")
    if listener["protocol"] not in _ENCRYPTED:
        message = f"Certificates cannot be specified for {listener['protocol']} listeners"
        raise Refusal("UnsupportedProtocol", message)
    usable(cloud, props["certificateArn"])
    owner = str(listener["loadBalancerArn"])
    siblings = cloud.where(LISTENER, "loadBalancerArn", owner)
    count = sum(len(cloud.where(LISTENER_CERTIFICATE, "listenerArn", sibling.id)) for sibling in siblings)
    if count >= _CERTIFICATES:
        message = "You've reached the limit on the number of certificates per load balancer."
        raise Refusal("TooManyCertificates", message)


def _refuse_extra_delete(cloud: Cloud, row: Row) -> None:
    """hashicorp/terraform-provider-aws#19495."""
    listener = cloud.get(LISTENER, str(row["listenerArn"]))
    if listener is not None and listener["certificateArn"] == row["certificateArn"]:
        raise Refusal("OperationNotPermitted", "Default Certificate cannot be removed")


def _extra_id(cloud: Cloud, props: Props) -> str:
    return f"{props['listenerArn']}_{props['certificateArn']}"


KINDS: Final = (
    Kind(
        token=LISTENER,
        service=SERVICE,
        thing="ELBv2 Listener",
        operations={"create": "CreateListener", "update": "ModifyListener", "delete": "DeleteListener"},
        create_only=frozenset({"loadBalancerArn"}),
        source="terraform-provider-aws internal/service/elbv2/listener.go; "
        "CloudFormation schema AWS::ElasticLoadBalancingV2::Listener",
        computed=frozenset(
            {"arn", "protocol", "sslPolicy", "mutualAuthentication", "tcpIdleTimeoutSeconds"}
            | {"routingHttpResponseServerEnabled"}
        ),
        identify=_identify,
        outputs=_outputs,
        checks=(
            _mutual_failures,
            plan.arn("loadBalancerArn"),
            plan.arn("certificateArn"),
            plan.between("port", 1, 65535),
            plan.one_of("protocol", *(name for names in _PROTOCOLS.values() for name in names), any_case=True),
            plan.one_of("mutualAuthentication.mode", "off", "passthrough", "verify"),
            plan.one_of("alpnPolicy", *_ALPN, any_case=True),
            *elb_actions.checks("defaultActions"),
        ),
        refuse_create=(_refuse_owner, _refuse_protocol, _refuse_certificate, _refuse_mutual, _refuse_actions),
        refuse_update=(_refuse_update,),
        after_create=(_after_create,),
        after_update=(_after_update,),
        after_delete=(_after_delete,),
    ),
    Kind(
        token=LISTENER_CERTIFICATE,
        service=SERVICE,
        thing="ELBv2 Listener Certificate",
        operations={
            "create": "AddListenerCertificates",
            "update": "AddListenerCertificates",
            "delete": "RemoveListenerCertificates",
        },
        create_only=frozenset({"listenerArn", "certificateArn"}),
        source="terraform-provider-aws internal/service/elbv2/listener_certificate.go",
        computed=frozenset(),
        identify=_extra_id,
        checks=(plan.arn("listenerArn"), plan.arn("certificateArn")),
        refuse_create=(_refuse_extra,),
        refuse_delete=(_refuse_extra_delete,),
    ),
)
