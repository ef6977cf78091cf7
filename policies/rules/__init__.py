"""All rules of the pack, a file for each part of a family."""

from __future__ import annotations

from typing import Final

from policies.engine.rule import Registry
from policies.rules import listeners, target_groups

REGISTRY: Final = Registry([*target_groups.RULES, *listeners.RULES])
