"""The portal from a pipeline: python -m portal.client COMMAND … ; --help lists the commands.

The address of the portal is in PORTAL_URL and the token in PORTAL_TOKEN, never among the arguments, which everybody on
a machine can read. A preview carries an Idempotency-Key, so one that is asked for again, because its answer was lost,
is still one run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from portal.form import YamlError, data_of
from portal.states import FINAL, Kind, State
from portal.web_settings import KEY_PATTERN, NAME_PATTERN, loopback

DONE, BAD, USAGE, REFUSED, AWAY, LATE = range(6)
_CODES: Final = """exit codes:
  0  done; for wait, the run stands where it should
  1  the run ended otherwise: failed, against the policies, cancelled, out of date
  2  wrong arguments, settings that cannot be read, no PORTAL_URL or PORTAL_TOKEN
  3  the portal refused; it says why
  4  the portal does not answer, or has a fault
  5  the run was not done within --timeout; it goes on"""
GOOD: Final = {
    "planned": frozenset({State.AWAITING_APPROVAL, State.APPROVED, State.NO_CHANGES, State.SUCCEEDED}),
    "applied": frozenset({State.SUCCEEDED}),
}
"""States in which a run that stands still is where it should be, by what is waited for."""
_TRIES: Final = 4
_BUSY: Final = frozenset({429, 502, 503, 504})
_LONGEST_PAUSE: Final = 30.0
_SECONDS: Final = 30.0

Say = Callable[[str], None]


class UsageError(Exception):
    """The client cannot be used like this."""


class RefusedError(Exception):
    """The portal does not do what was asked for; the message is its reason. status: of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Portal:
    """The portal by its JSON. Every call raises RefusedError, or httpx.HTTPError when it does not answer.

    A call is made again, up to three times, when it did not arrive or the portal was too busy for it. One whose answer
    was lost is made again only where that changes nothing: the portal might have done what was asked for.
    """

    def __init__(self, http: httpx.Client, pause: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self.pause = pause

    def get(self, path: str, **query: Any) -> Any:
        """What is there."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        """Ask for something."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def _call(self, method: str, path: str, **options: Any) -> Any:
        for tried in range(1, _TRIES + 1):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                safe = method == "GET" or options.get("headers") or isinstance(error, httpx.ConnectError)
                if tried == _TRIES or not safe:
                    raise
                self.pause(tried)
                continue
            if answer.status_code not in _BUSY or tried == _TRIES:
                break
            self.pause(_after(answer, tried))
        if answer.is_success:
            return _document(answer)
        raise RefusedError(answer.status_code, _reason(answer))

    def run(self, number: int) -> dict[str, Any]:
        """A run."""
        found: dict[str, Any] = self.get(f"/runs/{number}")
        return found

    def wait(self, number: int, say: Say, seconds: float, interval: float) -> dict[str, Any]:
        """A run once nothing works on it any more. Raises TimeoutError.

        say: gets a line for everything that happens meanwhile.
        """
        last, after = time.monotonic() + seconds, 0
        while True:
            run = self.run(number)  # before its events, so that the last of them are told
            after = self._tell(number, after, say)
            if stands_still(run):
                return run
            if time.monotonic() >= last:
                raise TimeoutError(f"run {number} is still {run['state']}")
            self.pause(interval)

    def _tell(self, number: int, after: int, say: Say) -> int:
        while True:
            found = self.get(f"/runs/{number}/events", after=after)
            for event in found["events"]:
                say(plain(event["text"]))
            if not found["events"]:
                return after
            after = found["after"]


def _after(answer: httpx.Response, tried: int) -> float:
    said = answer.headers.get("retry-after", "")
    return min(float(said) if said.isascii() and said.isdigit() else float(tried), _LONGEST_PAUSE)


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        message = f"the answer of {answer.url} is no JSON: is PORTAL_URL the portal's address?"
        raise RefusedError(answer.status_code, message) from error


def _reason(answer: httpx.Response) -> str:
    try:
        found = answer.json()
        faults = [f"  {each['path']}: {each['message']}" for each in found["errors"]]
        lines = [f"{found['title']}: {found['detail']}", *faults]
        if answer.is_server_error:
            lines.append(f"  request {found['request_id']}")
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code} from {answer.url.host}"
    return "\n".join(map(plain, lines))


def stands_still(run: Mapping[str, Any]) -> bool:
    """Whether nothing works on a run and nothing will, until somebody asks for something."""
    return run["state"] in FINAL or (not run["phase"] and run["state"] in (State.AWAITING_APPROVAL, State.APPROVED))


