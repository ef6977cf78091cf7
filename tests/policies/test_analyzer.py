"""What the engine is told about the configuration, and what the pack makes of what the engine then decides."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2 as proto

from policies.engine.analyzer import Analyzer
from policies.engine.rule import Level
from policies.rules import REGISTRY

OFF = [rule.id for rule in REGISTRY if rule.level is Level.DISABLED]
NAMES = {proto.ADVISORY: "advisory", proto.MANDATORY: "mandatory", proto.DISABLED: "disabled"}
NUMBERS = {name: number for number, name in NAMES.items()}


class RefusedError(Exception):
    """The call was ended with an error."""


class Call:
    """The context of a call."""

    def abort(self, code: Any, details: str) -> None:
        raise RefusedError(details)


def analyzer(folder: Path) -> Analyzer:
    return Analyzer(REGISTRY, dt.date(2026, 11, 25), folder)


def stack(name: str) -> Any:
    return proto.AnalyzerStackConfigureRequest(stack=name)


def reconciled(info: Any, given: dict[str, str] | None = None) -> Any:
    """What the engine makes of the pack's own configuration and `--policy-pack-config` (pkg/resource/analyzer)."""
    request = proto.ConfigureAnalyzerRequest()
    for policy in info.policies:
        request.policyConfig[policy.name].enforcementLevel = policy.enforcementLevel
    for name, chosen in info.initialConfig.items():
        request.policyConfig[name].CopyFrom(chosen)
    if given and "all" in given:
        for name in [*request.policyConfig, "all"]:
            request.policyConfig[name].enforcementLevel = NUMBERS[given["all"]]
    for name, level in (given or {}).items():
        request.policyConfig[name].enforcementLevel = NUMBERS[level]
    return request


def active(pack: Analyzer) -> dict[str, Level]:
    return {rule.id: pack._configuration.level(rule) for rule in REGISTRY}


def test_the_files_of_the_stack_reach_the_engine_and_come_back(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("ALB006: remediate\nALB010: {enforcementLevel: advisory, seconds: 60}\n")
    pack = analyzer(tmp_path)
    pack.ConfigureStack(stack("shop"), Call())
    info = pack.GetAnalyzerInfo(None, Call())
    assert info.initialConfig["ALB006"].enforcementLevel == proto.REMEDIATE
    assert json_format.MessageToDict(info.initialConfig["ALB010"].properties) == {"seconds": 60}
    pack.Configure(reconciled(info), Call())
    assert pack._configuration.remediate == {"ALB006"}
    assert repr(pack._configuration.options["ALB010"]) == "{'seconds': 60}"  # on the wire every number is a float
    assert active(pack)["ALB010"] is Level.ADVISORY
    assert {active(pack)[each] for each in OFF} == {Level.DISABLED}


def test_another_stack_has_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("ALB006: advisory\n")
    pack = analyzer(tmp_path)
    pack.ConfigureStack(stack("other"), Call())
    assert dict(pack.GetAnalyzerInfo(None, Call()).initialConfig) == {}


def test_all_on_the_command_line_switches_no_rule_on_that_is_off_by_default(tmp_path: Path) -> None:
    assert len(OFF) > 1
    pack = analyzer(tmp_path)
    info = pack.GetAnalyzerInfo(None, Call())
    pack.Configure(reconciled(info, {"all": "mandatory", OFF[0]: "advisory"}), Call())
    assert active(pack)[OFF[0]] is Level.ADVISORY
    assert {active(pack)[each] for each in OFF[1:]} == {Level.DISABLED}
    assert {level for name, level in active(pack).items() if name not in OFF} == {Level.MANDATORY}


def test_what_a_file_switches_on_stays_on_whatever_all_says(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(f"{OFF[0]}: advisory\n")
    pack = analyzer(tmp_path)
    pack.ConfigureStack(stack("shop"), Call())
    pack.Configure(reconciled(pack.GetAnalyzerInfo(None, Call()), {"all": "mandatory"}), Call())
    assert active(pack)[OFF[0]] is Level.MANDATORY


@pytest.mark.parametrize(("value", "protected"), [(True, True), (False, False), ("true", True)])
def test_a_stack_that_is_protected_is_so_for_the_pack(tmp_path: Path, value: object, protected: bool) -> None:
    pack = analyzer(tmp_path)
    request = stack("shop")
    request.config["grpc-platform:environment"] = json.dumps({"protected": value})
    pack.ConfigureStack(request, Call())
    pack.Configure(reconciled(pack.GetAnalyzerInfo(None, Call())), Call())
    assert pack._configuration.protected is protected


def test_a_broken_file_ends_the_run_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("\nALB6: advisory\n")
    with pytest.raises(RefusedError, match=r"default\.yaml:2: ALB6: there is no rule ALB6; did you mean ALB006\?"):
        analyzer(tmp_path).ConfigureStack(stack("shop"), Call())
