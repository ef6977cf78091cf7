"""Hosted zones and records: aws:route53/zone:Zone and aws:route53/record:Record.

A zone id that the local cloud never gave out stands for a zone that exists outside the program (it comes from the
settings). Its name is not known here, so of records in it everything is checked but that they lie inside.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row

ZONE: Final = "aws:route53/zone:Zone"
RECORD: Final = "aws:route53/record:Record"
LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"

_SERVERS: Final = ("net", "org", "co.uk", "com")
_TYPES: Final = ("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP")
_POLICIES: Final = (
    "cidrRoutingPolicy",
    "failoverRoutingPolicies",
    "geolocationRoutingPolicies",
    "geoproximityRoutingPolicy",
    "latencyRoutingPolicies",
    "multivalueAnswerRoutingPolicy",
    "weightedRoutingPolicies",
)
_CHANGE: Final = "InvalidChangeBatch"
_GONE: Final = "gone"  # topic of the notes that remember deleted zones


def _bare(name: str) -> str:
    return name.lower().rstrip(".")


def full_name(name: str, zone: str) -> str:
    """A record's name; the provider appends the zone's name where it is missing (record.go: expandRecordName)."""
    bare, parent = _bare(name), _bare(zone)
    if bare.endswith(parent):
        return bare
    return f"{bare}.{parent}" if bare else parent


def _zone_id(cloud: Cloud, props: Props) -> str:
    return f"Z0{cloud.hex(18).upper()}"


def _zone_outputs(cloud: Cloud, zone_id: str, props: Props) -> Props:
    number = sum(zone_id.encode()) % 1000
    servers = [f"ns-{number + 512 * place}.awsdns-{number % 64:02d}.{tail}" for place, tail in enumerate(_SERVERS)]
    return {
        "arn": f"arn:{cloud.partition}:route53:::hostedzone/{zone_id}",
        "zoneId": zone_id,
        "name": _bare(props["name"]),
        "nameServers": sorted(servers),
        "primaryNameServer": servers[0],
    }


def _refuse_zone_name(cloud: Cloud, props: Props) -> None:
    """Route 53 API reference: CreateHostedZone, InvalidDomainName."""
    labels = _bare(props["name"]).split(".")
    if not all(re.fullmatch(r"[a-z0-9_*](?:[a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        raise Refusal("InvalidDomainName", f"The domain name {props['name']} is not valid.")


def _refuse_zone_vpcs(cloud: Cloud, props: Props) -> None:
    """Route 53 API reference: CreateHostedZone, InvalidVPCId and ConflictingDomainExists."""
    for vpc in props.get("vpcs") or []:
        vpc_id = str(vpc["vpcId"])
        if cloud.get(lookups.VPC, vpc_id) is None:
            words = "that you provided is not authorized or does not exist."
            raise Refusal("InvalidVPCId", f"The VPC: {vpc_id} in region {cloud.region} {words}")
        for zone in cloud.where(ZONE, "name", _bare(props["name"])):
            if any(other["vpcId"] == vpc_id for other in zone["vpcs"] or []):
                message = (
                    f"The VPC {vpc_id} in region {cloud.region} has already been associated with the hosted zone "
                    f"{zone.id} with the same domain name."
                )
                raise Refusal("ConflictingDomainExists", message)


def _refuse_zone_quota(cloud: Cloud, props: Props) -> None:
    """Route 53 developer guide: DNSLimitations (500 zones an account)."""
    if len(cloud.rows(ZONE)) >= 500:
        message = "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more hosted zones."
        raise Refusal("TooManyHostedZones", message)


def _refuse_zone_delete(cloud: Cloud, row: Row) -> None:
    """Route 53 API reference: DeleteHostedZone, HostedZoneNotEmpty."""
    if not row["forceDestroy"] and cloud.where(RECORD, "zoneId", row.id):
        message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted."
        raise Refusal("HostedZoneNotEmpty", message)


def _after_zone_delete(cloud: Cloud, row: Row) -> None:
    cloud.note(_GONE, row.id, "zone", {"name": row["name"]})
    for record in cloud.where(RECORD, "zoneId", row.id):
        cloud.remove(RECORD, record.id)


def _record_id(cloud: Cloud, props: Props) -> str:
    parts = (props["zoneId"], _bare(props["name"]), props["type"], props.get("setIdentifier"))
    return "_".join(str(part) for part in parts if part)


def _record_outputs(cloud: Cloud, record_id: str, props: Props) -> Props:
    return {"name": _bare(props["name"]), "fqdn": full_name(props["name"], _zone_name(cloud, props))}


def _target_failures(props: Props) -> Iterable[Failure]:
    """record.go: records need a ttl, aliases exclude one, a routing policy needs a set identifier."""
    if plan.given(props, "ttl") != plan.given(props, "records"):
        name = "ttl" if plan.given(props, "ttl") else "records"
        yield Failure(name, f'"{name}": all of `records,ttl` must be specified')
    for policy in _POLICIES:
        if props.get(policy) and not plan.given(props, "setIdentifier"):
            yield Failure(policy, f'"{policy}": all of `setIdentifier,{policy}` must be specified')


def _zone_name(cloud: Cloud, props: Props) -> str:
    """The name of a record's zone, "" where it lies outside the program."""
    row = cloud.get(ZONE, props["zoneId"])
    return str(row["name"]) if row else ""


