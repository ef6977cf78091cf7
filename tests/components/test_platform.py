"""How the platform registers what it makes."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pulumi.runtime.settings import get_monitor

from components import settings
from components.platform import Platform
from tests.conftest import REGION

Raw = dict[str, Any]


def many(minimal: Raw, count: int) -> Raw:
    one = minimal["services"].pop("orders")
    for index in range(count):
        minimal["services"][f"w{index:02}"] = each = deepcopy(one)
        each["grpc_services"] = [f"acme.w{index}.v1.Any"]
        each["expose"]["alb"]["host"] = f"w{index}.dev.example.com"
    return minimal


def test_the_engine_works_while_workloads_are_still_constructed(register: Callable[..., Any], minimal: Raw) -> None:
    loaded = settings.load(many(minimal, 40), region=REGION)
    meanwhile: list[int] = []

    async def program() -> None:
        await Platform("platform", loaded, region=REGION).register_workloads()
        monitor: Any = get_monitor()
        meanwhile.append(len(monitor.seen.of("aws:ec2/vpc:Vpc")))

    seen = register(program)
    assert len(seen.of("kubernetes:core/v1:Namespace")) == 40
    assert meanwhile == [1]


def test_workloads_are_made_in_name_order_whatever_the_file_says(register: Callable[..., Any], minimal: Raw) -> None:
    many(minimal, 6)
    minimal["services"] = dict(reversed(minimal["services"].items()))
    loaded = settings.load(minimal, region=REGION)
    made: list[str] = []

    async def program() -> None:
        platform = Platform("platform", loaded, region=REGION)
        await platform.register_workloads()
        made.extend(platform.workloads)

    register(program)
    assert made == sorted(minimal["services"])
