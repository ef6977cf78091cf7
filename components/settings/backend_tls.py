"""TLS between load balancer and pod."""

from __future__ import annotations

from typing import Annotated

from .base import Says, Section, Text

# Kubernetes, "Object Names and IDs": DNS subdomain names.
_SecretName = Annotated[
    str,
    Text(
        r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*",
        "the name of a Kubernetes Secret: lower-case letters, digits, hyphens and dots",
        maximum=253,
    ),
]


class BackendTls(Section):
    """The pod answers with TLS on `port`, and without it on `health.port`.

    The load balancer takes any certificate of the pod, also a self-signed one: it encrypts and does not verify.
    """

    secret: Annotated[
        _SecretName,
        Says(
            "Secret of type kubernetes.io/tls in the workload's namespace, made by you, for example by cert-manager. "
            "The container finds its files by the variables TLS_CERT_FILE and TLS_KEY_FILE.",
            source="ALB User Guide, Target groups; Kubernetes, TLS Secrets",
        ),
    ]