def _refuse_zone(cloud: Cloud, props: Props) -> None:
    """Route 53 API reference: ChangeResourceRecordSets, NoSuchHostedZone."""
    zone_id = props["zoneId"]
    if not re.fullmatch(r"Z[A-Z0-9]{1,31}", zone_id) or cloud.notes(_GONE, zone_id):
        raise Refusal("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", status=404)


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """terraform-aws-asg-dns-handler#38 (outside the zone)."""
    zone = _zone_name(cloud, props)
    name = full_name(props["name"], zone)
    if zone and name != zone and not name.endswith(f".{zone}"):
        raise Refusal(_CHANGE, f"[RRSet with DNS name {name}. is not permitted in zone {zone}.]")
    if props["type"] == "CNAME" and name == zone:
        message = f"[RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {zone}.]"
        raise Refusal(_CHANGE, message)


def _refuse_existing(cloud: Cloud, props: Props, *, instead_of: str = "") -> None:
    """d-velop/dvelop-app-template-cs#39 (exists); Route 53 developer guide: ResourceRecordTypes (CNAME beside others).

    With allowOverwrite the record set that is there gives way: both resources then have one id, as with the real one.
    instead_of: id of one that the same batch deletes.
    """
    zone = _zone_name(cloud, props)
    name, kind = full_name(props["name"], zone), props["type"]
    exists = f"[Tried to create resource record set [name='{name}.', type='{kind}'] but it already exists]"
    if name == zone and kind in ("NS", "SOA") and not props.get("allowOverwrite"):
        raise Refusal(_CHANGE, exists)
    for row in cloud.where(RECORD, "fqdn", name):
        if row["zoneId"] != props["zoneId"] or row.id == instead_of:
            continue
        same = row["type"] == kind and row["setIdentifier"] == props.get("setIdentifier")
        if same and not props.get("allowOverwrite"):
            raise Refusal(_CHANGE, exists)
        if same:
            cloud.remove(RECORD, row.id)
        elif "CNAME" in (kind, row["type"]) and kind != row["type"]:
            message = (
                f"[RRSet of type {kind} with DNS name {name}. is not permitted because a conflicting RRSet of type "
                f"{row['type']} with the same DNS name already exists in zone {zone}.]"
            )
            raise Refusal(_CHANGE, message)


