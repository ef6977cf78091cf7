"""What an Application Load Balancer says of people counts when ours signed it and while it lasts."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from portal.web import load_balancer
from portal.web.unknown import UnknownError
from portal.web_settings import LoadBalancer

from .site import STRANGER, Site, signed_in

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/portal/0123456789abcdef"
KID = "01234567-89ab-cdef-0123-456789abcdef"


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
