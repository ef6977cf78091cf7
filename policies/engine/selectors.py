"""Selectors of Kubernetes: which pods they select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.engine.unknown import known


def plain_labels(selector: Mapping[str, Any]) -> Mapping[str, Any]:
    """The labels that a selector wants: all of a Service's, or `matchLabels` of any other."""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return selector
    labels: Mapping[str, Any] = known(selector.get("matchLabels")) or {}
    return labels


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a selector selects pods with some labels (Kubernetes: "Labels and Selectors")."""
    if not all(labels.get(key) == value for key, value in plain_labels(selector).items()):
        return False
    return all(_holds(known(each), labels) for each in known(selector.get("matchExpressions")) or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, operator = known(expression.get("key")), known(expression.get("operator"))
    given = known(labels.get(key))
    values = [known(each) for each in known(expression.get("values")) or ()]
    if operator in ("Exists", "DoesNotExist"):
        return (given is not None) is (operator == "Exists")
    return (given in values) is (operator == "In")
