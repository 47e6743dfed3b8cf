"""What may be done: the core's permissions and those that plugins declare; who has which."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask

from ..models.user import ROLES

ADMIN = "global_admin"
"""The role that has every permission."""

USER = "global_user"
"""The role of an account that was given no other."""

_EXTENSION = "deploystack_permissions"
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")


@dataclass(frozen=True, kw_only=True)
class Permission:
    """A permission that a plugin declares.

    Args:
        name: the plugin's name, ``.`` and what may be done, such as ``notes.edit``.
        description: one line for people.
        roles: the roles that have it besides ``global_admin``, such as ``global_user``.
    """

    name: str
    description: str = ""
    roles: tuple[str, ...] = ()


def register_permissions(app: Flask) -> None:
    """Give ``app`` its list of permissions, with those of the core."""
    app.extensions[_EXTENSION] = {name: Permission(name=name) for name in ROLES[ADMIN][2]}


def declare_permissions(app: Flask, permissions: Iterable[Permission]) -> None:
    """Add permissions; a route asks for one with :func:`deploystack.access.require_permission`.

    Raises:
        ValueError: a name is not well formed, or declared already.
    """
    declared: dict[str, Permission] = app.extensions[_EXTENSION]
    for permission in permissions:
        if not _NAME.fullmatch(permission.name):
            raise ValueError(f"{permission.name!r} is not a name such as 'notes.edit'.")
        if permission.name in declared:
            raise ValueError(f"The permission {permission.name!r} is declared already.")
        declared[permission.name] = permission


def all_permissions(app: Flask) -> frozenset[str]:
    """Return the names of all permissions that are declared."""
    return frozenset(app.extensions[_EXTENSION])


def permissions_of(app: Flask, role_id: str, granted: object) -> frozenset[str]:
    """Return what an account may do.

    Args:
        app: the application.
        role_id: its role.
        granted: the permissions of that role, as the database has them.
    """
    declared: dict[str, Permission] = app.extensions[_EXTENSION]
    names = granted if isinstance(granted, list) else []
    own = {name for name in names if isinstance(name, str)}
    return frozenset(own).union(
        name for name, one in declared.items() if role_id == ADMIN or role_id in one.roles
    )
