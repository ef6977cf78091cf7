"""The pages. Each handler gets a model from `views` and renders it; forms are answered with 303 to the next page."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from portal.web.dependencies import BrowserRoute
from portal.web.schemas import Problem

router = APIRouter(route_class=BrowserRoute, include_in_schema=False)


def problem(request: Request, found: Problem) -> Response:
    """The page that says why a request was not done."""
    detail = "".join(f"<li>{escape(each.path)}: {escape(each.message)}" for each in found.errors)
    return HTMLResponse(
        f"<!doctype html><title>{escape(found.title)}</title><h1>{escape(found.title)}</h1>"
        f"<p>{escape(found.detail)}<ul>{detail}</ul><p>{escape(found.request_id)}",
        found.status,
    )
