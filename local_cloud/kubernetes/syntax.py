"""Names, labels, ports and quantities: the small grammars of the Kubernetes API.

Sources: k8s.io/apimachinery/pkg/util/validation/validation.go, pkg/api/resource/quantity.go, pkg/util/intstr.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from local_cloud.kubernetes.field import Field

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PORT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV_NAME = re.compile(r"[ -<>-~]+")
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(m|u|n|k|Ki|[MGTPE]i?|[eE][+-]?[0-9]+)?")
_PERCENT = re.compile(r"([0-9]+)%")
_SCALES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1), "k": Decimal(10**3), "M":
    Decimal(10**6),
    "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18), "Ki": Decimal(2**10),
    "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip

Grammar = Callable[[str], str | None]


def dns_label(name: str) -> str | None:
    """What is wrong with an RFC 1123 label (63 characters), None when nothing is."""
    if len(name) > 63:
        return f"has {len(name)} characters, at most 63 are allowed"
    if not _LABEL.fullmatch(name):
        return "must be lower-case letters, digits and '-', starting and ending with a letter or digit (RFC 1123 label)"
    return None


def dns_1035(name: str) -> str | None:
    """What is wrong with an RFC 1035 label (63 characters, starts with a letter)."""
    if len(name) > 63:
        return f"has {len(name)} characters, at most 63 are allowed"
    if not _DNS_1035.fullmatch(name):
        return (
            "must be lower-case letters, digits and '-', starting with a letter and ending with a letter or "
            "digit (RFC 1035 label)"
        )
    return None


def subdomain(name: str) -> str | None:
    """What is wrong with an RFC 1123 subdomain (253 characters)."""
    if len(name) > 253:
        return f"has {len(name)} characters, at most 253 are allowed"
    if not _SUBDOMAIN.fullmatch(name):
        return (
            "must be lower-case letters, digits, '-' and '.', each part starting and ending with a letter or "
            "digit (RFC 1123 subdomain)"
        )
    return None


def path_segment(name: str) -> str | None:
    """What is wrong with a name that only has to be a path segment (RBAC objects)."""
    if name in {".", ".."} or "/" in name or "%" in name:
        return "must not be '.' or '..' nor contain '/' or '%'"
    return None


def qualified(key: str) -> str | None:
    """What is wrong with a label or annotation key: an optional DNS prefix, '/', a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or subdomain(prefix)):
        return f"prefix {prefix!r} must be a DNS subdomain"
    if len(name) > 63:
        return f"name {name!r} has {len(name)} characters, at most 63 are allowed"
    if not _QUALIFIED.fullmatch(name):
        return "must be letters, digits, '-', '_' and '.', starting and ending with a letter or digit"
    return None


def label_value(value: str) -> str | None:
    """What is wrong with a label's value: empty, or as a key's name."""
    if len(value) > 63:
        return f"has {len(value)} characters, at most 63 are allowed"
    if value and not _QUALIFIED.fullmatch(value):
        return "must be empty or letters, digits, '-', '_' and '.', starting and ending with a letter or digit"
    return None


def port_name(name: str) -> str | None:
    """What is wrong with an IANA service name (15 characters, at least one letter)."""
    if len(name) > 15:
        return f"has {len(name)} characters, at most 15 are allowed"
    if not _PORT_NAME.fullmatch(name) or "--" in name or not any(character.isalpha() for character in name):
        return "must be lower-case letters, digits and single '-', with at least one letter (IANA service name)"
    return None


def config_key(key: str) -> str | None:
    """What is wrong with a key of a ConfigMap or Secret."""
    if len(key) > 253:
        return f"has {len(key)} characters, at most 253 are allowed"
    if not _CONFIG_KEY.fullmatch(key) or key in {".", ".."} or key.startswith(".."):
        return "must be letters, digits, '-', '_' and '.', and not start with '..'"
    return None


def env_name(name: str) -> str | None:
    """What is wrong with the name of an environment variable (relaxed form, on by default since Kubernetes 1.32)."""
    return None if _ENV_NAME.fullmatch(name) else "must be printable ASCII characters without '='"


def is_base64(text: str) -> bool:
    """Whether the text is standard base64."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_CRON = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_NAMES = re.compile(r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)\b")


def schedule(text: str) -> str | None:
    """A cron schedule: five fields in their ranges, a macro, or @every DURATION (robfig/cron, ParseStandard)."""
    if text in _MACROS or text.startswith("@every "):
        return None
    fields = text.split()
    if len(fields) != len(_CRON):
        return f"expected exactly 5 fields, found {len(fields)}"
    for field, (name, low, high) in zip(fields, _CRON, strict=True):
        if _NAMES.search(field):
            continue
        for part in field.split(","):
            span, _, step = part.partition("/")
            ends = [] if span in {"*", "?"} else span.split("-")
            numbers = [*ends, *([step] if step else [])]
            if not all(each.isdigit() for each in numbers) or len(ends) > 2:
                return f"{part!r} is no {name}"
            if any(not low <= int(each) <= high for each in ends):
                return f"the {name} must be from {low} to {high}"
    return None


@lru_cache(maxsize=4096)
def quantity(text: str) -> Decimal | None:
    """The number a quantity ("250m", "256Mi", "1e3") stands for, None when it is no quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix = match.group(1), match.group(2) or ""
    try:
        if suffix[:1] in {"e", "E"} and len(suffix) > 1 and suffix[1:].lstrip("+-").isdigit():
            return Decimal(number).scaleb(int(suffix[1:])) if len(suffix) < 6 else None
        return Decimal(number) * _SCALES[suffix]
    except (InvalidOperation, KeyError):
        return None


def amount(field: Field) -> Decimal | None:
    """The quantity of a field given as text or number, None when unknown or not one."""
    if isinstance(field.value, bool) or not isinstance(field.value, str | int | float):
        return None
    return quantity(str(field.value))


def percent(text: str) -> int | None:
    """The number of a percentage, None when the text is none."""
    match = _PERCENT.fullmatch(text)
    return int(match.group(1)) if match else None


def spelled(field: Field, grammar: Grammar) -> Iterator[str]:
    """Complains when a known string breaks a grammar."""
    if field.text is not None and (problem := grammar(field.text)) is not None:
        yield field.says(f"{field.text!r} {problem}")


def share(field: Field) -> Iterator[str]:
    """An int-or-percent field: a number of at least 0, or a percentage (k8s pkg/apis/apps/validation)."""
    if field.text is not None and percent(field.text) is None:
        yield field.says(f"{field.text!r} must be a whole number or a percentage such as '25%'")
    yield from field.within(0)


def port_or_name(field: Field) -> Iterator[str]:
    """A port given by number or by the name of a container port."""
    yield from field.within(1, 65535)
    yield from spelled(field, port_name)
