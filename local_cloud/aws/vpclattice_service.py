"""VPC Lattice services, their listeners and rules.

Ranges and enumerations: VPC Lattice API Reference. Default quotas: VPC Lattice user guide, "Quotas".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from local_cloud.aws import acm, ec2_common, plan
from local_cloud.aws import vpclattice_common as common
from local_cloud.aws.kind import Check, Cloud, Failure, Kind, Props, Row, latest
from local_cloud.aws.vpclattice_network import drop_policies

_LISTENERS: Final = 2
_RULES: Final = 10
_PROTOCOLS: Final = ("HTTP", "HTTPS", "TLS_PASSTHROUGH")
_PORTS: Final = {"HTTP": 80, "HTTPS": 443}
_MATCHES: Final = ("exact", "prefix", "contains")


def domain(cloud: Cloud, identity: str, name: object) -> str:
    """The name VPC Lattice gives a service: NAME-ID.HASH.vpc-lattice-svcs.REGION.on.aws."""
    place = ec2_common.belonging("", cloud.account)[1:8]
    return f"{name}-{identity.removeprefix('svc-')}.{place}.vpc-lattice-svcs.{cloud.region}.on.aws"


def service_outputs(cloud: Cloud, identity: str, props: Props) -> Props:
    """The outputs of a service, whoever makes it."""
    entry = {"domainName": domain(cloud, identity, props["name"]), "hostedZoneId": "Z09127221KTH2CFUIIZH"}
    return {
        "arn": common.arn(cloud, common.LATTICE_SERVICE, identity),
        "authType": props.get("authType", "NONE"),
        "idleTimeoutSeconds": props.get("idleTimeoutSeconds", 60),
        "dnsEntries": [entry],
        "status": "ACTIVE",
    }


def _certificate(cloud: Cloud, *given: Row | Props) -> None:
    arn = latest(given).get("certificateArn")
    if arn and not (acm.known(cloud, str(arn)) and acm.issued(cloud, str(arn))):
        raise common.invalid(f"Certificate {arn} does not exist in this region or is not issued")


def _service_in_use(cloud: Cloud, row: Row) -> None:
    """VPC Lattice API Reference, DeleteService: not while it is associated with a service network."""
    if common.users(cloud, common.SERVICE_ASSOCIATION, row):
        raise common.conflict(f"Service {row.id} has service network(s) associated")


def drop_service(cloud: Cloud, row: Row) -> None:
    """VPC Lattice API Reference, DeleteService: listeners, rules and policies go along."""
    for token in (common.RULE, common.LISTENER):
        for each in cloud.rows(token):
            if each.id.startswith(f"{row.id}/"):
                cloud.remove(token, each.id)
    drop_policies(cloud, row)


def groups_of(action: Any) -> Iterator[str]:
    """The target groups that an action forwards to."""
    forwards = (action or {}).get("forwards") or (action or {}).get("forward") or []
    for each in forwards if isinstance(forwards, list) else [forwards]:
        for group in each.get("targetGroups") or []:
            yield common.short(group["targetGroupIdentifier"])


def forwarders(cloud: Cloud, group: str) -> list[Row]:
    """The listeners and rules that forward to a target group."""
    found = []
    for token, name in ((common.LISTENER, "defaultAction"), (common.RULE, "action")):
        found += [row for row in cloud.rows(token) if group in groups_of(row[name])]
    return found


def _forwards(cloud: Cloud, props: Props, name: str, service: str) -> None:
    """aws/aws-application-networking-k8s#77: a target group serves one service."""
    for group in groups_of(props.get(name)):
        row = common.find(cloud, common.TARGET_GROUP, group)
        if row is None:
            raise common.missing("Target group", group)
        if any(not each.id.startswith(f"{service}/") for each in forwarders(cloud, group)):
            raise common.conflict(f"TargetGroup {group} has been associated with other services")
        if props.get("protocol") == "TLS_PASSTHROUGH" and (row["config"] or {}).get("protocol") != "TCP":
            raise common.invalid(f"A TLS_PASSTHROUGH listener needs a TCP target group, and {group} is none")


def _service_of(props: Props) -> str:
    return common.short(props.get("serviceIdentifier") or props.get("serviceArn"))


def _listener_place(cloud: Cloud, props: Props) -> None:
    service = _service_of(props)
    if common.find(cloud, common.LATTICE_SERVICE, service) is None:
        raise common.missing("Service", service)
    present = [row for row in cloud.rows(common.LISTENER) if row.id.startswith(f"{service}/")]
    if any(row["port"] == _port(props) for row in present):
        raise common.conflict(f"Service {service} already has a listener on port {_port(props)}")
    if any(row["name"] == props["name"] for row in present):
        raise common.conflict(f"Listener with name {props['name']} already exists")
    if len(present) >= _LISTENERS:
        raise common.quota("listeners of a service")


def _port(props: Props) -> Any:
    return props.get("port") or _PORTS.get(str(props["protocol"]))


