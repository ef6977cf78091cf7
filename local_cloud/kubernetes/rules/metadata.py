"""Rules for metadata and label selectors.

Sources: k8s.io/apimachinery pkg/api/validation/objectmeta.go, pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from local_cloud.kubernetes import kinds, syntax
from local_cloud.kubernetes.field import Field

_ANNOTATIONS_BYTES: Final = 256 * 1024

# Kinds whose names are stricter or freer than an RFC 1123 subdomain (k8s.io/kubernetes pkg/apis/*/validation).
_NAMES: Final[dict[str, syntax.Grammar]] = {
    "Namespace": syntax.dns_label,
    "Service": syntax.dns_1035,
    "Role": syntax.path_segment,
    "ClusterRole": syntax.path_segment,
    "RoleBinding": syntax.path_segment,
    "ClusterRoleBinding": syntax.path_segment,
}


def metadata_problems(root: Field) -> Iterator[str]:
    """Name, namespace, labels and annotations of an object."""
    metadata = root["metadata"]
    if metadata.unknown:
        return
    kind = root["kind"].text or ""
    yield from _name(metadata, kind)
    namespace = metadata["namespace"]
    if kinds.namespaced(kind):
        yield from syntax.spelled(namespace, syntax.dns_label)
    elif namespace.present and namespace.value != "":
        yield namespace.says(f"not allowed: {kind} does not live in a namespace")
    yield from label_problems(metadata["labels"])
    yield from annotation_problems(metadata["annotations"])


def _name(metadata: Field, kind: str) -> Iterator[str]:
    name, prefix = metadata["name"], metadata["generateName"]
    if name.value in (None, "") and prefix.value in (None, ""):
        yield name.says("is required")
    yield from syntax.spelled(name, _NAMES.get(kind, syntax.subdomain))
    if kind == "CronJob" and name.text is not None and len(name.text) > 52:
        yield name.says(f"has {len(name.text)} characters, a CronJob's name must be no more than 52")


def label_problems(labels: Field) -> Iterator[str]:
    """Keys and values of labels (also: the labels of a pod template, a selector, a node selector)."""
    for key, value in labels.entries:
        if (problem := syntax.qualified(key)) is not None:
            yield labels.says(f"key {key!r}: {problem}")
        yield from syntax.spelled(value, syntax.label_value)


def annotation_problems(annotations: Field) -> Iterator[str]:
    """Keys of annotations, and their size together (256 KiB)."""
    size = 0
    for key, value in annotations.entries:
        if (problem := syntax.qualified(key.lower())) is not None:
            yield annotations.says(f"key {key!r}: {problem}")
        size += len(key.encode()) + len((value.text or "").encode())
    if size > _ANNOTATIONS_BYTES:
        yield annotations.says(f"{size} bytes in all, at most {_ANNOTATIONS_BYTES} are allowed")


def selector_problems(selector: Field, *, required: bool = False) -> Iterator[str]:
    """A LabelSelector by itself."""
    if selector.unknown:
        return
    if required and not selector["matchLabels"].value and not selector["matchExpressions"].value:
        yield selector.says("an empty selector is not allowed")
    yield from label_problems(selector["matchLabels"])
    for expression in selector["matchExpressions"].items:
        yield from _expression(expression)


def _expression(expression: Field) -> Iterator[str]:
    key, operator, values = expression["key"], expression["operator"], expression["values"]
    yield from syntax.spelled(key, syntax.qualified)
    yield from operator.among("In", "NotIn", "Exists", "DoesNotExist")
    if operator.text in {"In", "NotIn"} and not values.unknown and not values.value:
        yield values.says(f"must be given with operator {operator.text}")
    if operator.text in {"Exists", "DoesNotExist"} and values.value and not values.unknown:
        yield values.says(f"must not be given with operator {operator.text}")


def matches(selector: Field, labels: Field) -> bool | None:
    """Whether a LabelSelector selects labels; None when an unknown value decides it."""
    if selector.unknown or labels.unknown or selector["matchLabels"].unknown:
        return None
    certain = True
    for key, wanted in selector["matchLabels"].entries:
        actual = labels[key]
        if wanted.unknown or actual.unknown:
            certain = False
        elif wanted.value != actual.value:
            return False
    for expression in selector["matchExpressions"].items:
        verdict = _expression_matches(expression, labels)
        if verdict is False:
            return False
        certain = certain and verdict is not None
    return True if certain else None


def _expression_matches(expression: Field, labels: Field) -> bool | None:
    key, operator, values = expression["key"].text, expression["operator"].text, expression["values"]
    if key is None or operator is None:
        return None
    actual = labels[key]
    if operator in {"Exists", "DoesNotExist"}:
        return None if actual.unknown else actual.present == (operator == "Exists")
    if actual.unknown or values.unknown or any(value.unknown for value in values.items):
        return None
    member = actual.value in [value.value for value in values.items]
    return member if operator == "In" else not member
