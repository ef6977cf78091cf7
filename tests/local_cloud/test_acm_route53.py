"""What AWS and the provider refuse about certificates, hosted zones and records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from local_cloud.aws import acm
from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import Invalid, Made, World

ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"


def _certificate(world: World, domain: str = "example.com", **props: Any) -> Made:
    given = {"domainName": domain, "validationMethod": "DNS"}
    return world.make(kinds.CERTIFICATE, f"cert-{domain}", **{**given, **props})


def _zone(world: World, name: str = "example.com", **props: Any) -> Made:
    return world.make(kinds.ZONE, f"zone-{name}", name=name, **props)


def _record(world: World, zone: str, name: str, kind: str = "A", *values: str, **props: Any) -> Made:
    given = {"zoneId": zone, "name": name, "type": kind, "records": list(values or ["192.0.2.1"]), "ttl": 60}
    return world.make(kinds.RECORD, f"record-{world.drawn}", **{**given, **props})


def _validation_record(world: World, zone: Made, certificate: Made, **props: Any) -> Made:
    option = certificate["domainValidationOptions"][0]
    return _record(world, zone.id, option["resourceRecordName"], "CNAME", option["resourceRecordValue"], **props)


def _validation(world: World, certificate: Made, **props: Any) -> Made:
    return world.make(kinds.VALIDATION, "validation", certificateArn=certificate.id, **props)


def _wrong_value(world: World) -> object:
    zone, certificate = _zone(world), _certificate(world)
    _record(
        world, zone.id, certificate["domainValidationOptions"][0]["resourceRecordName"], "CNAME", "other.example.com"
    )
    return _validation(world, certificate)


def _private_zone(world: World) -> object:
    zone, certificate = _zone(world, vpcs=[{"vpcId": world.network().vpc.id}]), _certificate(world)
    _validation_record(world, zone, certificate)
    return _validation(world, certificate)


def _imported(world: World) -> object:
    imported = world.make(kinds.CERTIFICATE, "own", privateKey="key", certificateBody="body")
    return _validation(world, imported)


CERTIFICATES: dict[str, tuple[Callable[[World], object], str]] = {
    "no way of validation": (
        lambda world: world.make(kinds.CERTIFICATE, "cert", domainName="example.com"),
        "certificate_authority_arn or validation_method must be set",
    ),
    "a name that is none": (
        lambda world: _certificate(world, "exa_mple.com"),
        "ValidationException: 1 validation error detected: Value 'exa_mple.com' at 'domainName' failed",
    ),
    "a first name of 65 characters": (
        lambda world: _certificate(world, f"{'a' * 53}.example.com"),
        "ValidationException: The first domain name can be no longer than 64 characters.",
    ),
    "a wildcard in the middle": (lambda world: _certificate(world, "a.*.example.com"), "failed to satisfy constraint"),
    "eleven names": (
        lambda world: _certificate(world, subjectAlternativeNames=[f"a{n}.example.com" for n in range(10)]),
        "LimitExceededException",
    ),
    "a wait for none": (
        lambda world: world.make(kinds.VALIDATION, "validation", certificateArn=ARN),
        f"ResourceNotFoundException: Could not find certificate {ARN}.",
    ),
    "a wait without records": (
        lambda world: _validation(world, _certificate(world)),
        "(last state: 'PENDING_VALIDATION', timeout: 1h15m0s)",
    ),
    "a wait for a record of another value": (_wrong_value, "last state: 'PENDING_VALIDATION'"),
    "a wait for a record nobody sees": (_private_zone, "last state: 'PENDING_VALIDATION'"),
    "a wait that names other records": (
        lambda world: _validation(world, _certificate(world), validationRecordFqdns=["_x.example.com"]),
        "missing example.com DNS validation record: _",
    ),
    "a wait for an imported one": (_imported, "has type IMPORTED, no validation necessary"),
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_aws_refuses_a_certificate_with(case: str) -> None:
    attempt, said = CERTIFICATES[case]
    with pytest.raises(Refused) as caught:
        attempt(World())
    assert said in str(caught.value)


def test_the_first_name_of_a_certificate_has_64_characters_and_the_others_more() -> None:
    first, other = f"{'a' * 52}.example.com", f"{'b' * 60}.{'c' * 60}.example.com"
    made = _certificate(World(), first, subjectAlternativeNames=[other])
    assert len(first) == 64
    assert made["status"] == "PENDING_VALIDATION"


INVALID: dict[str, tuple[str, dict[str, Any], str]] = {
    "a dot at the end": (kinds.CERTIFICATE, {"domainName": "example.com."}, "domainName (cannot end with a period)"),
    "neither name nor key": (kinds.CERTIFICATE, {}, "one of `domainName,privateKey,privateKeyWo` must be specified"),
    "name and key": (kinds.CERTIFICATE, {"domainName": "a.de", "privateKey": "k"}, "only one of"),
    "an unknown algorithm": (
        kinds.CERTIFICATE,
        {"domainName": "a.de", "keyAlgorithm": "RSA"},
        "keyAlgorithm to be one of",
    ),
    "no values": (kinds.RECORD, {}, "one of `aliases,records` must be specified"),
    "values without ttl": (kinds.RECORD, {"records": ["192.0.2.1"]}, "all of `records,ttl` must be specified"),
    "an alias with ttl": (
        kinds.RECORD,
        {"aliases": [{"name": "a", "zoneId": "Z1", "evaluateTargetHealth": True}], "ttl": 1},
        '"aliases": conflicts with ttl',
    ),
    "an unknown record type": (
        kinds.RECORD,
        {"type": "ANAME", "records": ["a"], "ttl": 1},
        "expected type to be one of",
    ),
    "a policy without identifier": (
        kinds.RECORD,
        {"records": ["192.0.2.1"], "ttl": 1, "weightedRoutingPolicies": [{"weight": 1}]},
        "all of `setIdentifier,weightedRoutingPolicies` must be specified",
    ),
    "two policies": (
        kinds.RECORD,
        {"multivalueAnswerRoutingPolicy": True, "weightedRoutingPolicies": [{"weight": 1}], "records": ["192.0.2.1"]},
        '"multivalueAnswerRoutingPolicy": conflicts with weightedRoutingPolicies',
    ),
    "a delegation set for a private zone": (
        kinds.ZONE,
        {"delegationSetId": "N1", "vpcs": [{"vpcId": "vpc-1"}]},
        '"delegationSetId": conflicts with vpcs',
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    token, props, said = INVALID[case]
    given = {"zoneId": "Z1", "name": "a.example.com", "type": "A"} if token == kinds.RECORD else {}
    with pytest.raises(Invalid) as caught:
        World().checked(token, "it", {**given, **props})
    assert said in str(caught.value)


def _alias(world: World, **changes: Any) -> object:
    balancer = world.load_balancer(world.network())
    target = {"name": balancer["dnsName"], "zoneId": balancer["zoneId"], "evaluateTargetHealth": True, **changes}
    zone = _zone(world)
    alias = {"zoneId": zone.id, "name": "a.example.com", "type": "A", "aliases": [target]}
    return world.make(kinds.RECORD, "alias", **alias)


def _deleted_zone(world: World) -> object:
    zone = _zone(world)
    world.drop(zone)
    return _record(world, zone.id, "a.example.com")


def _two(world: World, first: tuple[str, ...], second: tuple[str, ...]) -> object:
    zone = _zone(world)
    _record(world, zone.id, *first)
    return _record(world, zone.id, *second)


def _full_zone(world: World) -> object:
    zone = _zone(world)
    _record(world, zone.id, "a.example.com")
    return world.drop(zone)


def _same_private_zone(world: World) -> object:
    vpcs = [{"vpcId": world.network().vpc.id}]
    return [world.make(kinds.ZONE, name, name="example.com", vpcs=vpcs) for name in ("one", "two")]


def _five_hundred_zones(world: World) -> object:
    for number in range(500):
        world.aws.account.add(kinds.ZONE, f"Z{number}", {"name": f"a{number}.example.com"}, {})
    return _zone(world)


def _inside(*record: str) -> Callable[[World], object]:
    return lambda world: _record(world, _zone(world).id, *record)


RECORDS: dict[str, tuple[Callable[[World], object], str]] = {
    "a record of a longer name that is not inside": (
        _inside("notexample.com"),
        "InvalidChangeBatch: [RRSet with DNS name notexample.com. is not permitted in zone example.com.]",
    ),
    "a CNAME of the zone itself": (
        _inside("example.com", "CNAME", "a.de"),
        "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.",
    ),
    "name servers of the zone itself": (_inside("example.com", "NS", "ns1.de"), "but it already exists"),
    "a record twice": (
        lambda world: _two(world, ("a.example.com",), ("a.example.com",)),
        "[Tried to create resource record set [name='a.example.com.', type='A'] but it already exists]",
    ),
    "a CNAME beside an address": (
        lambda world: _two(world, ("a.example.com",), ("a.example.com", "CNAME", "b.de")),
        "because a conflicting RRSet of type A with the same DNS name already exists",
    ),
    "an address beside a CNAME": (
        lambda world: _two(world, ("a.example.com", "CNAME", "b.de"), ("a.example.com",)),
        "because a conflicting RRSet of type CNAME",
    ),
    "an address that is none": (_inside("a.example.com", "A", "b.de"), "ARRDATAIllegalIPv4Address"),
    "an IPv4 address as AAAA": (_inside("a.example.com", "AAAA", "192.0.2.1"), "AAAARRDATAIllegalIPv6Address"),
    "a zone that is gone": (_deleted_zone, "NoSuchHostedZone: No hosted zone found with ID: Z0"),
    "a zone of no such form": (lambda world: _record(world, "example.com", "a.example.com"), "NoSuchHostedZone"),
    "an alias to the wrong zone": (
        lambda world: _alias(world, zoneId="Z0OTHER"),
        "but the alias target name does not lie within the target zone",
    ),
    "an alias to nothing": (
        lambda world: _alias(world, name="gone-1.eu-west-1.elb.amazonaws.com"),
        "but that target was not found",
    ),
    "a zone with records when it goes": (
        _full_zone,
        "HostedZoneNotEmpty: The specified hosted zone contains non-required resource record sets",
    ),
    "a zone of a bad name": (lambda world: _zone(world, "exa mple.com"), "InvalidDomainName"),
    "a zone beyond 500": (_five_hundred_zones, "TooManyHostedZones"),
    "a private zone in no VPC": (lambda world: _zone(world, vpcs=[{"vpcId": "vpc-0"}]), "InvalidVPCId: The VPC: vpc-0"),
    "a private zone twice in a VPC": (_same_private_zone, "ConflictingDomainExists: The VPC vpc-"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_aws_refuses(case: str) -> None:
    attempt, said = RECORDS[case]
    with pytest.raises(Refused) as caught:
        attempt(World())
    assert said in str(caught.value)


def test_a_certificate_is_pending_until_a_validation_has_waited_for_its_record() -> None:
    world = World()
    zone, certificate = _zone(world), _certificate(world)
    assert certificate["status"] == "PENDING_VALIDATION"
    record = _validation_record(world, zone, certificate)
    _validation(world, certificate, validationRecordFqdns=[record["fqdn"]])
    assert world.live(certificate)["status"] == "ISSUED"
    assert world.live(certificate)["notAfter"] > world.live(certificate)["notBefore"]


def test_two_validations_of_one_second_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    zone = _zone(world)
    moment = world.aws.account.now()
    monkeypatch.setattr(type(world.aws.account), "now", lambda self: moment)
    certificates = [_certificate(world), _certificate(world, domainName="b.example.com")]
    made = []
    for certificate in certificates:
        record = _validation_record(world, zone, certificate)
        made.append(_validation(world, certificate, validationRecordFqdns=[record["fqdn"]]).id)
    assert len(set(made)) == 2


def test_without_a_validation_it_is_issued_a_while_after_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    zone, certificate = _zone(world), _certificate(world)
    _validation_record(world, zone, certificate)
    account = world.aws.account
    assert not acm.issued(account, certificate.id)
    later = datetime.fromisoformat(account.now()) + timedelta(seconds=acm.ISSUE_SECONDS + 1)
    monkeypatch.setattr(type(account), "now", lambda self: later.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert acm.issued(account, certificate.id)
    assert world.live(certificate)["status"] == "ISSUED"


def test_the_validation_record_depends_on_the_domain_alone_and_a_wildcard_shares_it() -> None:
    world = World()
    one = _certificate(world, subjectAlternativeNames=["*.example.com", "a.example.com"])
    other = _certificate(world, "*.example.com")
    names = [option["resourceRecordName"] for option in one["domainValidationOptions"]]
    assert names[0] == names[1] == other["domainValidationOptions"][0]["resourceRecordName"]
    assert names[2] != names[0]
    assert names[0].startswith("_")
    assert names[0].endswith(".example.com.")


def test_a_preview_knows_how_many_validation_records_there_are() -> None:
    props = {"domainName": "example.com", "validationMethod": "DNS", "subjectAlternativeNames": ["a.example.com"]}
    seen = World().preview(kinds.CERTIFICATE, "cert", **props)
    assert [option["domainName"] for option in seen["domainValidationOptions"]] == ["example.com", "a.example.com"]
    assert all(option["resourceRecordName"] is UNKNOWN for option in seen["domainValidationOptions"])
    assert seen["subjectAlternativeNames"] == ["a.example.com", "example.com"]


def test_names_replace_a_certificate() -> None:
    world = World()
    certificate = _certificate(world)
    changes = {"subjectAlternativeNames": ["b.example.com"]}
    assert world.diff(certificate, **changes).replaces == ("subjectAlternativeNames",)
    assert not world.diff(certificate, **changes).delete_first


def test_a_relative_name_gets_the_zone_appended() -> None:
    world = World()
    zone = _zone(world)
    assert _record(world, zone.id, "A.B")["fqdn"] == "a.b.example.com"
    assert _record(world, zone.id, "c.other.org.")["fqdn"] == "c.other.org.example.com"


def test_a_zone_outside_the_program_takes_records_of_any_name() -> None:
    record = _record(World(), "Z0123456789ABCDEFGHIJ", "orders.dev.example.com")
    assert record["fqdn"] == "orders.dev.example.com"
    assert record.id == "Z0123456789ABCDEFGHIJ_orders.dev.example.com_A"


def test_a_record_that_may_overwrite_takes_the_place_of_another() -> None:
    world = World()
    zone = _zone(world)
    first = _record(world, zone.id, "a.example.com")
    second = _record(world, zone.id, "a.example.com", "A", "192.0.2.2", allowOverwrite=True)
    assert second.id == first.id
    assert world.live(first)["records"] == ["192.0.2.2"]


def test_a_forced_deletion_takes_the_records_along() -> None:
    world = World()
    zone = _zone(world, forceDestroy=True)
    record = _record(world, zone.id, "a.example.com")
    world.drop(zone)
    assert world.row(record) is None


def test_an_alias_points_at_a_load_balancer() -> None:
    assert isinstance(_alias(World()), Made)


def test_a_zone_has_four_name_servers_of_four_domains() -> None:
    zone = _zone(World())
    assert len({server.split(".", 2)[2] for server in zone["nameServers"]}) == 4
    assert zone["zoneId"] == zone.id
    assert zone["comment"] == "Managed by Pulumi"


def test_another_type_is_one_batch_in_place() -> None:
    """terraform-provider-aws internal/service/route53/record.go: DELETE and CREATE together, there and back."""
    world = World()
    zone = _zone(world)
    record = _record(world, zone.id, "a.example.com", "CNAME", "b.de")
    difference = world.diff(record, type="A", records=["192.0.2.1"])
    assert not difference.replaces
    address = world.change(record, type="A", records=["192.0.2.1"])
    assert world.live(address)["type"] == "A"
    back = world.change(address, type="CNAME", records=["b.de"])
    assert world.live(back)["type"] == "CNAME"
    other = _record(world, zone.id, "c.example.com", "A")
    _record(world, zone.id, "c.example.com", "TXT", "text")
    with pytest.raises(Refused, match="conflicting RRSet of type TXT"):
        world.change(other, type="CNAME", records=["b.de"])
