"""Names of kinds, the same for every spelling of a type token.

`aws:lb/targetGroup:TargetGroup` and `aws:alb/targetGroup:TargetGroup` are one resource type, and so are all versions of
a Kubernetes kind and its Patch: `aws:lb:TargetGroup`, `apps:Deployment`, `:Service` (the core group has no name).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

_AWS: Final = re.compile(r"aws:([a-z0-9]+)/[A-Za-z0-9]+:([A-Za-z0-9]+)")
_KUBERNETES: Final = re.compile(r"kubernetes:([a-z0-9.-]+)/[a-z0-9]+:([A-Za-z0-9]+)")
_MODULES: Final = {"alb": "lb", "elasticloadbalancingv2": "lb", "applicationloadbalancing": "lb"}
_GROUPS: Final = {"core": "", "extensions": "networking.k8s.io"}


class Kind(NamedTuple):
    """A kind; `patch` when the resource states only some fields of an object that another owner made."""

    name: str
    patch: bool = False


@cache
def kind_of(type_: str) -> Kind:
    """The kind of a type token; the token itself where there are no two ways of writing it."""
    aws = _AWS.fullmatch(type_)
    if aws:
        return Kind(f"aws:{_MODULES.get(aws[1], aws[1])}:{aws[2]}")
    kubernetes = _KUBERNETES.fullmatch(type_)
    if kubernetes is None:
        return Kind(type_)
    group = _GROUPS.get(kubernetes[1], kubernetes[1])
    patch = kubernetes[2].endswith("Patch") and kubernetes[2] != "Patch"
    return Kind(f"{group}:{kubernetes[2].removesuffix('Patch') if patch else kubernetes[2]}", patch)


def is_kubernetes(kind: str) -> bool:
    """Whether a kind is one of Kubernetes: the others begin with a package's name."""
    return kind.count(":") == 1 and not kind.startswith(("pulumi:", "eks:"))