def plain(text: str) -> str:
    """A text without what a terminal would act on."""
    return "".join(each for each in text if each.isprintable())


def _shown(run: Mapping[str, Any]) -> str:
    lines = [f"run {run['id']}: {run['kind']} of {run['environment']} by {run['requester']} is {run['state']}"]
    lines += [f"  {each}" for each in dict.fromkeys((run["reason"], run["headline"])) if each]
    lines += [f"  {each['words']}" for each in run["changes"]]
    if run["plan"]:
        given = ", ".join(each["actor"] for each in run["approvals"] if each["plan"] == run["plan"]) or "nobody"
        lines.append(f"  plan {run['plan']}, approved by {given}")
    found = run["verdict"].get("findings", ())
    lines += [f"  {each['rule']}: {each['message']} {each['remedy']}" for each in found if each["blocks"]]
    return "\n".join(map(plain, lines))


def _environment(found: Mapping[str, Any]) -> str:
    last = f"; last run {found['last']['id']} is {found['last']['state']}" if found["last"] else ""
    locked = f"; locked by {found['locked']['by']}: {found['locked']['reason']}" if found["locked"] else ""
    needs = "; must be recovered" if found["needs_recovery"] else ""
    return plain(f"{found['name']}: {', '.join(found['roles'])}{last}{locked}{needs}")


class Command:
    """The commands, each named like its word on the command line; each answers with an exit code."""

    def __init__(self, portal: Portal, given: argparse.Namespace) -> None:
        self._portal = portal
        self._given = given

    def environments(self) -> int:
        """What there is."""
        found = self._portal.get("/")
        self._out(found, [_environment(each) for each in found["environments"]])
        return DONE

    def show(self) -> int:
        """A run, or an environment."""
        what: str = self._given.what
        if re.fullmatch("[0-9]{1,10}", what):
            return self._run(self._portal.run(int(what)))
        found = self._portal.get(f"/environments/{_name(what)}")
        runs = [f"  run {each['id']}: {each['kind']} is {each['state']}" for each in found["runs"]]
        version = f"  settings: version {found['settings_version']}"
        self._out(found, [_environment(found), version, *runs])
        return DONE

    def preview(self) -> int:
        """Ask for a run."""
        given = self._given
        if not re.fullmatch(KEY_PATTERN, given.key):
            raise UsageError("--key: at most 200 ASCII characters, no space among them")
        body: dict[str, Any] = {"kind": given.kind}
        if given.settings is not None:
            body["settings"] = read_settings(given.settings)
            body["settings_version"] = self._version(given)
        if given.forced:
            body["forced"] = given.forced
        made = self._portal.post(
            f"/environments/{_name(given.environment)}/previews", body, given.key or str(uuid.uuid4())
        )
        return self._wait(made["id"], "planned") if given.wait else self._run(made)

    def _version(self, given: argparse.Namespace) -> int:
        if given.settings_version is not None:
            return int(given.settings_version)
        return int(self._portal.get(f"/environments/{_name(given.environment)}")["settings_version"])

    def wait(self) -> int:
        """Wait for a run."""
        return self._wait(self._given.run, self._given.until)

    def approve(self) -> int:
        """Say yes."""
        return self._run(self._portal.post(f"/runs/{self._given.run}/approve", {"plan": self._given.plan}))

    def apply(self) -> int:
        """Apply."""
        made = self._portal.post(f"/runs/{self._given.run}/apply")
        return self._wait(made["id"], "applied") if self._given.wait else self._run(made)

    def cancel(self) -> int:
        """End a run."""
        return self._run(self._portal.post(f"/runs/{self._given.run}/{'force' if self._given.force else 'cancel'}"))

    def _wait(self, number: int, until: str) -> int:
        # With --json, standard output is one document.
        stream = sys.stderr if self._given.json else sys.stdout
        run = self._portal.wait(
            number, lambda line: print(line, file=stream, flush=True), self._given.timeout, self._given.interval
        )
        self._run(run)
        return DONE if run["state"] in GOOD[until] else BAD

    def _run(self, run: Mapping[str, Any]) -> int:
        self._out(run, [_shown(run)])
        return DONE

    def _out(self, document: Any, lines: Sequence[str]) -> None:
        print(json.dumps(document, indent=2) if self._given.json else "\n".join(lines))


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        raise UsageError(f"{plain(text)} is not the name of an environment")
    return text


