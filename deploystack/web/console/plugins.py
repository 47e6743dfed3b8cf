"""``/plugins``: how each is, what it has, and trying one again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app

from ...access import check_permission
from ...plugins.routes import all_details
from ...plugins.service import get_service
from ...settings import get_settings
from ..sentences import sentence
from . import words
from .shell import render_console

blueprint = Blueprint("plugins", __name__)


@blueprint.get("/plugins")
def plugins_page() -> Response:
    """Show every plugin."""
    principal = check_permission("plugins.manage")
    get_service(current_app).wait()
    return render_console(
        "plugins.html",
        principal,
        plugins=[_told(found) for found in all_details(current_app)],
        words=words,
    )


def _told(found: dict[str, Any]) -> dict[str, Any]:
    """Return a plugin with its reason in the language of the request, and where settings are."""
    group_of = get_settings(current_app).definitions.group_of
    code = found["code"]
    return found | {
        "reason": sentence(code, found["error"]) if code else None,
        "groups": sorted({group_of[key] for key in found["settings"] if key in group_of}),
    }
