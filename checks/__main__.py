"""The pull-request gate: python -m checks ENV | --state FILE | --preview FILE | --manifests DIR | explain RULE.

Exit codes: 0 nothing stands against it, 1 something does, 2 the input is wrong, 3 the gate could not do its work.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

from checks import console, manifests, state, verdicts, written
from checks.explain import explain
from checks.model import Outcome, Status
from checks.problems import GateError, InputError
from checks.report import FORMATS
from policies.engine import baseline
from policies.engine.configuration import Configuration
from policies.engine.resource import Resource
from policies.rules import REGISTRY

_EXIT = (
    "exit codes: 0 nothing stands against it; 1 a finding of a mandatory rule, or a protected resource would be lost; "
    "2 the input is wrong; 3 the gate could not do its work"
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m checks",
        description="Say what a change would replace or delete, and which rules it breaks: without credentials. "
        "The base branch comes up on a throw-away local cloud, and the work tree is previewed on it.",
        epilog=_EXIT,
    )
    parser.add_argument("env", nargs="?", metavar="ENV", help="an environment: dev for Pulumi.dev.yaml")
    parser.add_argument("--state", type=Path, metavar="FILE", help="check exported state (pulumi stack export) instead")
    parser.add_argument(
        "--preview",
        type=Path,
        metavar="FILE",
        help="judge a saved preview (pulumi preview --json --show-sames) instead",
    )
    parser.add_argument("--manifests", type=Path, metavar="DIR", help="check plain Kubernetes YAML instead")
    parser.add_argument("--base", metavar="REF", help="what to compare with (default: the main branch)")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="more of the pack's configuration, over policies/config/default.yaml and policies/config/ENV.yaml",
    )
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="findings that are known and do not block")
    parser.add_argument(
        "--write-baseline",
        type=Path,
        metavar="FILE",
        help="write what is found now as a baseline; with --baseline, only what is known already, so that it shrinks",
    )
    parser.add_argument("--format", choices=list(FORMATS), default="text", help="what to print (default: %(default)s)")
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help=f"write a report too, any number of times; FORMAT is one of {', '.join(FORMATS)}",
    )
    parser.add_argument("--today", help=argparse.SUPPRESS, metavar="DAY")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run; the exit code."""
    try:
        if arguments[:1] == ["explain"]:
            return _explain(arguments[1:])
        asked = _parser().parse_args(arguments)
        reports = _reports(asked.report)
        outcome = _outcome(asked)
        texts = [("--report", file, FORMATS[form](outcome)) for form, file in reports]
        if asked.write_baseline:
            texts.append(("--write-baseline", asked.write_baseline, _baseline(outcome, asked.baseline)))
        written.files(texts)
        console.out(FORMATS[asked.format](outcome))
    except InputError as error:
        console.err(str(error))
        return 2
    except RecursionError:
        console.err("the input is nested too deeply")
        return 2
    except GateError as error:
        console.err(str(error))
        return 3
    return 1 if outcome.blocks else 0


def _explain(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m checks explain", description="Everything about a rule.")
    parser.add_argument("rule", metavar="RULE", help="for example ALB006")
    console.out(explain(parser.parse_args(arguments).rule))
    return 0


def _outcome(asked: argparse.Namespace) -> Outcome:
    given = [name for name in ("env", "state", "preview", "manifests") if getattr(asked, name) is not None]
    if len(given) != 1:
        raise InputError("give one of ENV, --state FILE, --preview FILE and --manifests DIR (see --help)")
    today = _today(asked.today)
    if asked.state is not None:
        return _of_resources(asked, state.read(asked.state), asked.state, today)
    if asked.preview is not None:
        return _of_resources(asked, state.previewed(asked.preview), asked.preview, today)
    chosen = verdicts.configured([asked.env] if asked.env else [], asked.config, asked.baseline)
    if asked.manifests is not None:
        return _of_manifests(asked.manifests, chosen, today)
    from checks import gate  # noqa: PLC0415 - the others need neither git nor an engine

    return gate.of_environment(asked.env, asked.base, chosen, today)


def _baseline(outcome: Outcome, known: Path | None) -> str:
    standing = [each for each in outcome.findings if each.status is not Status.FIXED]
    return baseline.text(verdicts.entries(standing, known))


def _of_resources(asked: argparse.Namespace, resources: Sequence[Resource], file: Path, today: dt.date) -> Outcome:
    stacks = sorted({each.urn.split("::")[0].removeprefix("urn:pulumi:") for each in resources})
    chosen = verdicts.configured(stacks, asked.config, asked.baseline)
    findings, report = verdicts.judged(resources, chosen, today, lambda _: None)
    return Outcome(
        subject=str(file),
        findings=findings,
        resources=len(resources),
        pairs=report.pairs,
        evaluated=report.evaluated,
        rules=len(REGISTRY),
    )


def _of_manifests(folder: Path, chosen: Configuration, today: dt.date) -> Outcome:
    resources, places = manifests.read(folder)
    findings, report = verdicts.judged(resources, chosen, today, lambda each: places.get(each.urn))
    return Outcome(
        subject=str(folder),
        findings=findings,
        resources=len(resources),
        pairs=report.pairs,
        evaluated=report.evaluated,
        rules=len(REGISTRY),
    )


def _today(given: str | None) -> dt.date:
    try:
        return dt.date.fromisoformat(given) if given else dt.datetime.now(tz=dt.UTC).date()
    except ValueError:
        raise InputError(f"--today {given}: must be a day such as 2027-03-31") from None


def _reports(given: Sequence[str]) -> list[tuple[str, Path]]:
    found = []
    for each in given:
        form, separator, file = each.partition("=")
        if not separator or form not in FORMATS or not file:
            raise InputError(f"--report {each}: must be FORMAT=FILE with FORMAT one of {', '.join(FORMATS)}")
        found.append((form, Path(file)))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
