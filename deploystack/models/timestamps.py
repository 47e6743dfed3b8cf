"""When a row was made and last changed."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Mapped, mapped_column

from ..database.types import UTCDateTime


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)


class Timestamps:
    """Adds ``created_at`` and ``updated_at`` to a model."""

    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, onupdate=now)
