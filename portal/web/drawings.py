"""What calls go through, as SVG: of an environment after its last apply, and of a run with what it changes."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from portal.svg import draw
from portal.topology import Topology
from portal.web import api, overview, views
from portal.web.dependencies import CurrentActor, TheDatabase

router = APIRouter(responses=api.FAILURES)
_SVG: Final = "image/svg+xml"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {_SVG: {"schema": {"type": "string"}}}}}


@router.get("/environments/{name}/topology.svg", tags=["environments"], response_class=Response, responses=_ANSWERS)
def of_environment(name: api.Name, actor: CurrentActor, database: TheDatabase) -> Response:
    """As the last apply left it."""
    with database.read() as session:
        views.environment_of(session, actor, name)
        found = overview.drawn(session, overview.standing(session, name).last_apply)
    return _answer(found, f"What calls go through in {name}")


@router.get("/runs/{number}/topology.svg", tags=["runs"], response_class=Response, responses=_ANSWERS)
def of_run(number: api.Number, actor: CurrentActor, database: TheDatabase) -> Response:
    """As the run would leave it, with what it changes."""
    with database.read() as session:
        found = overview.drawn(session, views.run_of(session, actor, number))
    return _answer(found, f"What calls go through after run {number}")


def _answer(found: Topology | None, title: str) -> Response:
    if found is None:
        raise views.NotFoundError("it has not been drawn yet: that is done in a preview and after an apply")
    return Response(draw(found, title), media_type=_SVG)
