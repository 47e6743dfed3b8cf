"""Errors at the address of a page, for a browser: a page, or the one that helps."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from flask import Response, request

from ..errors import ApiError
from ..logs import describe
from .addresses import local, wants_page
from .language import N_
from .rendering import lead_to, render
from .sentences import localised

log = logging.getLogger(__name__)

TITLES = {
    403: N_("You may not see this page"),
    404: N_("There is nothing here"),
    405: N_("That does not work here"),
    413: N_("That was too much"),
    500: N_("Something went wrong"),
    503: N_("Not available just now"),
}
OTHER_TITLE = N_("That did not work")


def error_page(error: ApiError) -> Response | None:
    """Return what a browser is shown for ``error``; nothing, where a program is told of it."""
    if not wants_page(request):
        return None
    if error.code == "not_configured":
        return lead_to("/setup")
    if error.code == "login_required":
        return lead_to(login_address())
    try:
        page = render(
            "error.html",
            error.status,
            title=TITLES.get(error.status, OTHER_TITLE),
            sentence=localised(error),
            error=error,
            is_temporary=error.status == 503,
        )
    except Exception as failure:  # noqa: BLE001  # told as a program would be told
        log.error("The page for %s could not be made: %s", error.code, describe(failure))
        return None
    page.headers.extend(error.headers)
    return page


def login_address() -> str:
    """Return where one logs in, and then comes back to the page that was asked for."""
    if request.method != "GET":
        return "/login"
    page = local(request.full_path.removesuffix("?"))
    return f"/login?{urlencode({'next': page})}" if page != "/" else "/login"
