"""`make sweep env=dev`: what a destroyed environment left in its AWS account; with remove=yes it goes.

Reads the real account with your AWS credentials, and the real state with your Pulumi login.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from tools import environment, removal
from tools.orphans import Environment, Orphan, find
from tools.report import bold
from tools.up import say

FOUND, USAGE, LEFT = 1, 2, 3
"""Exit codes: orphans are listed; the sweep could not run; some could not be removed."""
_NO_STACK = "no stack named"


class SweepError(Exception):
    """The sweep cannot run; the message says what to do."""


@dataclass(frozen=True)
class Options:
    """What was asked for. yes: remove without the question; as_json: a list for a program to read."""

    env: str
    remove: bool = False
    yes: bool = False
    as_json: bool = False


def main(options: Options) -> int:
    """List or remove; the exit code, 0 when nothing is left."""
    try:
        return _sweep(options)
    except SweepError as error:
        say(str(error))
    except ClientError as error:
        failed = error.response["Error"]
        say(f"AWS refused {error.operation_name}: {failed.get('Code')}: {failed.get('Message')}")
    except BotoCoreError as error:
        say(f"AWS cannot be asked: {error}\nThe sweep needs credentials, for example from `aws sso login`.")
    return USAGE


def _sweep(options: Options) -> int:
    session = _session(options.env)
    account = session.client("sts").get_caller_identity()["Account"]
    stack = Environment(environment.PROJECT, options.env, known=_known(options.env))
    stack = replace(stack, cluster_lives=_cluster_lives(session.client("eks"), stack.cluster))
    elbv2, ec2 = session.client("elbv2"), session.client("ec2")
    found = find(elbv2, ec2, stack)
    if options.as_json and not options.remove:
        sys.stdout.write(json.dumps([asdict(each) for each in found], indent=2) + "\n")
        return FOUND if found else 0
    where = f"account {account}, {session.region_name}"
    for line in listing(found, stack, where):
        say(line)
    if not found:
        return 0
    if not options.remove:
        say(f"\nTo remove them: make sweep env={options.env} remove=yes")
        return FOUND
    if not options.yes and not _agreed(options.env, where):
        say("Nothing was removed.")
        return FOUND
    return _removed(elbv2, ec2, found)


def _session(env: str) -> boto3.Session:
    """A session in the region of the stack file, and with its profile. SweepError without either."""
    file = environment.here().stack_file(env)
    if not file.is_file():
        known = sorted(each.name.split(".")[1] for each in file.parent.glob("Pulumi.*.yaml"))
        raise SweepError(f"no environment {env}: there is no {file.name} (there is: {', '.join(known)})")
    try:
        config: Mapping[str, Any] = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
    except (yaml.YAMLError, AttributeError) as error:
        raise SweepError(f"{file.name} cannot be read: {error}") from None
    region = config.get("aws:region")
    if not isinstance(region, str):
        raise SweepError(f"{file.name} names no region; for example aws:region: eu-west-1")
    return boto3.Session(region_name=region, profile_name=config.get("aws:profile") or None)


def _known(env: str) -> frozenset[str]:
    """Ids and ARNs in the state of the stack; none when the stack has been removed."""
    place = environment.here()
    path = os.pathsep.join([os.environ.get("PATH", ""), str(place.bin)])
    command = ["pulumi", "stack", "export", "--stack", env, "--non-interactive"]
    try:
        found = subprocess.run(
            command, cwd=place.checkout, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise SweepError("there is no `pulumi` on PATH: run `make setup`") from None
    if found.returncode:
        if _NO_STACK in found.stderr:
            return frozenset()
        raise SweepError(f"the state of stack {env} cannot be read:\n{found.stderr.strip()}")
    return frozenset(_identities(json.loads(found.stdout)))


def _identities(export: Mapping[str, Any]) -> Iterator[str]:
    for resource in (export.get("deployment") or {}).get("resources") or ():
        arn = (resource.get("outputs") or {}).get("arn")
        yield from (each for each in (resource.get("id"), arn) if isinstance(each, str) and each)


def _cluster_lives(eks: Any, name: str) -> bool:
    try:
        eks.describe_cluster(name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True


def listing(found: Sequence[Orphan], stack: Environment, where: str) -> Iterator[str]:
    """Orphans by kind, as a person likes to read them."""
    if stack.cluster_lives:
        yield f"Cluster {stack.cluster} exists: what its controllers made is theirs and not listed."
    if not found:
        yield f"Nothing is left of {stack.stack} ({where})."
        return
    yield bold(f"Left of {stack.stack} ({where}): {len(found)}")
    for kind in dict.fromkeys(each.kind for each in found):
        yield f"\n  {kind}s"
        for each in (each for each in found if each.kind == kind):
            yield f"    {each.name}  {each.id}  ({each.owner})"
            if each.blocked:
                yield f"      {each.blocked}"


def _agreed(env: str, where: str) -> bool:
    if not sys.stdin.isatty():
        raise SweepError("nobody can be asked here: add yes=yes to remove without a question")
    sys.stdout.write(f"\nRemove them from {where}? Type the environment's name to go on: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == env


def _removed(elbv2: Any, ec2: Any, found: Sequence[Orphan]) -> int:
    left = 0
    for outcome in removal.remove(elbv2, ec2, found):
        left += bool(outcome.trouble)
        say(f"  {outcome.orphan.kind} {outcome.orphan.name}: {outcome.trouble or 'removed'}")
    say(f"{len(found) - left} removed, {left} left." + (" Run it again when what holds them is gone." if left else ""))
    return LEFT if left else 0
