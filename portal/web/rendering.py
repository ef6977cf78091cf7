"""Templates: one environment for all pages, in which everything is escaped and nothing undefined passes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from portal.states import FINAL, RUNNING, Kind, State
from portal.web import assets, words

_FOLDER: Final = Path(__file__).resolve().parent / "templates"


def _when(moment: dt.datetime) -> Markup:
    """A moment, for people and for machines."""
    utc = moment.astimezone(dt.UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M:%S")
    )


def _pretty(value: Any) -> str:
    return words.plain(value) if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def id_of(name: str) -> str:
    """An id of an element, made of the name of its input, which may have any character in it."""
    return f"f-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def _sentence(text: str) -> str:
    """A text that is a part of a sentence, as a sentence."""
    plain = words.plain(text).strip()
    whole = plain[:1].upper() + plain[1:]
    return whole if not whole or whole[-1] in ".!?:…" else f"{whole}."


def _ticked(text: str) -> Markup:
    """A text in which names between backticks are shown as code."""
    parts = words.plain(text).split("`")
    whole = len(parts) % 2 == 1
    return Markup().join(
        Markup("<code>{}</code>").format(part) if whole and place % 2 else part for place, part in enumerate(parts)
    )


def _printable(value: Any) -> Any:
    """Whatever a page shows, without what a terminal would act on: people copy from pages."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "when": _when,
        "pretty": _pretty,
        "id_of": id_of,
        "plural": _plural,
        "sentence": _sentence,
        "ticked": _ticked,
        "name_of": words.name_of,
        "type_of": words.type_of,
    }
    made.globals |= {
        "asset": assets.URLS,
        "words": words,
        "State": State,
        "Kind": Kind,
        "FINAL": FINAL,
        "RUNNING": RUNNING,
    }
    return made


_TEMPLATES: Final = _environment()


def page(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page. The one who asks and the place in the portal are there in every template."""
    actor = getattr(request.state, "actor", None)
    common: Mapping[str, Any] = {
        "person": actor.name if actor else "",
        "development": request.app.state.settings.web.development is not None,
        "path": request.scope["path"],
    }
    return HTMLResponse(_TEMPLATES.get_template(template).render(**common, **shown), status)
