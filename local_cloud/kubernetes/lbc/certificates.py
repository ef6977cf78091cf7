"""Which certificate an HTTPS listener gets (pkg/certs: given ones first, else discovered in ACM by host)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.lbc.model import Unreconciled

_CERTIFICATE: Final = "aws:acm/certificate:Certificate"


def chosen(cluster: Cluster, given: Sequence[str], hosts: Sequence[str]) -> str:
    """The ARN of the default certificate."""
    if given:
        return given[0]
    known = cluster.store.rows("aws", _CERTIFICATE)
    for host in sorted(filter(None, hosts)):
        for row in known:
            names = [row["domainName"], *(row["subjectAlternativeNames"] or ())]
            if host in names or "*." + host.partition(".")[2] in names:
                return row.id
        raise Unreconciled(f"no certificate found for host: {host}")
    raise Unreconciled("no certificate found for host: ")
