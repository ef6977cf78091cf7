"""A small checkout with a toy provider, so that the commands run on the real engine without touching this one."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools import environment, provision
from tools.engine import LocalEngine

HERE = environment.here()
SALT = "v1:5Bqu336AwhI=:v1:dvkrfW2Sgail0goD:jbvUKZD++M+kPdravsHUF62iP7gQVg=="

PROGRAM = """
import json, pathlib, pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, inputs, opts):
        super().__init__("toy:index:Thing", name, inputs, opts)

before = []
for name, inputs in json.loads(pathlib.Path("things.json").read_text()).items():
    before = [Thing(name, inputs, pulumi.ResourceOptions(version="1.0.0", depends_on=before))]
pulumi.export("endpoints", {"orders": "orders.example.com:443"})
print("the word is", pulumi.Config().get("word"))
"""

TOY = """
import sys

from local_cloud.plugin import Difference, Plugin, Refused
from local_cloud.process import die_after, serve
from local_cloud.store import Row, Store

TOKEN = "toy:index:Thing"


class Toy(Plugin):
    package, version = "toy", "1.0.0"

    def __init__(self):
        self.store = Store()

    def diff(self, call):
        for row in self.store.by_urn(call.urn):
            if row.id == call.id:
                self.store.name(row)
        changed = {key for key in {*call.old_inputs, *call.news} if call.old_inputs.get(key) != call.news.get(key)}
        return Difference({key: "update-replace" if key == "kind" else "update" for key in changed},
                          tuple(changed & {"kind"}))

    def create(self, call):
        if call.preview:
            return "", call.news
        if call.news.get("refuse"):
            raise Refused("RefusedByCloud: not today")
        row = self.store.orphan(call.urn)
        if row is None:
            number = len(self.store.rows()) + 1
            row = self.store.insert(Row(f"thing-{call.name}-{number}", TOKEN, call.urn, call.news, call.news, "toy"))
        die_after("create", call.urn)
        return row.id, row.outputs

    def update(self, call):
        return call.news

    def delete(self, call):
        for row in self.store.by_urn(call.urn):
            if row.id == call.id:
                self.store.delete(row)


serve(Toy().servicer(), sys.argv[1:])
"""

PLUGINS = """
import shlex


def install(home, python, checkout):
    folder = home / "plugins" / "resource-toy-v1.0.0"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pulumi-resource-toy"
    script.write_text(f'#!/bin/sh\\nPYTHONPATH={shlex.quote(str(checkout))} '
                      f'exec {shlex.quote(str(python))} -m local_cloud.toy "$@"\\n')
    script.chmod(0o755)
"""


@dataclass(frozen=True)
class Checkout:
    """A checkout of its own: the real tools and engine, the toy provider."""

    path: Path

    @property
    def place(self) -> environment.Environment:
        return environment.Environment(self.path)

    def things(self, **things: Mapping[str, Any]) -> None:
        (self.path / "things.json").write_text(json.dumps(things))

    def run(self, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`python -m tools <args>`."""
        return subprocess.run(
            [self.path / ".venv" / "bin" / "python", "-m", "tools", *args],
            cwd=self.path,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def engine(self) -> LocalEngine:
        place = self.place
        return LocalEngine(place.root, environment.process_environment(place.root, place.bin))

    def cloud(self) -> list[str]:
        """Names of what exists in its cloud."""
        from local_cloud.store import Store

        store = Store(self.place.store)
        found = [row.urn.rpartition("::")[2] for row in store.rows()]
        store.close()
        return sorted(found)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh checkout in a folder whose name has a space and what means something in an URL."""
    made = Checkout(tmp_path / "a check out #1 %41?")
    ignored = shutil.ignore_patterns("__pycache__", "cli")
    for room in ("tools", "local_cloud"):
        shutil.copytree(HERE.checkout / room, made.path / room, ignore=ignored)
    shutil.copy(HERE.checkout / "Pulumi.yaml", made.path)
    (made.path / "__main__.py").write_text(PROGRAM)
    (made.path / "local_cloud" / "toy.py").write_text(TOY)
    (made.path / "local_cloud" / "plugins.py").write_text(PLUGINS)
    (made.path / "Pulumi.local.yaml").write_text(f"encryptionsalt: {SALT}\nconfig: {{}}\n")
    (made.path / ".venv").symlink_to(HERE.venv.resolve())
    made.place.bin.mkdir(parents=True)
    made.place.state.mkdir()
    (made.place.bin / "pulumi").symlink_to((HERE.bin / "pulumi").resolve())
    namespace: dict[str, Any] = {}
    exec(PLUGINS, namespace)  # noqa: S102 - the text above
    namespace["install"](made.place.home, made.place.python, made.path)
    made.things(first={"size": 1}, second={"size": 2})
    return made


@pytest.fixture(scope="session")
def hosted() -> Path:
    """Folder of a CLI with our language host beside it, whatever host the CLI of this checkout has."""
    cli = (HERE.bin / "pulumi").resolve()
    return provision.hosted(cli, HERE.python, HERE.checkout / "tools").parent
