"""What the policies say of a preview: the engine, whether it may go on, and `checks`, why and what helps."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from portal import engine
from portal.engine import Finished
from portal.events import tail
from portal.settings import Target

if TYPE_CHECKING:
    from portal.runner import Runner

_SECONDS: Final = 300


def judge(runner: Runner, done: Finished, kept: dict[str, Any]) -> str:
    """Why the policies stand against a preview; empty when they do not, or when there is nothing to judge.

    The verdict itself goes into what is kept of the run.
    """
    found = runner.watch.of("policy")
    verdict: dict[str, Any] = {}
    if done.json().get("steps"):
        document = runner.folder / "preview.json"
        document.write_text(json.dumps(done.json()), encoding="utf-8")
        verdict = runner.redactor.data(of_preview(runner.program, runner.target, document))
    kept["verdict"] = verdict
    against = blocking(verdict, found)
    if against:
        return f"against it: {', '.join(against)}"
    summaries = runner.watch.of("summary")
    if not done.code and summaries:
        missing = missing_packs(runner.target, runner.program, summaries[-1]["packs"])
        return f"these policies did not run: {', '.join(missing)}" if missing else ""
    return ""


def missing_packs(target: Target, program: Path, ran: Mapping[str, str]) -> list[str]:
    """The packs that should have run, in the version that lies in the program, and did not.

    ran: from the engine's summary, `name|local|folder` and version; it may shorten the folder.
    """
    known = {(key.partition("|")[0], version) for key, version in ran.items()}
    return [pack for pack in target.packs if _named(program / pack) not in known]


def _named(pack: Path) -> tuple[str, str]:
    document = yaml.safe_load((pack / "PulumiPolicy.yaml").read_text("utf-8"))
    return str(document.get("name", "")), str(document.get("version", ""))


def of_preview(program: Path, target: Target, document: Path) -> dict[str, Any]:
    """Every finding with its remedy, from `python -m checks --preview`; its exit code 1 means that something blocks.

    Raises RuntimeError when the checks could not do their work: no verdict is not a good one.
    """
    python = program / ".venv" / "bin" / "python"
    done = subprocess.run(
        [str(python), "-m", "checks", "--preview", str(document), "--format", "json"],
        cwd=program,
        env={key: value for key, value in engine.variables(target).items() if key in ("PATH", "HOME", "LANG")},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the policies could not be checked: {tail(done.stderr, 2000)}")
    found = json.loads(done.stdout)
    kept = ("rule", "title", "kind", "level", "blocks", "urn", "path", "message", "remedy")
    # An older program does not say where a rule comes from.
    findings = [{**{key: each[key] for key in kept}, "source": each.get("source", "")} for each in found["findings"]]
    return {"blocks": found["blocks"], "rules": found["rules"], "resources": found["resources"], "findings": findings}


def blocking(verdict: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rules that stand against a change, by the engine or by the checks."""
    by_engine = {each["rule"] for each in policies if each["level"] == "mandatory"}
    by_checks = {each["rule"] for each in verdict.get("findings", ()) if each["blocks"]}
    return sorted(by_engine | by_checks)
