"""What the web process is started with: a file that cannot be used says all that is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portal import settings
from portal.web.app import create
from portal.web.identity import ConfigurationError

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/portal/0123456789abcdef"


BASE: dict[str, Any] = {"database": "sqlite://", "folder": "runs", "targets": {}}
UNUSABLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no sign-in": ({"web": {}}, ["web: give one of header, load_balancer and development, not none"]),
    "two": (
        {
            "web": {
                "header": {"secret_variable": "X"},
                "development": {"people": {"ann": []}},
                "host": "0.0.0.0",  # noqa: S104
            }
        },
        [
            "not header and development",
            "proxies: name the addresses",
            "host: with development it must be on loopback, not 0.0.0.0",
        ],
    ),
    "no proxies": ({"web": {"header": {"secret_variable": "X"}}}, ["proxies: name the addresses of the proxy"]),
    "everything": (
        {"web": {"prot": 1, "origin": "portal", "body_limit": 0, "header": {}}, "limit": 0},
        [
            "web.prot: there is no such setting; did you mean port?",
            "web.origin: ",
            "web.body_limit: ",
            "limit: ",
            "web.header: give one of secret_file and secret_variable",
        ],
    ),
    "a secret in the file": (
        {"web": {"header": {"secret_file": "x", "secret_value": "hunter2hunter2"}}},
        ["web.header.secret_value: there is no such setting"],
    ),
}


@pytest.mark.parametrize(("changed", "told"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_used_says_all_that_is_wrong(
    tmp_path: Path, changed: dict[str, Any], told: list[str]
) -> None:
    file = tmp_path / "portal.json"
    file.write_text(json.dumps({**BASE, **changed}))
    with pytest.raises(settings.SettingsError) as refused:
        settings.load(file)
    for each in told:
        assert each in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_it_does_not_start_without_a_way_to_know_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(**web: Any) -> None:
        create(settings.PortalSettings.model_validate({**BASE, "web": {"proxies": ["10.0.0.1"], **web}}))

    with pytest.raises(ConfigurationError, match="have no `web`"):
        create(settings.PortalSettings.model_validate(BASE))
    with pytest.raises(ConfigurationError, match="cannot be read from the variable PORTAL_SECRET"):
        start(header={"secret_variable": "PORTAL_SECRET"})
    monkeypatch.setenv("PORTAL_SECRET", "short")
    with pytest.raises(ConfigurationError, match="less than 16 characters"):
        start(header={"secret_variable": "PORTAL_SECRET"})
    with pytest.raises(ConfigurationError, match="cannot be read from the file"):
        start(header={"secret_file": str(tmp_path / "none")})
    with pytest.raises(ConfigurationError, match="there is no public key"):
        start(load_balancer={"arn": ARN, "keys": str(tmp_path)})
