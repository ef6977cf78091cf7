"""Certificates: aws:acm/certificate:Certificate and aws:acm/certificateValidation:CertificateValidation.

A certificate of another account than the local cloud's own stands for one that exists outside the program (its ARN
comes from the settings); it counts as issued.

A certificate is issued when every validation record has been in DNS for a while: at once where a CertificateValidation
waits for it, else ``ISSUE_SECONDS`` later. So a listener that does not wait is refused, as on AWS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Refusal, Row
from local_cloud.values import UNKNOWN

CERTIFICATE: Final = "aws:acm/certificate:Certificate"
VALIDATION: Final = "aws:acm/certificateValidation:CertificateValidation"
RECORD: Final = "aws:route53/record:Record"
ZONE: Final = "aws:route53/zone:Zone"
_USERS: Final = (
    "aws:lb/listener:Listener",
    "aws:lb/listenerCertificate:ListenerCertificate",
    "aws:vpclattice/service:Service",
)

ISSUE_SECONDS: Final = 60
"""How long after its last validation record a certificate is issued (AWS takes minutes)."""

_DAYS: Final = 198  # validity of a public certificate
_DOMAINS: Final = 10  # ACM user guide: acm-limits, default number of domain names per certificate
_COMMON_NAME: Final = 64  # RFC 5280, ub-common-name
_PATTERN: Final = r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])"
"""ACM API reference: RequestCertificate, DomainName."""
_ALGORITHMS: Final = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")


def find(cloud: Cloud, arn: str) -> Row | None:
    """The certificate of an ARN."""
    return cloud.get(CERTIFICATE, arn)


def known(cloud: Cloud, arn: str) -> bool:
    """Whether there is such a certificate in this region."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[2:4] != ["acm", cloud.region] or not parts[5].startswith("certificate/"):
        return False
    return _outside(cloud, arn) or find(cloud, arn) is not None


def _outside(cloud: Cloud, arn: str) -> bool:
    return arn.split(":")[4] != cloud.account


def issued(cloud: Cloud, arn: str) -> bool:
    """Whether a certificate may be used; brings its status up to date when its time has come."""
    if _outside(cloud, arn):
        return True
    row = find(cloud, arn)
    if row is None:
        return False
    if row["status"] == "ISSUED":
        return True
    since = [_since(cloud, option) for option in _records(row)]
    present = [moment for moment in since if moment is not None]
    if not present or len(present) < len(since):
        return False
    if _moment(cloud.now()) - max(present) < timedelta(seconds=ISSUE_SECONDS):
        return False
    issue(cloud, row)
    return True


