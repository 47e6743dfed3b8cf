"""The log of applied revisions: which, when, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..binding import Model
from ..types import UTCDateTime


class SchemaRevision(Model):
    """One revision that was applied or taken back."""

    __tablename__ = "schema_revisions"

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    history: Mapped[str] = mapped_column(sa.String(64))
    revision: Mapped[str] = mapped_column(sa.String(64))
    direction: Mapped[str] = mapped_column(sa.String(16))
    applied_at: Mapped[datetime] = mapped_column(UTCDateTime)
    duration_ms: Mapped[float] = mapped_column(sa.Float)

    __table_args__ = (
        sa.CheckConstraint("direction IN ('upgrade', 'downgrade')", name="direction"),
        sa.Index(None, "history", "revision"),
    )


class Recorder:
    """Alembic's ``on_version_apply`` callback: writes the log as each revision is applied.

    Args:
        history: the name of the history, ``core`` or a plugin's.
        applied: told the id of each revision once it is applied.
    """

    def __init__(self, history: str, applied: Callable[[str], None]) -> None:
        self._history = history
        self._applied = applied
        self._started = time.perf_counter()

    def __call__(self, *, ctx: Any, step: Any, **_: Any) -> None:
        """Record ``step``; the time since the step before is how long it took."""
        duration_ms = (time.perf_counter() - self._started) * 1000
        self._started = time.perf_counter()
        if ctx.as_sql or step.is_stamp:
            return
        # Taking back the first revision takes the log away with it.
        if step.is_upgrade or sa.inspect(ctx.connection).has_table(SchemaRevision.__tablename__):
            ctx.connection.execute(
                sa.insert(SchemaRevision).values(
                    history=self._history,
                    revision=step.up_revision_id,
                    direction="upgrade" if step.is_upgrade else "downgrade",
                    applied_at=datetime.now(UTC),
                    duration_ms=round(duration_ms, 3),
                )
            )
        self._applied(step.up_revision_id)
