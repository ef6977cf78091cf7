"""The pages about rules are those of the rules there are."""

from checks.pages import FOLDER, SCHEMA, TITLES, pages, schema_text
from policies.rules import REGISTRY


def test_the_pages_are_current() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert written == pages(), "write them again: python -m checks.pages"


def test_the_schema_of_the_configuration_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "write it again: python -m checks.pages"


def test_every_family_has_a_title() -> None:
    assert {rule.family for rule in REGISTRY} == set(TITLES)
