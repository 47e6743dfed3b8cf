"""``/account``: one's own names, password and tokens."""

from __future__ import annotations

from flask import Blueprint, Response

from ...auth import accounts, tokens
from ...auth.authentication import require_session
from ...auth.schemas import shown
from ...database import db
from . import words
from .shell import render_console

blueprint = Blueprint("account", __name__)

DAYS = (7, 30, 90, 365)
"""After how many days a token may expire, to choose from."""


@blueprint.get("/account")
def account_page() -> Response:
    """Show one's own account."""
    principal = require_session()
    own_tokens = tokens.of(principal.user_id)  # begins the transaction, as one that only reads
    user = shown(accounts.get(db.session(), principal.user_id))
    return render_console(
        "account.html",
        principal,
        user=user,
        tokens=own_tokens,
        scopes=[
            (name, words.called(words.PERMISSIONS, name)) for name in sorted(principal.permissions)
        ],
        days=DAYS,
        words=words,
    )
