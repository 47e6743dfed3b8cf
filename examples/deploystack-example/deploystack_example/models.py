"""The tables of this plugin."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from deploystack.plugins import Model, Timestamps


class Item(Timestamps, Model):
    """An item."""

    __tablename__ = "example_item"

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
