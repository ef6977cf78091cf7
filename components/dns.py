"""Certificates and records of the edge.

They belong to the platform, not to one load balancer: ACM asks for one validation record per domain and account, so
two certificates for `*.example.com` share it, and removing one balancer must not take it from the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component
from components.settings import names


def certificate_domains(hosts: Sequence[str], zone: str) -> tuple[str, ...]:
    """The fewest domains that cover `hosts`: a wildcard for each parent inside `zone`, the zone itself by its name.

    A wildcard per parent means that a new workload beside the others changes nothing on the certificate, whose
    domains are create-only. A wildcard covers one label (ACM user guide: "Domain names").
    """
    covered = {host if host == zone else "*." + host.partition(".")[2] for host in hosts}
    return tuple(sorted(covered))


class Certificates:
    """One validated certificate per load balancer that has none of its own, all in one hosted zone."""

    def __init__(self, owner: Component, zone: settings.HostedZone, tags: Mapping[str, str]) -> None:
        self._owner = owner
        self._zone = zone
        self._tags = dict(tags)
        self._records: dict[str, aws.route53.Record] = {}

    def issue(self, load_balancer: str, domains: Sequence[str]) -> pulumi.Output[str]:
        """A certificate for `domains`; the ARN is there once ACM has issued it.

        The first of at most 64 characters is its domain name, as ACM takes no longer one there (ACM API Reference:
        RequestCertificate).
        """
        first = next((domain for domain in domains if len(domain) <= names.COMMON_NAME), domains[0])
        certificate = aws.acm.Certificate(
            f"{load_balancer}-certificate",
            domain_name=first,
            subject_alternative_names=[domain for domain in domains if domain != first] or None,
            validation_method="DNS",
            tags=self._tags,
            opts=self._owner.child(),
        )
        bases = dict.fromkeys(_base(domain) for domain in domains)
        records = [self._validation_record(base, certificate) for base in bases]
        validation = aws.acm.CertificateValidation(
            f"{load_balancer}-certificate-validation",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn for record in records],
            opts=self._owner.child(),
        )
        return validation.certificate_arn

    def _validation_record(self, base: str, certificate: aws.acm.Certificate) -> aws.route53.Record:
        if base not in self._records:
            option = certificate.domain_validation_options.apply(
                lambda options: next(each for each in options if _base(str(each.domain_name)) == base)
            )
            self._records[base] = aws.route53.Record(
                f"validation-{base}",
                zone_id=self._zone.id,
                name=option.resource_record_name,
                type=option.resource_record_type,
                records=[option.resource_record_value],
                ttl=300,
                # Not overwritten when it exists: it then renews a certificate made elsewhere, which would lose it with
                # this stack. Such a balancer is given that certificate's ARN instead.
                allow_overwrite=False,
                opts=self._owner.child(),
            )
        return self._records[base]


def _base(domain: str) -> str:
    """The name ACM validates: `*.example.com` and `example.com` share one record."""
    return domain.removeprefix("*.")


def alias_record(
    owner: Component,
    host: str,
    zone: settings.HostedZone,
    *,
    dns_name: pulumi.Input[str],
    zone_id: pulumi.Input[str],
    protect: bool,
) -> aws.route53.Record:
    """The host's A record, an alias of the load balancer; moving the host to another balancer changes it in place."""
    return aws.route53.Record(
        f"record-{host}",
        zone_id=zone.id,
        name=host,
        type="A",
        aliases=[
            aws.route53.RecordAliasArgs(name=dns_name, zone_id=zone_id, evaluate_target_health=True),
        ],
        opts=owner.child(protect=protect or None),
    )
