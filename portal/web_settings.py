"""Settings of the portal's web process: where it listens, who vouches for people, and how much anybody may ask."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator

NAME_PATTERN: Final = r"^[a-z][a-z0-9-]{1,38}$"
"""What environments and stacks are called: nothing that a command line or a path could take for something else."""
KEY_PATTERN: Final = r"^[\x21-\x7e]{0,200}$"
"""Of an Idempotency-Key."""

Header = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrustedHeader(_Strict):
    """A proxy that signs people in (oauth2-proxy) names them in headers, and proves itself by a secret in another.

    The secret is never in this file: it is in a file of its own, or in a variable of the environment.
    """

    user: Header = "X-Forwarded-User"
    groups: Header = "X-Forwarded-Groups"
    secret: Header = "X-Portal-Proxy-Secret"  # noqa: S105 - the name of the header
    secret_file: Path | None = None
    secret_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.secret_file is None) == (self.secret_variable is None):
            raise ValueError("give one of secret_file and secret_variable: where the proxy's secret is")
        return self


class LoadBalancer(_Strict):
    """An Application Load Balancer that signs people in and says so in a signed `x-amzn-oidc-data`.

    arn: of the load balancer, the signer. keys: a folder of public keys as `<kid>.pem`; without it they are fetched
    from `key_url` and the key's name, `https://public-keys.auth.elb.<region>.amazonaws.com/` in most regions.
    name, groups: the claims that hold them. `email` names a person only where `email_verified` is true, since at many
    providers people may enter any address as theirs; a claim that nobody chooses for themselves, such as `sub`, counts
    as it is.
    Source: Authenticate users using an Application Load Balancer, in the guide of Elastic Load Balancing.
    """

    arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:loadbalancer/app/\S+$")]
    keys: Path | None = None
    key_url: Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+/\S*$")] | None = None
    name: str = "email"
    groups: str = "groups"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.keys is None) == (self.key_url is None):
            raise ValueError("give one of keys and key_url: where the load balancer's public keys are")
        return self


class Development(_Strict):
    """Anybody on this machine signs in as whom they choose. For trying the portal out, on loopback, and nowhere else.

    people: their names, and the groups of each.
    """

    people: Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]


class WebSettings(_Strict):
    """Of the web process. One of header, load_balancer and development must be there.

    origin: how browsers see the portal, for example https://portal.example.org. proxies: addresses of those that vouch
    for people; nobody else's word counts. body_limit: bytes. body_seconds: in which a body must have come.
    requests_per_minute: of a person, and of an address from which nobody signs in. address_requests_per_minute: of an
    address, which many people may share. waiting: runs of a person that may wait at a time. runs_per_hour: that a
    person, with all of their tokens, may ask for. token_days: the longest life of a token. group_days: for how long
    the groups that a person's last sign-in named count for that person's tokens. encryptions: requests whose new
    secrets are encrypted at a time, each by engines one after the other.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    origin: Annotated[str, Field(pattern=r"^https?://[a-z0-9.\[\]:-]+$")] = "http://127.0.0.1:8080"
    proxies: tuple[IPvAnyNetwork, ...] = ()
    header: TrustedHeader | None = None
    load_balancer: LoadBalancer | None = None
    development: Development | None = None
    body_limit: Count = 1024 * 1024
    body_seconds: Annotated[float, Field(gt=0)] = 30
    requests_per_minute: Count = 600
    address_requests_per_minute: Count = 6000
    waiting: Count = 10
    runs_per_hour: Count = 120
    encryptions: Count = 2
    token_days: Annotated[int, Field(ge=1, le=365)] = 90
    group_days: Annotated[int, Field(ge=1, le=365)] = 30

    @model_validator(mode="after")
    def _sign_in(self) -> Self:
        wrong = []
        given = [name for name in ("header", "load_balancer", "development") if getattr(self, name) is not None]
        if len(given) != 1:
            wrong.append(f"give one of header, load_balancer and development, not {' and '.join(given) or 'none'}")
        if (self.header or self.load_balancer) and not self.proxies:
            wrong.append("proxies: name the addresses of the proxy that signs people in")
        if self.development:
            wrong += [
                f"{name}: with development it must be on loopback, not {value}"
                for name, value in (("host", self.host), ("origin", urlsplit(self.origin).hostname or ""))
                if not loopback(value)
            ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def loopback(name: str) -> bool:
    """Whether a host name or an address is this machine's own, by what it is called and without asking anybody."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
