"""The development sign-in over HTTP. Where people sign in by a proxy or a load balancer, none of this exists."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from portal.web import api, schemas
from portal.web.identity import COOKIE, ByChoice
from portal.web.views import NotFoundError

router = APIRouter(tags=["development"], responses=api.FAILURES)


class People(BaseModel):
    """Whom somebody may choose to be."""

    people: list[str]


class Choice(schemas.Asked):
    """person: one of the people in the settings."""

    person: Annotated[str, Field(max_length=128)]


def choices(request: Request) -> ByChoice:
    """The development sign-in, for requests from this machine. Raises NotFoundError where there is none."""
    found = request.app.state.sign_in
    if not isinstance(found, ByChoice) or not found.here(request):
        raise NotFoundError("there is no development sign-in here")
    return found


@router.get("/sign-in")
def people(request: Request) -> People:
    """Whom you may choose to be."""
    return People(people=list(choices(request).people))


@router.post("/sign-in")
def sign_in(request: Request, response: Response, asked: Choice) -> schemas.Status:
    """Be somebody from now on, by a cookie."""
    remember(response, choices(request), asked.person)
    return schemas.Status(status="signed in")


@router.post("/sign-out")
def sign_out(request: Request, response: Response) -> schemas.Status:
    """Be nobody any more."""
    choices(request)
    forget(response)
    return schemas.Status(status="signed out")


def remember(response: Response, found: ByChoice, person: str) -> None:
    """Set the cookie. Raises NotFoundError for a name that is none of the people."""
    if person not in found.people:
        raise NotFoundError("there is nobody of that name to choose")
    response.set_cookie(COOKIE, found.cookie(person), httponly=True, samesite="lax", path="/")


def forget(response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", path="/")
