"""What is generated from the rules: pages in docs/policies/ and a JSON Schema. python -m checks.pages writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from checks.explain import example_text
from policies.engine import files, schema
from policies.engine.rule import Rule
from policies.rules import REGISTRY

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "policies"
SCHEMA: Final = files.FOLDER / "schema.json"
TITLES: Final = {
    "ALB": "Load balancers",
    "ECR": "Image repositories",
    "EKS": "Clusters and their controllers",
    "K8S": "Kubernetes objects",
    "LAT": "VPC Lattice",
    "XST": "From one end to the other",
}


def pages() -> dict[str, str]:
    """File name and text of every page."""
    families: dict[str, list[Rule]] = {}
    for rule in REGISTRY:
        families.setdefault(rule.family, []).append(rule)
    found = {f"{family.lower()}.md": "\n".join(_page(family, rules)) + "\n" for family, rules in families.items()}
    return {**found, "README.md": "\n".join(_index(families)) + "\n"}


def _index(families: dict[str, list[Rule]]) -> Iterator[str]:
    yield "# Rules"
    yield ""
    yield f"{len(REGISTRY)} rules, generated from the pack. Use and configuration: [policies.md](../policies.md)."
    for family, rules in families.items():
        yield ""
        yield f"## {TITLES[family]}"
        yield ""
        yield "| rule | | severity | level |"
        yield "|---|---|---|---|"
        for rule in rules:
            anchor = f"{family.lower()}.md#{rule.id.lower()}"
            yield f"| [{rule.id}]({anchor}) | {rule.title} | {rule.severity.value} | {rule.level.value} |"


def _page(family: str, rules: list[Rule]) -> Iterator[str]:
    yield f"# {TITLES[family]}"
    yield ""
    yield "Generated from the pack: `python -m checks.pages`. All rules: [README.md](README.md)."
    for rule in rules:
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield ""
    yield f"## {rule.id}"
    yield ""
    yield f"**{rule.title}.** {rule.severity.value}, {rule.level.value}."
    yield ""
    yield f"- **Why:** {rule.why}"
    yield f"- **Fix:** {rule.remedy}"
    if rule.fix is not None:
        yield "- **Repair:** the pack makes this change itself where the rule's level is `remediate`."
    yield f"- **Source:** {rule.source}"
    for name, option in rule.options.items():
        yield f"- **Option** `{name}`: {option.schema['description']}"
    for kind, example in (("Bad", rule.bad[0]), ("Good", rule.good[0])):
        yield ""
        yield f"{kind}: {example.title}."
        yield ""
        yield "```yaml"
        yield example_text(example)
        yield "```"


def schema_text() -> str:
    """The JSON Schema of the pack's configuration files."""
    return json.dumps(schema.json_schema(REGISTRY), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the pages and the schema."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
