"""Nobody gets in whom nobody vouches for, whatever the headers say."""

from __future__ import annotations

import base64
import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm
from sqlalchemy import select

from portal import audit, settings
from portal.tables import Binding, Person, Token, now
from portal.web import load_balancer
from portal.web.app import create
from portal.web.guard import UNCOUNTED
from portal.web.identity import ConfigurationError, actor
from portal.web.unknown import UnknownError
from portal.web_settings import LoadBalancer

from .site import ORIGIN, PROXY, SECRET, STRANGER, Site, signed_in

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/portal/0123456789abcdef"
KID = "01234567-89ab-cdef-0123-456789abcdef"
HERE = "http://127.0.0.1:8080"
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


# The load balancer.


class Balancer:
    """Signs as an Application Load Balancer does: ES256, the end in the head, parts padded."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def pem(self) -> str:
        public = self.key.public_key()
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(serialization.Encoding.PEM, kind).decode()

    def data(self, claims: dict[str, Any] | None = None, **head: Any) -> str:
        ends = time.time() + 100
        headers = {"alg": "ES256", "kid": KID, "signer": ARN, "exp": ends, "client": "portal", **head}
        parts = [
            base64.urlsafe_b64encode(json.dumps(each).encode())
            for each in (headers, {"email": "ann", "email_verified": True, "groups": ["shop"], **(claims or {})})
        ]
        signature = ECAlgorithm(ECAlgorithm.SHA256).sign(b".".join(parts), self.key)
        return b".".join([*parts, base64.urlsafe_b64encode(signature)]).decode()


@pytest.fixture
def balanced(tmp_path: Path, new_site: Callable[..., Site]) -> tuple[Site, Balancer]:
    balancer = Balancer()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / f"{KID}.pem").write_text(balancer.pem())
    return new_site(load_balancer={"arn": ARN, "keys": str(tmp_path / "keys")}), balancer


def test_the_load_balancer_signs_people_in(balanced: tuple[Site, Balancer]) -> None:
    site, balancer = balanced
    answer = site.send("GET", "/", {"x-amzn-oidc-data": balancer.data()})
    assert [each["name"] for each in answer.json()["environments"]] == ["dev"]
    for groups in (["other", "platform"], "other, platform"):
        answer = site.send("GET", "/", {"x-amzn-oidc-data": balancer.data({"email": "root", "groups": groups})})
        assert len(answer.json()["environments"]) == 3


@pytest.mark.parametrize("said", [False, "false", "True", None, 1, "yes", ["true"]])
def test_an_address_that_nobody_verified_is_nobodys(balanced: tuple[Site, Balancer], said: object) -> None:
    site, balancer = balanced
    answer = site.send("GET", "/", {"x-amzn-oidc-data": balancer.data({"email": "root", "email_verified": said})})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "x-amzn-oidc-data names an address that nobody has verified"
    verified = balancer.data({"email_verified": "true"})  # as user pools of Cognito say it
    assert site.send("GET", "/", {"x-amzn-oidc-data": verified}).status_code == 200


def test_another_claim_counts_as_it_is(tmp_path: Path, new_site: Callable[..., Site]) -> None:
    balancer = Balancer()
    (tmp_path / f"{KID}.pem").write_text(balancer.pem())
    site = new_site(load_balancer={"arn": ARN, "keys": str(tmp_path), "name": "sub"})
    data = balancer.data({"sub": "ann", "email": "root", "email_verified": True})
    assert [each["name"] for each in site.send("GET", "/", {"x-amzn-oidc-data": data}).json()["environments"]] == [
        "dev"
    ]
    assert site.send("GET", "/", {"x-amzn-oidc-data": balancer.data()}).status_code == 401


WRONG: dict[str, Callable[[Balancer], str]] = {
    "another signer": lambda b: b.data(signer=ARN.replace("/portal/", "/theirs/")),
    "ended": lambda b: b.data(exp=time.time() - 1),
    "without an end": lambda b: b.data(exp=None),
    "ended inside": lambda b: b.data({"exp": int(time.time()) - 100}),
    "another key": lambda _: Balancer().data(),
    "unknown key": lambda b: b.data(kid=KID.replace("0", "1")),
    "a path for a key": lambda b: b.data(kid=f"../{KID}"),
    "no algorithm": lambda b: b.data(alg="none"),
    "its key as a secret": lambda b: b.data(alg="HS256"),
    "nobody": lambda b: b.data({"email": None}),
    "ours": lambda b: b.data({"email": "system:runner"}),
    "groups of something": lambda b: b.data({"groups": [{"name": "platform"}]}),
    "cut off": lambda b: b.data().rpartition(".")[0] + ".",
    "changed": lambda b: ".".join(
        [
            b.data().split(".")[0],
            base64.urlsafe_b64encode(b'{"email": "root", "email_verified": true, "groups": ["platform"]}').decode(),
            b.data().split(".")[2],
        ]
    ),
    "nonsense": lambda _: "nonsense",
    "endless": lambda _: "x" * 100_000,
}


@pytest.mark.parametrize("forge", WRONG.values(), ids=WRONG)
def test_what_our_load_balancer_did_not_sign_is_nobodys(
    balanced: tuple[Site, Balancer], forge: Callable[[Balancer], str]
) -> None:
    site, balancer = balanced
    assert site.send("GET", "/", {"x-amzn-oidc-data": forge(balancer)}).status_code == 401


def test_signed_data_counts_from_the_load_balancer_and_once(balanced: tuple[Site, Balancer]) -> None:
    site, balancer = balanced
    data = ("x-amzn-oidc-data", balancer.data())
    assert site.send("GET", "/", [data], client=STRANGER).status_code == 401
    assert site.send("GET", "/", [data, data]).status_code == 401
    assert site.send("GET", "/", signed_in("root")).status_code == 401  # headers of a proxy that is not there


def test_a_key_is_fetched_once_and_a_missing_one_is_not_asked_for_again() -> None:
    asked = []

    def fetch(url: str) -> str:
        asked.append(url)
        if url.endswith("f"):
            return "key"
        raise httpx.ConnectError("no")

    keys = load_balancer.Keys(LoadBalancer(arn=ARN, key_url="https://keys.example.org/"), fetch)
    assert [keys.get(KID), keys.get(KID)] == ["key", "key"]
    missing = KID[:-1] + "0"
    for _ in range(3):
        with pytest.raises(UnknownError):
            keys.get(missing)
    assert asked == [f"https://keys.example.org/{KID}", f"https://keys.example.org/{missing}"]


# Trying it out on one's own machine.


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


# What it is started with.

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
