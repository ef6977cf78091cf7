"""Every way a request can fail, as one answer: a problem document (RFC 9457), or the page that says the same."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from portal.access import DeniedError
from portal.engine import EncryptionError
from portal.form import CheckError, SchemaError
from portal.prepare import BusyError, InvalidSettingsError
from portal.requests import InvalidError, KeyReusedError, OutdatedError, TooManyError
from portal.states import ForbiddenEdgeError
from portal.transitions import RefusedError
from portal.web import pages
from portal.web.dependencies import wants_html
from portal.web.schemas import Fault, Problem
from portal.web.views import NotFoundError

LOG: Final = logging.getLogger("portal.web")
_SHOWN: Final = 80
_OURS: Final[dict[type[Exception], int]] = {
    DeniedError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    RefusedError: HTTPStatus.CONFLICT,
    ForbiddenEdgeError: HTTPStatus.CONFLICT,
    KeyReusedError: HTTPStatus.CONFLICT,
    OutdatedError: HTTPStatus.CONFLICT,
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SchemaError: HTTPStatus.INTERNAL_SERVER_ERROR,
    CheckError: HTTPStatus.INTERNAL_SERVER_ERROR,
    EncryptionError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""What the errors of the portal's own modules come to; a subclass comes to the same."""


def respond(
    request: Request,
    status: int,
    detail: str,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a request that was not done, in the form that was asked for."""
    found = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors),
        request_id=getattr(request.state, "request_id", ""),
    )
    if wants_html(request.scope):
        answer = pages.problem(request, found)
    else:
        answer = JSONResponse(found.model_dump(), status, media_type="application/problem+json")
    answer.headers.update(headers or {})
    return answer


def _ours(request: Request, error: Exception) -> Response:
    status = next(code for kind, code in _OURS.items() if isinstance(error, kind))
    if isinstance(error, DeniedError | NotFoundError):
        request.app.state.denials.note(request, "denied", str(error))
    problems = error.problems if isinstance(error, InvalidSettingsError) else ()
    return respond(request, status, str(error), [Fault(path=each.where, message=each.message) for each in problems])


def _later(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyError | BusyError)  # noqa: S101 - what it is registered for
    headers = {"Retry-After": str(error.retry_after)}
    return respond(request, status_of_later(error), str(error), headers=headers)


def status_of_later(error: TooManyError | BusyError) -> int:
    """The status for what may be asked again: somebody has asked for too much, or others have."""
    return HTTPStatus.TOO_MANY_REQUESTS if isinstance(error, TooManyError) else HTTPStatus.SERVICE_UNAVAILABLE


def _changed_meanwhile(request: Request, _: Exception) -> Response:
    return respond(request, HTTPStatus.CONFLICT, "somebody changed it at the same moment; look again")


def _no_text(request: Request, _: Exception) -> Response:
    # JSON can write half of a surrogate pair, which is no character (RFC 8259, section 8.2).
    return respond(request, HTTPStatus.BAD_REQUEST, "a text in the request has a character that is none")


def fault_of(request: Request, error: Exception) -> Response:
    """The answer when the portal itself has a fault; the log tells the rest."""
    if isinstance(error, OperationalError):
        detail = "the database does not answer; try again"
        return respond(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "5"})
    detail = "the portal itself has a fault here; its log tells more under this request's number"
    return respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return respond(request, error.status_code, error.detail, headers=error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    faults = [fault(each) for each in error.errors()]
    detail = f"{len(faults)} things are wrong with the request" if len(faults) > 1 else faults[0].message
    return respond(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults)


def fault(found: Mapping[str, Any]) -> Fault:
    """One of pydantic's errors. A value is named where it is short and cannot be a secret."""
    where = [str(each) for each in found["loc"]]
    path = ".".join(where[1:] if len(where) > 1 else where)
    value = found.get("input")
    plain = "settings" not in where and isinstance(value, str | int | float) and len(str(value)) <= _SHOWN
    message = str(found["msg"]).removeprefix("Value error, ")
    return Fault(path=path, message=f"{message}, not {value!r}" if plain else message)


def register(app: FastAPI) -> None:
    """Let an application answer like this."""
    for kind in _OURS:
        app.add_exception_handler(kind, _ours)
    app.add_exception_handler(TooManyError, _later)
    app.add_exception_handler(BusyError, _later)
    app.add_exception_handler(UnicodeEncodeError, _no_text)
    app.add_exception_handler(StaleDataError, _changed_meanwhile)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
