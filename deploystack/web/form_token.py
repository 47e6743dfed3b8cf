"""Forms that work without JavaScript, and that no other site's page can send.

Pages ask the browser for no referrer, and so it sends ``Origin: null`` with their forms too; over
plain HTTP to another machine it sends no ``Sec-Fetch-Site`` either. So a form has a token: a
keyed hash of a random cookie and of the session. Needs no database.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from flask import Response, current_app, request

from ..access import SAFE_METHODS
from ..auth.sessions import token_in
from ..errors import ApiError
from ..http import OWN_FORM, own_origin

COOKIE = "deploystack_form"
FIELD = "form_token"
MAX_FORM_BYTES = 16384

_MADE = "deploystack.form_cookie"
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")


def form_token() -> str:
    """Return what the hidden field of a form has to hold; the cookie comes with the page."""
    found = _cookie()
    if found is None:
        found = request.environ.setdefault(_MADE, secrets.token_urlsafe(32))
    return _token(found)


def keep(response: Response) -> Response:
    """Send the cookie along with a page that has a form, if the browser has none."""
    made = request.environ.get(_MADE)
    if made:
        response.set_cookie(COOKIE, made, secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def check_form() -> None:
    """Refuse a form that is not from a page of this server.

    Raises:
        ApiError: 403 ``cross_origin`` or ``form_expired``, 413 ``body_too_large``.
    """
    if request.method in SAFE_METHODS:
        return
    request.max_content_length = MAX_FORM_BYTES
    request.max_form_memory_size = MAX_FORM_BYTES
    origin = request.headers.get("Origin", "null").lower()
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in {"same-origin", "none"} or origin not in {"null", own_origin(request)}:
        raise ApiError(
            403, "cross_origin", "Another site's page has sent this form. Open the page here."
        )
    cookie = _cookie()
    given = request.form.get(FIELD, "")
    if cookie is None or not hmac.compare_digest(given.encode(), _token(cookie).encode()):
        raise ApiError(
            403,
            "form_expired",
            "This form was opened too long ago, or this browser keeps no cookies. Go back, reload "
            "the page, and send it again.",
        )
    request.environ[OWN_FORM] = True


def _cookie() -> str | None:
    found = request.cookies.get(COOKIE, "")
    return found if _WELL_FORMED.fullmatch(found) else None


def _token(cookie: str) -> str:
    key = str(current_app.secret_key).encode()
    text = f"form\n{cookie}\n{token_in(request)}".encode("utf-8", "replace")
    return hmac.new(key, text, hashlib.sha256).hexdigest()
