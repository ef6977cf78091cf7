"""No secret in a message, whichever way it got there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from checks import verdicts
from policies.engine import sources, veil
from policies.engine.configuration import Configuration
from policies.engine.resource import Resource
from policies.engine.rule import Rule
from policies.rules import REGISTRY

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def sealed(value: Any) -> Any:
    """Every text in it a secret."""
    if isinstance(value, dict):
        return {key: sealed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [sealed(each) for each in value]
    return {SIGNATURE: SECRET, "value": f"{value}-hush"} if isinstance(value, str) else value


def messages(rule: Rule, properties: str) -> list[str]:
    """What all rules say of the rule's bad examples with one top-level property sealed."""
    said = []
    for example in rule.bad:
        states = [
            {
                "urn": f"urn:pulumi:dev::shop::{given['type']}::{name}",
                "type": given["type"],
                "inputs": {
                    key: sealed(value) if key == properties else value for key, value in given["properties"].items()
                },
            }
            for name, given in example.resources.items()
        ]
        resources = [sources.resource(each) for each in states]
        found, _ = verdicts.judged(resources, Configuration(), dt.date(2027, 1, 1), lambda _: None)
        said += [each.verdict.message for each in found]
    return said


@pytest.mark.parametrize(
    ("rule", "properties"),
    [
        ("ALB008", "healthCheck"),
        ("ALB027", "desyncMitigationMode"),
        ("ALB032", "loadBalancingAlgorithmType"),
        ("ALB036", "mutualAuthentication"),
        ("K8S001", "spec"),
        ("K8S002", "spec"),
        ("K8S003", "spec"),
        ("K8S017", "spec"),
    ],
)
def test_no_rule_says_a_secret(rule: str, properties: str) -> None:
    found = REGISTRY.get(rule)
    assert found is not None
    said = messages(found, properties)
    assert said
    assert not [each for each in said if "hush" in each]


def test_whole_words_are_taken_out_in_any_case_and_nothing_else() -> None:
    given = {"a": {"b.c": ["Hush", "silence", 50051, True, "it"]}, "open": "plain"}
    hidden = veil.over([Resource("t", "n", "urn:n", given, secrets=("a.b.c",))])
    assert hidden("hush is on 50051, and hushed it is presilences plain: True") == (
        "[secret] is on [secret], and hushed it is pre[secret]s plain: True"
    )
    assert veil.over([Resource("t", "n", "urn:n", given)])("Hush") == "Hush"
