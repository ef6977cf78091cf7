"""The development sign-in as a page: whom to be, by one button each. Elsewhere the proxy signs people in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from portal.web import sign_in
from portal.web.changes import see
from portal.web.dependencies import BrowserRoute
from portal.web.rendering import page

router = APIRouter(route_class=BrowserRoute, include_in_schema=False)


@router.get("/sign-in")
def people(request: Request) -> Response:
    """Whom you may choose to be."""
    found = sign_in.choices(request).people
    return page(request, "sign_in.html", people={name: each.groups for name, each in found.items()})


@router.post("/sign-in")
def choose(request: Request, asked: Annotated[sign_in.Choice, Form()]) -> Response:
    """Be somebody from now on."""
    answer = see("/")
    sign_in.remember(answer, sign_in.choices(request), asked.person)
    return answer


@router.post("/sign-out")
def leave(request: Request) -> Response:
    """Be nobody any more."""
    sign_in.choices(request)
    answer = see("/sign-in")
    sign_in.forget(answer)
    return answer