def read_settings(file: str) -> dict[str, Any]:
    """Settings from a stack file, or from what its `config` holds, in YAML or JSON; `-` is standard input."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        document = data_of(text)
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise UsageError(f"{file}: {error}") from error
    inside = document.get("config")
    return inside if isinstance(inside, dict) else document


def _pause(text: str) -> float:
    """Seconds to wait. ArgumentTypeError for what cannot be waited."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"must be seconds, 0 or more, not {plain(text)}")
    return found


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the portal's answer as JSON")
    waits = argparse.ArgumentParser(add_help=False)
    waits.add_argument("--timeout", type=_pause, default=3600, metavar="SECONDS", help="(default: %(default)s)")
    waits.add_argument("--interval", type=_pause, default=2, metavar="SECONDS", help="between two looks (%(default)s)")
    of_run = argparse.ArgumentParser(add_help=False)
    of_run.add_argument("run", type=int, metavar="RUN", help="its number")
    parser = argparse.ArgumentParser(prog="python -m portal.client", description=__doc__, epilog=_CODES)
    parser.formatter_class = raw
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text, epilog=_CODES, formatter_class=raw, parents=[*parents, common]
        )

    add("environments", "list the environments that you have a role in")
    add("show", "show a run by its number, or an environment by its name").add_argument("what", metavar="RUN|NAME")
    preview = add("preview", "ask for a run, and print its number", waits)
    preview.add_argument("environment", metavar="ENVIRONMENT")
    preview.add_argument(
        "--kind", choices=[each.value for each in Kind], default=Kind.UPDATE.value, help="(default: %(default)s)"
    )
    preview.add_argument("--settings", metavar="FILE", help="a stack file, or its config; as they are when not given")
    preview.add_argument("--forced", default="", metavar="WHY", help="recover, whoever holds the stack; for admins")
    preview.add_argument(
        "--settings-version",
        type=int,
        metavar="N",
        help="of the settings that FILE was made from, as `show` tells it: refused where others were applied since "
        "(default: what is there now, whatever it is, is replaced)",
    )
    preview.add_argument("--key", default="", help="asking again with it makes no second run (default: a new one)")
    preview.add_argument("--wait", action="store_true", help="until there is a plan, or none can be")
    wait = add("wait", "wait until nothing works on a run any more", of_run, waits)
    wait.add_argument("--until", choices=[*GOOD], default="planned", help="what is expected (default: %(default)s)")
    add("approve", "say yes to the plan of a run", of_run).add_argument(
        "--plan", required=True, metavar="DIGEST", help="the plan that you looked at; another one is not approved"
    )
    apply = add("apply", "apply exactly what was approved", of_run, waits)
    apply.add_argument("--wait", action="store_true", help="until it is applied, or cannot be")
    cancel = add("cancel", "end a run", of_run)
    cancel.add_argument("--force", action="store_true", help="its engine at once, whatever it is doing")
    return parser


def connect(environment: Mapping[str, str]) -> httpx.Client:
    """A connection by PORTAL_URL and PORTAL_TOKEN. Raises UsageError."""
    url, token = environment.get("PORTAL_URL", "").strip(), environment.get("PORTAL_TOKEN", "").strip()
    missing = [name for name, value in (("PORTAL_URL", url), ("PORTAL_TOKEN", token)) if not value]
    if missing:
        raise UsageError(f"set {' and '.join(missing)}")
    _demand_address(url)
    if not token.isascii() or not token.isprintable():
        raise UsageError("PORTAL_TOKEN: not a token")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return httpx.Client(base_url=url, headers=headers, timeout=_SECONDS, follow_redirects=False)


def _demand_address(url: str) -> None:
    """Raise UsageError for an address that is none, or that the token must not be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError("PORTAL_URL: not an address such as https://portal.example.com") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback(host)):
        raise UsageError("PORTAL_URL: the token goes over https alone, or to this machine")
    if not host or "@" in parts.netloc:
        raise UsageError("PORTAL_URL: the name of a machine is needed, without anybody's name and password")


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        with connect(environment) as http:
            code: int = getattr(Command(Portal(http), given), given.command)()
    except UsageError as error:
        return _fail(USAGE, str(error))
    except RefusedError as error:
        return _fail(AWAY if error.status >= 500 else REFUSED, str(error))
    except httpx.HTTPError as error:
        return _fail(AWAY, f"the portal does not answer: {error}")
    except TimeoutError as error:
        return _fail(LATE, str(error))
    return code


def _fail(code: int, message: str) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
