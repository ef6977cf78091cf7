"""Nobody gets in whom nobody vouches for, whatever the headers say."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal import audit
from portal.tables import Binding, Person, Token, now
from portal.web.guard import UNCOUNTED
from portal.web.identity import actor
from portal.web.unknown import UnknownError

from .site import ORIGIN, SECRET, STRANGER, Site, signed_in

BROWSER = "text/html,*/*;q=0.8"


def actions(site: Site) -> list[tuple[str, str]]:
    with site.database.read() as session:
        rows = [json.loads(line) for line in audit.export(session)]
    return [(row["actor"], row["action"]) for row in rows]


def test_the_proxy_signs_people_in(site: Site) -> None:
    assert site.get("/").json()["environments"][0]["roles"] == ["requester"]
    assert [each["name"] for each in site.get("/", "root").json()["environments"]] == ["dev", "pay", "prod"]
    assert site.get("/", "ANN").json()["environments"][0]["roles"] == ["requester"]  # the same person
    assert site.get("/").status_code == 200
    assert actions(site) == [("ann", "sign-in"), ("root", "sign-in")]
    with site.database.read() as session:
        assert json.loads(next(audit.export(session)))["address"] == "198.51.100.9"


FORGED: dict[str, list[tuple[str, str | bytes]]] = {
    "nothing": [],
    "no secret": [("x-forwarded-user", "root")],
    "wrong secret": [("x-forwarded-user", "root"), ("x-portal-proxy-secret", SECRET[:-1] + "?")],
    "secret alone": [("x-portal-proxy-secret", SECRET)],
    "groups alone": [("x-forwarded-groups", "platform"), ("x-portal-proxy-secret", SECRET)],
    "two users": [("x-forwarded-user", "ann"), ("x-forwarded-user", "root"), ("x-portal-proxy-secret", SECRET)],
    "two in one": [("x-forwarded-user", "ann, root"), ("x-portal-proxy-secret", SECRET)],
    "two secrets": [
        ("x-forwarded-user", "root"),
        ("x-portal-proxy-secret", "x"),
        ("x-portal-proxy-secret", SECRET),
    ],
    "two groups": [
        ("x-forwarded-user", "ann"),
        ("x-forwarded-groups", "shop"),
        ("x-forwarded-groups", "platform"),
        ("x-portal-proxy-secret", SECRET),
    ],
    "empty user": [("x-forwarded-user", ""), ("x-portal-proxy-secret", SECRET)],
    "ours": [("x-forwarded-user", "system:runner"), ("x-portal-proxy-secret", SECRET)],
    "ours, loudly": [("x-forwarded-user", "SYSTEM:policy"), ("x-portal-proxy-secret", SECRET)],
    "our group": [
        ("x-forwarded-user", "ann"),
        ("x-forwarded-groups", "system:x"),
        ("x-portal-proxy-secret", SECRET),
    ],
    "a path": [("x-forwarded-user", "../root"), ("x-portal-proxy-secret", SECRET)],
    "a flag": [("x-forwarded-user", "--root"), ("x-portal-proxy-secret", SECRET)],
    "basic": [("authorization", "Basic cm9vdDpyb290")],
    "no token": [("authorization", "Bearer ")],
    "a token of nobody": [("authorization", f"Bearer gp_{'0' * 16}_{'A' * 43}")],
    "signed by another": [("x-amzn-oidc-data", "e30.e30.e30")],
    "no letters": [("x-forwarded-user", b"\xff"), ("x-portal-proxy-secret", b"\xff\xfe")],
    "underscores": [("x_forwarded_user", "root"), ("x_portal_proxy_secret", SECRET)],
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_forged_sign_in_is_nobody(site: Site, headers: list[tuple[str, str | bytes]]) -> None:
    answer = site.send("GET", "/", headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    assert actions(site) == [("system:stranger", "request.unknown")]


def test_the_right_headers_from_a_wrong_address_are_nobodys(site: Site) -> None:
    for client in (STRANGER, ("127.0.0.1", 1), ("::1", 1), ("10.0.1.1", 1)):
        headers = {**signed_in("root"), "x-forwarded-for": "10.0.0.1", "forwarded": "for=10.0.0.1"}
        assert site.send("GET", "/", headers, client=client).status_code == 401
    assert site.send("GET", "/", signed_in("root"), client=("::ffff:10.0.0.1", 1)).status_code == 200


def test_every_route_wants_an_identity(site: Site) -> None:
    document = site.get("/openapi.json").json()
    asked = 0
    for path, methods in document["paths"].items():
        concrete = path.replace("{name}", "dev").replace("{number}", "1").replace("{identity}", "0" * 16)
        for method in methods:
            for accept in ("application/json", BROWSER):
                answer = site.send(method.upper(), concrete, {"origin": ORIGIN, "accept": accept}, json={})
                assert answer.status_code == (200 if path in UNCOUNTED else 401), path
                asked += 1
    assert asked > 40
    for path in ("/openapi.json", "/nothing", "/runs/1/events", "/environments/dev/topology.svg", "/static/../api.py"):
        assert site.send("GET", path, {}).status_code in (401, 404), path
        assert site.send("GET", path, {}).status_code != 200, path


def test_a_token_does_what_its_scopes_and_its_owner_may(site: Site) -> None:
    text = site.token("preview:dev")
    shown = {"authorization": f"Bearer {text}"}
    assert site.send("GET", "/environments/dev", shown, client=STRANGER).status_code == 200
    made = site.send("POST", "/environments/dev/previews", shown, client=STRANGER, json={})
    assert made.status_code == 201
    assert made.json()["requester"] == "ann"
    refused = site.send("POST", "/runs/1/cancel", shown, client=STRANGER)  # ann herself may
    assert (refused.status_code, refused.json()["detail"]) == (403, "the token has no scope cancel for dev")
    assert site.send("GET", "/environments/prod", shown).status_code == 404
    assert site.send("POST", "/environments/dev/lock", shown, json={"reason": "x"}).status_code == 403
    assert site.send("POST", "/tokens", shown, json={"name": "more", "scopes": ["view"]}).status_code == 403
    with site.database.write() as session:
        session.delete(session.get_one(Binding, ("dev", "user:ann", "requester")))
    assert site.send("GET", "/environments/dev", shown).status_code == 404


def test_a_token_has_the_groups_of_its_owners_last_sign_in_and_not_for_ever(site: Site) -> None:
    shown = {"authorization": f"Bearer {site.token('view', who='root')}"}
    assert len(site.send("GET", "/", shown).json()["environments"]) == 3
    with site.database.write() as session:
        session.get_one(Person, "root").seen = now() - dt.timedelta(days=31)
    assert site.send("GET", "/", shown).json()["environments"] == []
    assert len(site.get("/", "root").json()["environments"]) == 3
    assert len(site.send("GET", "/", shown).json()["environments"]) == 3
    site.send("GET", "/", {**signed_in("root"), "x-forwarded-groups": "other"})
    assert site.send("GET", "/", shown).json()["environments"] == []


def test_a_token_ends(site: Site) -> None:
    shown = {"authorization": f"Bearer {site.token('view')}"}
    (token,) = site.get("/tokens").json()["tokens"]
    assert site.post(f"/tokens/{token['id']}/revoke", who="bob").status_code == 404
    assert site.send("GET", "/", shown).status_code == 200
    assert site.post(f"/tokens/{token['id']}/revoke").json()["revoked"] is True
    answer = site.send("GET", "/", shown)
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token is not valid")
    shown = {"authorization": f"Bearer {site.token('view')}"}
    with site.database.write() as session:
        for each in session.scalars(select(Token)):
            each.expires = now() - dt.timedelta(seconds=1)
    assert site.send("GET", "/", shown).status_code == 401


def test_a_request_has_one_identity(site: Site) -> None:
    text = site.token("view")
    both = {**signed_in("ann"), "authorization": f"Bearer {text}"}
    assert site.send("GET", "/", both).status_code == 401
    twice = [("authorization", f"Bearer {text}"), ("authorization", f"Bearer {text}")]
    assert site.send("GET", "/", twice).status_code == 401


def test_groups_are_as_proxies_write_them_and_what_is_not_is_left_out() -> None:
    found = actor("CORP\\ann", ["/Shop", "role:Admin", "a b", "Gesch\u00e4ft", "-x", "", "x" * 129])
    assert (found.name, found.groups) == ("corp\\ann", ("/shop", "a b", "role:admin"))
    for name, groups in (("ann", ["System:x"]), ("system:ann", []), ("ann", ["g"] * 501)):
        with pytest.raises(UnknownError):
            actor(name, groups)


@given(st.text(max_size=40), st.lists(st.text(max_size=20), max_size=5))
def test_a_name_is_plain_or_refused(name: str, groups: list[str]) -> None:
    try:
        found = actor(name, groups)
    except UnknownError:
        return
    assert ":" not in found.name
    for each in (found.name, *found.groups):
        assert each.isascii()
        assert each.isprintable()
        assert each == each.lower()
        assert "," not in each
        assert not each.startswith(("-", "system:"))
