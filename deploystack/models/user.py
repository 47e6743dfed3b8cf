"""People and what they may do."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from ..database.binding import Model
from ..database.secrecy import SECRET
from .timestamps import Timestamps

ROLES = {
    "global_admin": (
        "Global Administrator",
        "May do everything.",
        [
            "settings.view",
            "settings.edit",
            "settings.delete",
            "settings.reveal",
            "plugins.manage",
            "database.manage",
            "users.view",
            "users.create",
            "users.edit",
            "users.delete",
            "audit.view",
        ],
    ),
    "global_user": ("Global User", "May use the application.", []),
}
"""The seeded roles: id to name, description and permissions."""


class Role(Timestamps, Model):
    """A named set of permissions."""

    __tablename__ = "roles"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(255), unique=True)
    description: Mapped[str] = mapped_column(sa.Text, default="")
    permissions: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    is_system_role: Mapped[bool] = mapped_column(
        sa.Boolean, default=False, server_default=sa.false()
    )


class User(Timestamps, Model):
    """An account."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(
        sa.String(36), primary_key=True, default=lambda: str(uuid.uuid4())
    )
    username: Mapped[str] = mapped_column(sa.String(255), unique=True)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(255), info=SECRET)
    first_name: Mapped[str | None] = mapped_column(sa.String(255))
    last_name: Mapped[str | None] = mapped_column(sa.String(255))
    role_id: Mapped[str] = mapped_column(
        sa.String(64), sa.ForeignKey("roles.id", ondelete="RESTRICT"), index=True
    )

    role: Mapped[Role] = relationship()


def seed_roles(session: Session) -> None:
    """Add the roles every installation has. A role that exists is left as it is."""
    for role_id, (name, description, permissions) in ROLES.items():
        if session.get(Role, role_id) is None:
            session.add(
                Role(
                    id=role_id,
                    name=name,
                    description=description,
                    permissions=permissions,
                    is_system_role=True,
                )
            )
