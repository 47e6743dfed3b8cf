"""``/``: how everything is, at a glance."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app

from ...access import require_login
from ...database import db
from ...inspection import overview
from ...inspection.concerns import Concern
from ..language import gettext
from ..rendering import lead_to
from ..sentences import sentence
from . import words
from .shell import places_of, render_console

blueprint = Blueprint("overview", __name__)


@blueprint.get("/")
def overview_page() -> Response:
    """Show how everything is; whoever may not see it is led to what they may."""
    principal = require_login()
    if "database.manage" not in principal.permissions:
        return lead_to(places_of(principal)[0].address)
    found = overview.overview(current_app, db.engine)
    may = principal.permissions
    return render_console(
        "overview.html",
        principal,
        database=found["database"],
        plugins=found["plugins"],
        entries=found["audit"] if "audit.view" in may else [],
        concerns=[_told(concern, may) for concern in found["warnings"]],
        words=words,
    )


def _told(concern: Concern, may: frozenset[str]) -> dict[str, Any]:
    """Return a concern in the language of the request, and where it can be seen to."""
    details = dict(concern.details)
    if concern.code == "quarantined":
        details["reason"] = sentence(details["code"], details["reason"])
    link = None
    if concern.code == "quarantined" and "plugins.manage" in may:
        link = "/plugins", gettext("Go to the plugins")
    elif concern.code == "revisions_pending":
        link = "/database/revisions", gettext("Look at the revisions")
    elif "group" in details and "settings.view" in may:
        link = f"/settings/{details['group']}", gettext("Go to the settings")
    elif "keys" in details and "settings.view" in may:
        link = "/settings", gettext("Go to the settings")
    return {
        "code": concern.code,
        "is_problem": concern.severity == "problem",
        "sentence": gettext(concern.sentence, **details),
        "remedy": gettext(concern.remedy, **details),
        "link": link,
    }
