"""What a database is asked, statement by statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask

from deploystack.database import get_database


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """Collect the statements that the database in use is sent."""
    told: list[str] = []
    binding = get_database(app).binding
    assert binding

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        told.append(statement)

    sa.event.listen(binding.engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        sa.event.remove(binding.engine, "before_cursor_execute", note)
