"""``/log``: who has changed what."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, request
from marshmallow import ValidationError

from ...access import check_permission
from ...database.reading import reader
from ...errors import invalid_fields
from ...inspection import audit
from ...inspection.schemas import Log
from . import words
from .shell import render_console

blueprint = Blueprint("log", __name__)

_log = Log()
_FILTERS = ("action", "actor", "subject")


@blueprint.get("/log")
def log_page() -> Response:
    """Show the log, the newest first, a page at a time."""
    principal = check_permission("audit.view")
    given = {name: text for name, text in request.args.items() if text}
    try:
        wanted = _log.load(given)
    except ValidationError as error:
        raise invalid_fields(error) from None
    entries, following = audit.entries(reader(), **wanted)
    chosen = {name: given[name] for name in _FILTERS if name in given}
    return render_console(
        "log.html",
        principal,
        entries=entries,
        chosen=chosen,
        actions=_actions(chosen.get("action")),
        first=f"/log?{urlencode(chosen)}" if chosen else "/log",
        is_first="before" not in given,
        following=f"/log?{urlencode(chosen | {'before': following})}" if following else None,
        words=words,
    )


def _actions(chosen: str | None) -> list[tuple[str, str]]:
    """Return what one may filter by: each kind, and each action."""
    names = sorted(words.ACTIONS)
    names += [chosen] if chosen and chosen not in names else []
    return [(name, words.called(words.ACTIONS, name)) for name in names]
