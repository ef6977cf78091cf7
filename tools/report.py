"""What `make up` and `make preview` say at the end, made from the state of a stack."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_SIGNATURE = "4dabf18193072939515e22adb298388d"  # marks secrets in a state (sdk/go/common/resource/sig)
_GROUPS = (
    ("Network", ("aws:ec2/", "aws:vpc/")),
    ("Cluster", ("aws:eks/", "eks:")),
    ("Registry", ("aws:ecr/",)),
    ("Load balancing", ("aws:lb/", "aws:acm/", "aws:route53/")),
    ("VPC Lattice", ("aws:vpclattice/", "aws:ram/")),
    ("Kubernetes", ("kubernetes:",)),
    ("Access", ("aws:iam/", "aws:kms/")),
    ("Logs", ("aws:cloudwatch/",)),
)
_SPELLED = {
    "Addon": "add-on",
    "Eip": "elastic IP",
    "NatGateway": "NAT gateway",
    "Release": "Helm release",
    "Vpc": "VPC",
}
_WIDTH = 96


def colour(code: str, text: str) -> str:
    """Text in a colour where the terminal wants one (https://no-color.org)."""
    return f"\x1b[{code}m{text}\x1b[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def bold(text: str) -> str:
    """Text in bold where the terminal wants it."""
    return colour("1", text)


def is_real(token: str) -> bool:
    """Whether a type is one a provider makes: no component, no provider, no stack."""
    package, _, rest = token.partition(":")
    if package == "pulumi" or package.startswith("grpc-platform"):
        return False
    return not (package == "eks" and rest.startswith("index:"))


def words(token: str, count: int) -> str:
    """A number of things of a type: "3 subnets", "1 VPC"."""
    name = token.rsplit(":", 1)[-1]
    spelled = _SPELLED.get(name) or _spell(name)
    return f"{count} {spelled if count == 1 else _plural(spelled)}"


def _spell(name: str) -> str:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name)
    return " ".join(part if len(part) > 1 and part.isupper() else part.lower() for part in parts)


def _plural(name: str) -> str:
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "ch", "x")) else f"{name}s"


def counted(tokens: Iterable[str]) -> list[str]:
    """One line per group of types: what there is, in words."""
    counts = Counter(token for token in tokens if is_real(token))
    lines = []
    for title, prefixes in (*_GROUPS, ("Other", ("",))):
        mine = sorted(token for token in counts if token.startswith(prefixes))
        if mine:
            lines += _wrapped(title, [words(token, counts.pop(token)) for token in mine])
    return lines


def _wrapped(title: str, items: list[str]) -> list[str]:
    lines = [f"  {title:<15} "]
    for place, item in enumerate(items):
        text = item if place == len(items) - 1 else f"{item}, "
        if len(lines[-1]) + len(text) > _WIDTH:
            lines.append(" " * 18)
        lines[-1] += text
    return [line.rstrip() for line in lines]


def outputs_of(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """The stack outputs in a deployment."""
    stacks = [one for one in deployment.get("resources") or [] if one["type"] == "pulumi:pulumi:Stack"]
    return dict(stacks[0].get("outputs") or {}) if stacks else {}


def up(deployment: Mapping[str, Any], seconds: float) -> str:
    """The closing words of `make up`."""
    tokens = [one["type"] for one in deployment.get("resources") or []]
    outputs = outputs_of(deployment)
    real = sum(map(is_real, tokens))
    lines = [bold(f"The platform is up on the local cloud: {real} resources, {seconds:.0f} s."), "", *counted(tokens)]
    if "cluster" in outputs:
        lines += ["", bold("Cluster"), f"  {_short(outputs['cluster'])}"]
    if isinstance(outputs.get("endpoints"), Mapping):
        lines += ["", bold("How each workload is reached"), *_reached(outputs)]
    if by_lattice := _reached_by_lattice(outputs):
        lines += ["", bold("Through VPC Lattice"), *by_lattice]
    return "\n".join([*lines, "", bold("Try next"), *_next(outputs)])


def _reached(outputs: Mapping[str, Any]) -> list[str]:
    endpoints = outputs["endpoints"]
    if _SIGNATURE in endpoints:
        return ["  [secret]"]
    clients = outputs.get("clients")
    width = max([len(str(name)) for name in endpoints] or [0])
    waiting = waiting_for_image(outputs)
    lines = []
    for name, address in endpoints.items():
        note = "   (no image yet, so nothing runs)" if name in waiting else ""
        lines.append(f"  {name:<{width}}  {_short(address)}{note}")
        client = clients.get(name) if isinstance(clients, Mapping) else None
        if isinstance(client, Mapping) and name not in waiting:
            lines += [f"  {'':<{width}}  {_short(client[tool])}" for tool in ("grpcurl", "curl") if tool in client]
    return lines


def _reached_by_lattice(outputs: Mapping[str, Any]) -> list[str]:
    lattice = outputs.get("lattice")
    clients = lattice.get("clients") if isinstance(lattice, Mapping) else None
    if not isinstance(clients, Mapping) or _SIGNATURE in clients:
        return []
    width = max([len(str(name)) for name in clients] or [0])
    found = {name: client for name, client in clients.items() if isinstance(client, Mapping)}
    return [f"  {name:<{width}}  {_short(client.get('target') or client.get('url'))}" for name, client in found.items()]


def _next(outputs: Mapping[str, Any]) -> list[str]:
    tips = [
        ("make preview env=dev", "another environment, offline"),
        (".venv/bin/python -m local_cloud list", "everything that exists now"),
        ('eval "$(make -s env)"', "then plain `pulumi` commands work in this shell"),
        ("make down", "remove everything"),
    ]
    for name, repository in waiting_for_image(outputs).items():
        push = f".venv/bin/python -m local_cloud push {repository}"
        tips.insert(1, (push, f"record an image for {name}, then set its digest"))
    width = max(len(command) for command, _ in tips)
    return [f"  {command:<{width}}   {meaning}" for command, meaning in tips]


def waiting_for_image(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Workloads that have no image yet, with their repositories."""
    balancers, urls = outputs.get("topology"), outputs.get("repositories")
    if not (isinstance(balancers, Mapping) and isinstance(urls, Mapping)):
        return {}
    found = {}
    for workloads in balancers.values():
        for name, entry in workloads.items() if isinstance(workloads, Mapping) else ():
            if isinstance(entry, Mapping) and entry.get("running") is False and isinstance(urls.get(name), str):
                found[name] = urls[name].partition("/")[2]
    return found


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and _SIGNATURE in value:
        return "[secret]"
    if isinstance(value, str) and "\n" not in value:
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, Mapping) and all(isinstance(item, (str, int)) for item in value.values()):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    text = json.dumps(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
