"""Where this checkout keeps its local cloud, and the variables that point the Pulumi CLI at it.

Only the standard library: set-up imports this before the project's Python environment exists.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = "grpc-platform"
STACK = "local"
ORGANIZATION = "organization"  # the only one a file:// backend knows
PASSPHRASE = "local-cloud"  # noqa: S105 - protects nothing: the local cloud holds no real secret
LOOPBACK = ("127.0.0.1", "localhost")
CLI_VERSION = "3.258.0"
"""Version of the Pulumi CLI that set-up installs or builds (tools/cli/go.mod and requirements.in pin the same one)."""
CLI_MINIMUM = (3, 249, 0)
"""Oldest CLI that `policy analyze --file` works with; an older one on PATH is passed over."""
_FOREIGN = ("PULUMI_", "AWS_", "KUBE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Environment:
    """The paths of one checkout."""

    checkout: Path

    @property
    def venv(self) -> Path:
        """Link to the Python environment, which lies in the user's cache."""
        return self.checkout / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter every command runs on."""
        return self.venv / "bin" / "python"

    @property
    def root(self) -> Path:
        """Everything the local cloud of this checkout keeps; deleting it is a factory reset."""
        return self.checkout / ".local-cloud"

    @property
    def bin(self) -> Path:
        """Link to the folder that holds the Pulumi CLI."""
        return self.root / "bin"

    @property
    def home(self) -> Path:
        """PULUMI_HOME with the local providers as plugins."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """Folder of the file:// backend."""
        return self.root / "state"

    @property
    def store(self) -> Path:
        """SQLite file of what exists on the local cloud."""
        return self.root / "cloud.sqlite"

    def stack_file(self, stack: str) -> Path:
        """Settings of an environment, Pulumi.<stack>.yaml."""
        return self.checkout / f"Pulumi.{stack}.yaml"

    def checkpoint(self, stack: str) -> Path:
        """State of a stack in the local backend."""
        return self.state / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"

    def locks(self, stack: str) -> Path:
        """Folder of the lock files of a stack in the local backend."""
        return self.state / ".pulumi" / "locks" / ORGANIZATION / PROJECT / stack

    def exports(self) -> dict[str, str]:
        """Variables, PATH aside, that make a plain `pulumi` work on this checkout's local cloud."""
        return variables(self.root)


def here() -> Environment:
    """The checkout this file belongs to."""
    return Environment(Path(__file__).resolve().parent.parent)


def _in_url(folder: Path) -> str:
    """A path as the CLI reads it from an URL: these characters would end or change it there, a space would not."""
    return str(folder).replace("%", "%25").replace("#", "%23").replace("?", "%3F")


def variables(root: Path) -> dict[str, str]:
    """What the CLI needs to work on the local cloud kept in `root` (home/, state/, cloud.sqlite)."""
    found = {
        "LOCAL_CLOUD_HOME": str(root),
        "PULUMI_HOME": str(root / "home"),
        "PULUMI_BACKEND_URL": f"file://{_in_url(root / 'state')}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Its clusters know the Gateway API, whose definitions the program would bring elsewhere.
        "GRPC_PLATFORM_CRDS": "present",
        "LOCAL_CLOUD_API_GROUPS": "gateway.networking.k8s.io",
        # A real provider, or an old language host, on PATH would go before the ones of this home.
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        # A provider that is not here is a mistake to report, never a download to try.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    if any(os.environ.get(name) for name in _PROXIES):
        # gRPC would ask the proxy for the engine on this very machine.
        kept = [entry for entry in os.environ.get("no_proxy", "").split(",") if entry not in {"", *LOOPBACK}]
        found["no_proxy"] = found["NO_PROXY"] = ",".join([*kept, *LOOPBACK])
    return found


def process_environment(root: Path, bin_folder: Path, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a CLI process: the caller's without its Pulumi, AWS and Kubernetes variables, plus ours.

    A passphrase file, an access token, a selected stack or AWS keys of the caller never reach the local cloud.
    """
    source = os.environ if inherited is None else inherited
    kept = {name: value for name, value in source.items() if not name.startswith(_FOREIGN)}
    kept["PATH"] = os.pathsep.join([str(bin_folder), *([kept["PATH"]] if kept.get("PATH") else [])])
    return {**kept, **variables(root)}


def shell(environment: Environment) -> str:
    """Lines for `eval` in sh, bash or zsh; evaluating them twice changes nothing more."""
    lines = []
    cluster = environment.root / "api-server"  # there with a real Kubernetes API only
    own = [cluster / "bin"] if (cluster / "bin").is_dir() else []
    for folder in (environment.venv / "bin", *own, environment.bin):  # the last one ends up first
        quoted = shlex.quote(str(folder))
        lines.append(f'case ":$PATH:" in *:{quoted}:*) ;; *) PATH={quoted}:"$PATH"; export PATH ;; esac')
    exports = environment.exports()
    if (cluster / "kubeconfig").is_file():
        exports["KUBECONFIG"] = str(cluster / "kubeconfig")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    return "\n".join(lines)