def issue(cloud: Cloud, row: Row) -> None:
    """Makes a certificate valid from now on."""
    now = _moment(cloud.now())
    after = (now + timedelta(days=_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    cloud.patch(row, status="ISSUED", notBefore=cloud.now(), notAfter=after)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _records(row: Row) -> list[Props]:
    options = row["domainValidationOptions"]
    return [option for option in options if option.get("resourceRecordName")] if isinstance(options, list) else []


def _since(cloud: Cloud, option: Props) -> datetime | None:
    """When the validation record came into a public zone with the right value, None when it is not there."""
    name = str(option["resourceRecordName"]).rstrip(".")
    for record in cloud.where(RECORD, "fqdn", name):
        zone = cloud.get(ZONE, str(record["zoneId"]))  # None: one outside the program
        values = {str(value).rstrip(".") for value in record["records"] or []}
        if not (zone and zone["vpcs"]) and str(option["resourceRecordValue"]).rstrip(".") in values:
            return _moment(record.created or cloud.now())
    return None


def _names(props: Props) -> list[str]:
    others = props.get("subjectAlternativeNames") or []
    return list(dict.fromkeys([props["domainName"], *others]))


def _option(account: str, domain: str) -> Props:
    """ACM user guide: dns-validation. The record depends on account and domain only; a wildcard shares its parent's."""
    bare = domain.removeprefix("*.")
    digest = hashlib.sha256(f"{account}/{bare}".encode()).hexdigest()
    return {
        "domainName": domain,
        "resourceRecordName": f"_{digest[:32]}.{bare}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": f"_{digest[32:]}.{digest[:10]}.acm-validations.aws.",
    }


def _preview(props: Props) -> Props:
    if not isinstance(props.get("domainName"), str):
        return {}
    names = _names(props)
    if any(not isinstance(name, str) for name in names):
        return {}
    fields = ("resourceRecordName", "resourceRecordType", "resourceRecordValue")
    options = [{"domainName": name, **dict.fromkeys(fields, UNKNOWN)} for name in names]
    known: Props = {"subjectAlternativeNames": sorted(names)}
    return known | ({"domainValidationOptions": options} if props.get("validationMethod") == "DNS" else {})


def _identify(cloud: Cloud, props: Props) -> str:
    return f"arn:{cloud.partition}:acm:{cloud.region}:{cloud.account}:certificate/{lookups.uuid(cloud)}"


def _outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    outputs: Props = {"arn": arn, "pendingRenewal": False, "renewalEligibility": "INELIGIBLE", "renewalSummaries": []}
    if props.get("domainName"):
        outputs["subjectAlternativeNames"] = sorted(_names(props))
    if cloud.get(CERTIFICATE, arn) is None:
        outputs |= _drawn(cloud, props)
    return outputs


def _drawn(cloud: Cloud, props: Props) -> Props:
    kind = (
        "PRIVATE"
        if props.get("certificateAuthorityArn")
        else "AMAZON_ISSUED"
        if props.get("domainName")
        else "IMPORTED"
    )
    dns = kind == "AMAZON_ISSUED" and props.get("validationMethod") == "DNS"
    options = {option["resourceRecordName"] + option["domainName"]: option for option in _options(cloud, props)}
    outputs: Props = {
        "domainValidationOptions": list(options.values()) if dns else [],
        "notAfter": "",
        "notBefore": "",
        "status": "PENDING_VALIDATION" if kind == "AMAZON_ISSUED" else "ISSUED",
        "type": kind,
        "validationEmails": [],
    }
    if props.get("validationMethod") == "EMAIL":
        who = ("administrator", "hostmaster", "postmaster", "webmaster", "admin")
        outputs["validationEmails"] = [f"{name}@{domain}" for domain in _names(props) for name in who]
    return outputs


def _options(cloud: Cloud, props: Props) -> list[Props]:
    return [_option(cloud.account, name) for name in _names(props)] if props.get("domainName") else []


def _dot_failures(props: Props) -> Iterable[Failure]:
    """certificate.go: validation.StringDoesNotMatch on both name inputs."""
    for path in ("domainName", "subjectAlternativeNames"):
        for where, value in plan.at(props, path):
            if isinstance(value, str) and value.endswith("."):
                yield Failure(where, f"invalid value for {where} (cannot end with a period)")


def _refuse_source(cloud: Cloud, props: Props) -> None:
    """certificate.go: resourceCertificateCreate."""
    if props.get("domainName") and not (props.get("validationMethod") or props.get("certificateAuthorityArn")):
        raise Refusal("", "certificate_authority_arn or validation_method must be set")


def _refuse_names(cloud: Cloud, props: Props) -> None:
    """ACM API reference: RequestCertificate, LimitExceededException, pattern of DomainName and length of the first."""
    if not props.get("domainName"):
        return
    if len(str(props["domainName"])) > _COMMON_NAME:
        message = f"The first domain name can be no longer than {_COMMON_NAME} characters."
        raise Refusal("ValidationException", message)
    names = _names(props)
    for where, name in enumerate(names):
        if next(iter(plan.matches("domainName", _PATTERN, "{path}")({"domainName": name})), None):
            place = f"subjectAlternativeNames.{where}.member" if where else "domainName"
            message = (
                f"1 validation error detected: Value '{name}' at '{place}' failed to satisfy constraint: "
                f"Member must satisfy regular expression pattern: ^{_PATTERN}$"
            )
            raise Refusal("ValidationException", message)
    if len(names) > _DOMAINS:
        message = f"The maximum number of {_DOMAINS} domain names per certificate has been exceeded"
        raise Refusal("LimitExceededException", message)


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """dfds/infrastructure-modules#5."""
    if any(cloud.referring(row.id, token) for token in _USERS):
        raise Refusal("ResourceInUseException", f"Certificate {row.id} in account {cloud.account} is in use.")


def _refuse_validation(cloud: Cloud, props: Props) -> None:
    """certificate_validation.go: resourceCertificateValidationCreate (default time-out 75 minutes)."""
    arn = props["certificateArn"]
    row = find(cloud, arn)
    if row is None:
        raise Refusal("ResourceNotFoundException", f"Could not find certificate {arn}.")
    if row["type"] != "AMAZON_ISSUED":
        raise Refusal("", f"ACM Certificate ({arn}) has type {row['type']}, no validation necessary")
    named = {str(fqdn).rstrip(".") for fqdn in props.get("validationRecordFqdns") or []}
    for option in _records(row) if named else []:
        fqdn = option["resourceRecordName"].rstrip(".")
        if fqdn not in named:
            raise Refusal("", f"missing {option['domainName']} DNS validation record: {fqdn}")
    if row["status"] != "ISSUED" and not (_records(row) and all(_since(cloud, option) for option in _records(row))):
        message = (
            f"waiting for ACM Certificate ({arn}) to be issued: timeout while waiting for state to become 'ISSUED' "
            "(last state: 'PENDING_VALIDATION', timeout: 1h15m0s)"
        )
        raise Refusal("", message)


def _validation_id(cloud: Cloud, props: Props) -> str:
    """The time of issue, as the real provider has it; a second later where two were issued in the same one."""
    moment = _moment(cloud.now())
    while cloud.get(VALIDATION, found := moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")):
        moment += timedelta(seconds=1)
    return found


def _after_validation(cloud: Cloud, row: Row) -> None:
    certificate = find(cloud, str(row["certificateArn"]))
    if certificate is not None and certificate["status"] != "ISSUED":
        issue(cloud, certificate)


_NAMING: Final = {"domainName", "subjectAlternativeNames", "validationMethod", "validationOptions"}

KINDS: Final = (
    Kind(
        token=CERTIFICATE,
        service="ACM",
        thing="ACM Certificate",
        operations={
            "create": "RequestCertificate",
            "update": "UpdateCertificateOptions",
            "delete": "DeleteCertificate",
        },
        create_only=frozenset({*_NAMING, "keyAlgorithm", "certificateAuthorityArn"}),
        source="terraform-provider-aws internal/service/acm/certificate.go",
        computed=frozenset(
            {"arn", "domainName", "domainValidationOptions", "keyAlgorithm", "notAfter", "notBefore", "pendingRenewal"}
            | {"renewalEligibility", "renewalSummaries", "status", "subjectAlternativeNames", "type"}
            | {"validationEmails", "validationMethod"}
        ),
        identify=_identify,
        outputs=_outputs,
        preview=_preview,
        checks=(
            _dot_failures,
            plan.exactly_one("domainName", "privateKey", "privateKeyWo"),
            plan.length("domainName", 1, 253),
            plan.length("subjectAlternativeNames", 1, 253),
            plan.one_of("validationMethod", "DNS", "EMAIL", "HTTP", "NONE"),
            plan.one_of("keyAlgorithm", *_ALGORITHMS),
            plan.one_of("options.certificateTransparencyLoggingPreference", "ENABLED", "DISABLED"),
        ),
        refuse_create=(_refuse_source, _refuse_names),
        refuse_delete=(_refuse_delete,),
    ),
    Kind(
        token=VALIDATION,
        service="ACM",
        thing="ACM Certificate Validation",
        operations={"create": "DescribeCertificate", "update": "DescribeCertificate", "delete": "DescribeCertificate"},
        create_only=frozenset({"certificateArn", "validationRecordFqdns"}),
        source="terraform-provider-aws internal/service/acm/certificate_validation.go",
        computed=frozenset(),
        identify=_validation_id,
        refuse_create=(_refuse_validation,),
        after_create=(_after_validation,),
    ),
)