def _refuse_values(cloud: Cloud, props: Props) -> None:
    """Route 53 API reference: ChangeResourceRecordSets, ResourceRecordSet."""
    versions = {"A": 4, "AAAA": 6}
    for value in props.get("records") or []:
        if props["type"] in versions and _ip_version(str(value)) != versions[props["type"]]:
            number = versions[props["type"]]
            message = (
                f"[Invalid Resource Record: 'FATAL problem: {props['type']}RRDATAIllegalIPv{number}Address "
                f"(Value is not a valid IPv{number} address) encountered with '{value}'']"
            )
            raise Refusal(_CHANGE, message)


def _ip_version(text: str) -> int:
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return 0


def _refuse_alias(cloud: Cloud, props: Props) -> None:
    """Route 53 API reference: AliasTarget, HostedZoneId: of a load balancer, its canonical hosted zone."""
    for alias in props.get("aliases") or []:
        target, zone = _bare(str(alias["name"])), str(alias["zoneId"])
        balancers = cloud.where(LOAD_BALANCER, "dnsName", target.removeprefix("dualstack."))
        tried = f"Tried to create an alias that targets {target}., type {props['type']} in zone {zone}"
        if target.endswith(".elb.amazonaws.com") and not balancers:
            raise Refusal(_CHANGE, f"[{tried}, but that target was not found]")
        if any(row["zoneId"] != zone for row in balancers):
            outside = f"{tried}, but the alias target name does not lie within the target zone"
            raise Refusal(_CHANGE, f"[{outside}, {tried}, but that target was not found]")


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    """Another type is one batch: delete, create (terraform-provider-aws internal/service/route53/record.go)."""
    if (props["type"], props.get("setIdentifier")) != (row["type"], row["setIdentifier"]):
        _refuse_existing(cloud, {**props, "allowOverwrite": False}, instead_of=row.id)
    _refuse_values(cloud, props)
    _refuse_alias(cloud, props)


KINDS: Final = (
    Kind(
        token=ZONE,
        service="Route 53",
        thing="Route 53 Hosted Zone",
        operations={"create": "CreateHostedZone", "update": "UpdateHostedZoneComment", "delete": "DeleteHostedZone"},
        create_only=frozenset({"name", "delegationSetId"}),
        source="terraform-provider-aws internal/service/route53/zone.go",
        computed=frozenset({"arn", "zoneId", "nameServers", "primaryNameServer"}),
        identify=_zone_id,
        outputs=_zone_outputs,
        name=NameRule(),
        defaults={"comment": "Managed by Pulumi", "forceDestroy": False},
        checks=(
            plan.conflict("delegationSetId", "vpcs"),
            plan.length("name", 1, 1024),
            plan.length("comment", 0, 256),
        ),
        refuse_create=(_refuse_zone_name, _refuse_zone_vpcs, _refuse_zone_quota),
        refuse_delete=(_refuse_zone_delete,),
        after_delete=(_after_zone_delete,),
    ),
    Kind(
        token=RECORD,
        service="Route 53",
        thing="Route 53 Record",
        operations=dict.fromkeys(("create", "update", "delete"), "ChangeResourceRecordSets"),
        create_only=frozenset({"zoneId", "name"}),
        source="terraform-provider-aws internal/service/route53/record.go",
        computed=frozenset({"fqdn"}),
        identify=_record_id,
        outputs=_record_outputs,
        defaults={"allowOverwrite": False},
        checks=(
            _target_failures,
            plan.exactly_one("aliases", "records"),
            plan.conflict("aliases", "ttl"),
            *(plan.conflict(policy, *_POLICIES[place + 1 :]) for place, policy in enumerate(_POLICIES)),
            plan.one_of("type", *_TYPES, "SVCB", "TLSA", "TXT"),
        ),
        refuse_create=(_refuse_zone, _refuse_name, _refuse_values, _refuse_alias, _refuse_existing),
        refuse_update=(_refuse_update,),
    ),
)
