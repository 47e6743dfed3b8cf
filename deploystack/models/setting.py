"""Global settings and the groups they are shown in."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..database.binding import Model
from ..database.secrecy import secret_where
from .timestamps import Timestamps


class GlobalSettingGroup(Timestamps, Model):
    """A group of settings."""

    __tablename__ = "global_setting_groups"

    id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    icon: Mapped[str | None] = mapped_column(sa.String(255))
    sort_order: Mapped[int] = mapped_column(sa.Integer, default=0, server_default=sa.text("0"))


class GlobalSetting(Timestamps, Model):
    """One typed value, as text; encrypted where it is a secret."""

    __tablename__ = "global_settings"

    key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    value: Mapped[str | None] = mapped_column(sa.Text, info=secret_where("is_encrypted"))
    type: Mapped[str] = mapped_column(sa.String(16))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    is_encrypted: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())
    group_id: Mapped[str | None] = mapped_column(
        sa.String(255), sa.ForeignKey("global_setting_groups.id", ondelete="SET NULL"), index=True
    )

    __table_args__ = (
        sa.CheckConstraint(
            "type IN ('string', 'number', 'boolean', 'integer', 'url', 'email', 'json', 'list')",
            name="type",
        ),
    )


class SettingsState(Model):
    """One row: how often settings were changed, and with which key secrets are sealed.

    Whoever has cached settings compares the number.
    """

    __tablename__ = "global_settings_state"

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    version: Mapped[int] = mapped_column(sa.Integer, default=0, server_default=sa.text("0"))
    key_fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
