"""What the pages of the console have in common: who may see which, and how they are rendered."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Response, current_app

from ...access import Principal
from ...openapi.routes import is_shown
from ..language import N_
from ..rendering import render


class Place(NamedTuple):
    """An entry of the navigation.

    Attributes:
        address: where it leads.
        title: what it is called.
        permission: what it takes to see it; nothing, if everybody may.
    """

    address: str
    title: str
    permission: str | None


PLACES = (
    Place("/", N_("Overview"), "database.manage"),
    Place("/database", N_("Database"), "database.manage"),
    Place("/settings", N_("Settings"), "settings.view"),
    Place("/plugins", N_("Plugins"), "plugins.manage"),
    Place("/users", N_("Users"), "users.view"),
    Place("/log", N_("Log"), "audit.view"),
    Place("/account", N_("Account"), None),
)
"""All there are, in their order."""


def places_of(principal: Principal) -> list[Place]:
    """Return the places that somebody may go to."""
    may = principal.permissions
    return [place for place in PLACES if place.permission is None or place.permission in may]


def render_console(
    template: str, principal: Principal, status: int = 200, **context: Any
) -> Response:
    """Return a page of the console.

    Args:
        template: its file in ``templates/``.
        principal: who sees it.
        status: the HTTP status.
        context: what the template needs besides.
    """
    return render(
        template,
        status,
        principal=principal,
        places=places_of(principal),
        is_api_shown=is_shown(current_app),
        **context,
    )