def _listener_action(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    _forwards(cloud, props, "defaultAction", _service_of(props))


def _rule_action(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    _forwards(cloud, props, "action", common.short(props["serviceIdentifier"]))


def _one_action(path: str, forward: str) -> Check:
    def check(props: Props) -> Iterable[Failure]:
        for where, action in plan.at(props, path):
            if isinstance(action, dict) and bool(action.get("fixedResponse")) == bool(action.get(forward)):
                yield Failure(where, f"exactly one of `{where}.fixedResponse,{where}.{forward}` must be specified")

    return check


def _status(path: str) -> Check:
    """VPC Lattice API Reference, FixedResponseAction: 404 and 500 are all there are."""

    def check(props: Props) -> Iterable[Failure]:
        for where, code in plan.at(props, path):
            if plan.is_number(code) and code not in {404, 500}:
                yield Failure(where, f"expected {where} to be one of [404 500], got {code}")

    return check


def _service_named(props: Props) -> Iterable[Failure]:
    if not (plan.given(props, "serviceIdentifier") or plan.given(props, "serviceArn")):
        yield Failure("serviceArn", "one of `serviceArn,serviceIdentifier` must be specified")


def _passthrough(props: Props) -> Iterable[Failure]:
    """VPC Lattice user guide, "TLS listeners": a forward action only, and a port must be named."""
    if props.get("protocol") == "TLS_PASSTHROUGH" and (props.get("defaultAction") or {}).get("fixedResponse"):
        yield Failure("defaultAction.fixedResponse", "a TLS_PASSTHROUGH listener takes a forward action only")


def _listener_id(cloud: Cloud, props: Props) -> str:
    return f"{_service_of(props)}/listener-{cloud.hex(17)}"


def _listener_outputs(cloud: Cloud, identity: str, props: Props) -> Props:
    service, listener = identity.split("/")
    arn = common.arn(cloud, common.LATTICE_SERVICE, service)
    return {
        "arn": f"{arn}/listener/{listener}",
        "listenerId": listener,
        "port": _port(props),
        "serviceArn": arn,
        "serviceIdentifier": service,
        "createdAt": cloud.now(),
        "lastUpdatedAt": cloud.now(),
    }


def _rule_place(cloud: Cloud, props: Props) -> None:
    service, listener = (common.short(props[f"{name}Identifier"]) for name in ("service", "listener"))
    if cloud.get(common.LISTENER, f"{service}/{listener}") is None:
        raise common.missing("Listener", listener)
    present = [row for row in cloud.rows(common.RULE) if row.id.startswith(f"{service}/{listener}/")]
    if any(row["priority"] == props["priority"] for row in present):
        raise common.conflict(f"Rule with priority {props['priority']} already exists")
    if any(row["name"] == props["name"] for row in present):
        raise common.conflict(f"Rule with name {props['name']} already exists")
    if len(present) >= _RULES:
        raise common.quota("rules of a listener")


def _rule_id(cloud: Cloud, props: Props) -> str:
    service, listener = (common.short(props[f"{name}Identifier"]) for name in ("service", "listener"))
    return f"{service}/{listener}/rule-{cloud.hex(17)}"


def _rule_outputs(cloud: Cloud, identity: str, props: Props) -> Props:
    service, listener, rule = identity.split("/")
    arn = common.arn(cloud, common.LATTICE_SERVICE, service)
    return {"arn": f"{arn}/listener/{listener}/rule/{rule}", "ruleId": rule}


KINDS: Final = (
    Kind(
        token=common.LATTICE_SERVICE,
        service=common.SERVICE,
        thing="VPC Lattice Service",
        operations={"create": "CreateService", "update": "UpdateService", "delete": "DeleteService"},
        create_only=frozenset({"name", "customDomainName"}),
        source="terraform-provider-aws internal/service/vpclattice/service.go",
        computed=frozenset({"authType", "idleTimeoutSeconds"}),
        identify=common.identify(common.LATTICE_SERVICE),
        outputs=service_outputs,
        name=common.named(40, "svc-"),
        checks=(
            plan.one_of("authType", "NONE", "AWS_IAM"),
            plan.between("idleTimeoutSeconds", 60, 600),
            plan.length("customDomainName", 3, 255),
            plan.arn("certificateArn"),
        ),
        refuse_create=(common.name_free(common.LATTICE_SERVICE, "Service"), _certificate),
        refuse_update=(_certificate,),
        refuse_delete=(_service_in_use,),
        after_delete=(drop_service,),
    ),
    Kind(
        token=common.LISTENER,
        service=common.SERVICE,
        thing="VPC Lattice Listener",
        operations={"create": "CreateListener", "update": "UpdateListener", "delete": "DeleteListener"},
        create_only=frozenset({"name", "port", "protocol"}),
        source="terraform-provider-aws internal/service/vpclattice/listener.go",
        computed=frozenset({"port", "serviceArn", "serviceIdentifier"}),
        identify=_listener_id,
        outputs=_listener_outputs,
        name=common.named(63, "listener-"),
        checks=(
            plan.one_of("protocol", *_PROTOCOLS),
            plan.between("port", 1, 65535),
            _one_action("defaultAction", "forwards"),
            _status("defaultAction.fixedResponse.statusCode"),
            plan.between("defaultAction.forwards.targetGroups.weight", 0, 999),
            _service_named,
            _passthrough,
        ),
        refuse_create=(_listener_place, _listener_action),
        refuse_update=(_listener_action,),
    ),
    Kind(
        token=common.RULE,
        service=common.SERVICE,
        thing="VPC Lattice Listener Rule",
        operations={"create": "CreateRule", "update": "UpdateRule", "delete": "DeleteRule"},
        create_only=frozenset({"name", "serviceIdentifier", "listenerIdentifier"}),
        source="terraform-provider-aws internal/service/vpclattice/listener_rule.go",
        computed=frozenset(),
        identify=_rule_id,
        outputs=_rule_outputs,
        name=common.named(63, "rule-"),
        checks=(
            plan.between("priority", 1, 100),
            _one_action("action", "forward"),
            _status("action.fixedResponse.statusCode"),
            plan.between("action.forward.targetGroups.weight", 0, 999),
            plan.items("action.forward.targetGroups", 1, 2),
            plan.items("match.httpMatch.headerMatches", 1, 5),
        ),
        refuse_create=(_rule_place, _rule_action),
        refuse_update=(_rule_action,),
    ),
)
