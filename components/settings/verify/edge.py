"""Rules of what a load balancer does beside routing: client certificates, firewall, headers, logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from components.settings.broken import sound
from components.settings.edge import TrustStore
from components.settings.load_balancers import LoadBalancer
from components.settings.model import Settings
from components.settings.wording import Fault, quoted

# ALB User Guide, "HTTP header modification": the values that the load balancer takes.
_VALUES: Final = {
    "access_control_allow_credentials": (r"true", '"true"'),
    "access_control_max_age": (
        r"[0-9]|[1-9][0-9]{1,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400",
        "0 to 86400",
    ),
    "x_content_type_options": (r"nosniff", '"nosniff"'),
    "x_frame_options": (r"DENY|SAMEORIGIN|ALLOW-FROM \S+", "DENY, SAMEORIGIN or ALLOW-FROM with an address"),
}


def _arns(balancer: LoadBalancer) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    if balancer.mtls and balancer.mtls.trust_store and balancer.mtls.trust_store.arn:
        found["mtls", "trust_store", "arn"] = f"{balancer.mtls.trust_store.arn}"
    if balancer.waf:
        found["waf", "web_acl_arn"] = f"{balancer.waf.web_acl_arn}"
    return found


def regions(settings: Settings, region: str | None) -> Iterator[Fault]:
    """Trust stores and regional web ACLs serve load balancers of their own region (ELB and WAF API References)."""
    for name, balancer in settings.load_balancers.items():
        for path, arn in (sound(partial(_arns, balancer)) or {}).items():
            if region is not None and arn.split(":")[3] != region:
                yield Fault(
                    ("load_balancers", name, *path),
                    f"must be of {region} (aws:region); received one of {arn.split(':')[3]}",
                )


def _mtls(settings: Settings, name: str) -> Iterator[Fault]:
    """Elastic Load Balancing API Reference, MutualAuthenticationAttributes."""
    mtls = settings.load_balancers[name].mtls
    if mtls is None:
        return
    path = ("load_balancers", name, "mtls")
    if mtls.mode == "verify" and mtls.trust_store is None:
        yield Fault((*path, "trust_store"), "missing; mode verify needs the CAs that clients are verified with")
    for key in ("trust_store", "ignore_expiry", "advertise_ca_names") if mtls.mode == "passthrough" else ():
        if key in mtls.model_fields_set:
            yield Fault((*path, key), "only with mode verify, and it is passthrough; leave it out")


def _trust_store(settings: Settings, name: str) -> Iterator[Fault]:
    mtls = settings.load_balancers[name].mtls
    store = mtls.trust_store if mtls else None
    if store is None:
        return
    path = ("load_balancers", name, "mtls", "trust_store")
    if (store.arn is None) == (store.bucket is None):
        yield Fault(path, "must have exactly one of arn (an existing one) and bucket (to make one)")
    elif store.bucket is not None and store.key is None:
        yield Fault((*path, "key"), "missing; the bundle needs its key in the bucket")
    for key in _left_over(store):
        yield Fault((*path, key), "only with bucket; leave it out")


def _left_over(store: TrustStore) -> list[str]:
    return [key for key in ("key", "version") if store.bucket is None and getattr(store, key) is not None]


def _logs(settings: Settings, name: str) -> Iterator[Fault]:
    logs = settings.load_balancers[name].logs
    if logs is None:
        return
    path = ("load_balancers", name, "logs")
    if not (logs.access or logs.connections or logs.health_checks):
        yield Fault(path, "all of them are off; turn one on, or leave logs out")
    if settings.existing.log_bucket is not None and "retention" in logs.model_fields_set:
        yield Fault((*path, "retention"), "existing.log_bucket keeps rules of its own; leave one of the two out")


def _renamed(settings: Settings, name: str) -> Iterator[Fault]:
    """A header that is never added has no use for a name."""
    balancer = settings.load_balancers[name]
    path = ("load_balancers", name, "headers", "rename")
    seen: dict[str, str] = {}
    for header, new in balancer.headers.rename.items():
        if header.startswith("x_amzn_mtls_") and balancer.mtls is None:
            yield Fault((*path, header), "is added with mtls only; leave one of the two out")
        if header.startswith("x_amzn_tls_") and not balancer.headers.tls_version_and_cipher:
            yield Fault((*path, header), "is added with headers.tls_version_and_cipher: true only")
        first = seen.setdefault(new.lower(), header)
        if first != header:
            yield Fault((*path, header), f"{quoted(new)} is the name of {first} already")


def _added(settings: Settings, name: str) -> Iterator[Fault]:
    for header, value in settings.load_balancers[name].headers.add.items():
        pattern, allowed = _VALUES.get(header, (r".*", ""))
        if not re.fullmatch(pattern, value):
            yield Fault(
                ("load_balancers", name, "headers", "add", header), f"must be {allowed}; received {quoted(value)}"
            )


BALANCER_RULES: Final = (_mtls, _trust_store, _logs, _renamed, _added)
