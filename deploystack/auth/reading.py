"""Looking something up beside the request's own transaction, which then begins when it is due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ..database import db
from ..database.engines import READ_ONLY


@contextmanager
def reading() -> Iterator[sa.Connection]:
    """Open a connection whose transaction only reads, and so waits for no writer.

    Raises:
        ApiError: 503, there is no usable database.
    """
    with db.engine.connect() as connection:
        yield connection.execution_options(**{READ_ONLY: True})
