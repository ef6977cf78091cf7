"""The word of an Application Load Balancer: claims about a person, signed by it in the header `x-amzn-oidc-data`.

Source: Authenticate users using an Application Load Balancer, in the guide of Elastic Load Balancing: ES256; `signer`
must be our own load balancer, since every load balancer of a region signs with keys from the same place; the parts are
padded, which other JWT are not.

An address counts only with `email_verified` (OpenID Connect Core 1.0, 5.1 and 5.7): at many providers people may enter
any address as theirs. User pools of Cognito give it as the text "true".
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx
import jwt
from pydantic import IPvAnyNetwork
from starlette.requests import Request

from portal.audit import Actor
from portal.web.addresses import peer, within
from portal.web.unknown import UnknownError
from portal.web_settings import LoadBalancer

DATA: Final = "x-amzn-oidc-data"
_EMAIL: Final = "email"
_VERIFIED: Final = "email_verified"
_ALGORITHM: Final = "ES256"
_KID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST: Final = 16 * 1024  # the most that a load balancer puts into its headers is 11 KB
_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 60.0
_MOST_KEYS: Final = 100


class Signed:
    """Claims that our load balancer signed, counted only from its addresses and while they last."""

    def __init__(
        self,
        chosen: LoadBalancer,
        proxies: Sequence[IPvAnyNetwork],
        named: Callable[[str, Sequence[str]], Actor],
        fetch: Callable[[str], str] | None = None,
    ) -> None:
        self._chosen = chosen
        self._proxies = proxies
        self._named = named
        self._keys = Keys(chosen, fetch or _fetched)

    def who(self, request: Request) -> Actor | None:
        """Who asks, by the load balancer's word."""
        found = request.headers.getlist(DATA)
        if not found:
            return None
        if not within(peer(request.scope), self._proxies):
            raise UnknownError(f"{DATA} does not come from a trusted address")
        if len(found) != 1 or len(found[0]) > _LONGEST:
            raise UnknownError(f"{DATA} is there more than once, or too long")
        claims = self._claims(found[0])
        name, groups = claims.get(self._chosen.name), claims.get(self._chosen.groups, [])
        if isinstance(groups, str):
            groups = [each.strip() for each in groups.split(",") if each.strip()]
        verified = claims.get(_VERIFIED)
        if self._chosen.name == _EMAIL and not (verified is True or verified == "true"):
            raise UnknownError(f"{DATA} names an address that nobody has verified")
        if not isinstance(name, str) or not isinstance(groups, list) or not all(isinstance(g, str) for g in groups):
            raise UnknownError(f"{DATA} names nobody")
        return self._named(name, groups)

    def _claims(self, text: str) -> Mapping[str, Any]:
        try:
            head = jwt.get_unverified_header(text)
            kid = str(head.get("kid", ""))
            if head.get("alg") != _ALGORITHM or head.get("signer") != self._chosen.arn or not _KID.fullmatch(kid):
                raise UnknownError(f"{DATA} is not signed by our load balancer")
            claims: Mapping[str, Any] = jwt.decode(
                text, self._keys.get(kid), algorithms=[_ALGORITHM], options={"verify_aud": False}
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise UnknownError(f"{DATA} is not valid, or no longer") from error
        # The end is in the head, which is signed as well; where the claims have one, PyJWT has looked at it.
        ends = head.get("exp")
        if not isinstance(ends, int | float) or ends <= time.time():
            raise UnknownError(f"{DATA} is not valid, or no longer")
        return claims


class Keys:
    """Public keys by their names, from a folder, or fetched once each and kept."""

    def __init__(self, chosen: LoadBalancer, fetch: Callable[[str], str]) -> None:
        self._url = chosen.key_url
        self._fetch = fetch
        self._known: dict[str, str] = {}
        self._missed: dict[str, float] = {}
        self._lock = threading.Lock()
        if chosen.keys is not None:
            self._known = {each.stem: each.read_text("ascii") for each in sorted(chosen.keys.glob("*.pem"))}
            if not self._known:
                raise ValueError(f"there is no public key, <kid>.pem, in {chosen.keys}")

    def get(self, kid: str) -> str:
        """A key in PEM. Raises UnknownError for one that there is not, or that cannot be had now."""
        with self._lock:
            if kid in self._known:
                return self._known[kid]
            if self._url is None or self._missed.get(kid, 0) > time.monotonic():
                raise UnknownError(f"{DATA} is signed with a key that is not known")
            try:
                text = self._fetch(f"{self._url.rstrip('/')}/{kid}")
            except httpx.HTTPError as error:
                if len(self._missed) >= _MOST_KEYS:
                    self._missed.clear()
                self._missed[kid] = time.monotonic() + _AGAIN_SECONDS
                raise UnknownError(f"{DATA} is signed with a key that cannot be had") from error
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            self._known[kid] = text
            return text


def _fetched(url: str) -> str:
    answer = httpx.get(url, timeout=_SECONDS, follow_redirects=False)
    answer.raise_for_status()
    return answer.text
