"""Trying the portal out on one's own machine: people choose whom they are there, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .site import ORIGIN, PROXY, STRANGER, Site

HERE = "http://127.0.0.1:8080"


@pytest.fixture
def tried(new_site: Callable[..., Site]) -> Site:
    return new_site(origin=HERE, development={"people": {"ann": [], "Root": ["platform"]}})


LOCAL = ("127.0.0.1", 50000)


def test_on_this_machine_people_choose_whom_they_are(tried: Site) -> None:
    def send(method: str, path: str, headers: dict[str, Any], **options: Any) -> httpx.Response:
        return tried.send(method, path, {"origin": HERE, **headers}, client=LOCAL, base=HERE, **options)

    assert send("GET", "/", {}).status_code == 401
    assert send("GET", "/sign-in", {}).json() == {"people": ["ann", "Root"]}
    assert send("POST", "/sign-in", {}, json={"person": "mallory"}).status_code == 404
    cookie = send("POST", "/sign-in", {}, json={"person": "Root"}).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
    value = cookie.partition(";")[0].removeprefix("portal_development=")
    chosen = {"cookie": f"portal_development={value}"}
    assert len(send("GET", "/", chosen).json()["environments"]) == 3
    name, _, seal = value.partition(".")
    for wrong in (f"{name}.{seal[::-1]}", f"{b'ann'.hex()}.{seal}", name, f"{name}.", "x", value * 2, f"{name}.ÿ"):
        assert send("GET", "/", {"cookie": f"portal_development={wrong}".encode("latin-1")}).status_code == 401
    assert 'portal_development=""' in send("POST", "/sign-out", chosen).headers["set-cookie"]


def test_the_development_sign_in_is_for_this_machine_alone(tried: Site) -> None:
    for client, base in ((STRANGER, HERE), (PROXY, HERE), (LOCAL, "http://evil.example.org:8080")):
        for method, path in (("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/")):
            answer = tried.send(method, path, {"origin": HERE}, client=client, base=base, json={"person": "ann"})
            assert answer.status_code in (401, 404), (client, base, path)


def test_there_is_no_choosing_where_a_proxy_signs_people_in(site: Site) -> None:
    assert site.post("/sign-in", {"person": "root"}).status_code == 404
    assert site.get("/sign-in").status_code == 404
    assert site.send("POST", "/sign-in", {"origin": ORIGIN}, json={"person": "root"}).status_code == 401
