"""What may be done: the core's permissions and those of plugins; who has which."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask import Flask

from ..access import asked_for
from ..models.user import ROLES

ADMIN = "global_admin"
"""The role that has every permission."""

USER = "global_user"
"""The role of an account that was given no other."""

_EXTENSION = "deploystack_permissions"
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")


def register_permissions(app: Flask) -> None:
    """Give ``app`` its list of permissions, with those of the core."""
    app.extensions[_EXTENSION] = set(ROLES[ADMIN][2])


def declare_permissions(app: Flask, names: Iterable[str]) -> None:
    """Let there be more permissions, such as ``notes.edit``. Administrators have them at once.

    It holds for this process: a plugin does it in each, in ``deploystack_database_ready``.

    Args:
        app: the application.
        names: the permissions: words of lower-case letters, digits, ``_`` and ``-``, with dots
            between them.

    Raises:
        ValueError: a name is not well formed.
    """
    names = list(names)
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} cannot name a permission, as 'notes.edit' could.")
    app.extensions[_EXTENSION].update(names)


def declare_used(app: Flask) -> None:
    """Declare what the routes of ``app`` ask for with ``require_permission``, a plugin's too."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            asked = asked_for(app.view_functions[rule.endpoint], method)
            app.extensions[_EXTENSION].update(asked)


def permissions_of(app: Flask, role_id: str, granted: object) -> frozenset[str]:
    """Return what an account may do.

    Args:
        app: the application.
        role_id: its role.
        granted: the permissions of that role, as the database has them.
    """
    names = granted if isinstance(granted, list) else []
    own = frozenset(name for name in names if isinstance(name, str))
    return own.union(app.extensions[_EXTENSION]) if role_id == ADMIN else own
