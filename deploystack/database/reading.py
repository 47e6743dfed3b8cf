"""Transactions that only read: on SQLite they run beside a writer, and do not wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .binding import db
from .engines import READ_ONLY


def reader() -> Session:
    """Return the session of ``db.session``, in a transaction that only reads if it can be one.

    Raises:
        ApiError: 503, there is no usable database.
    """
    session = db.session()
    if not session.in_transaction():
        session.connection(execution_options={READ_ONLY: True})
    return session


@contextmanager
def reading() -> Iterator[sa.Connection]:
    """Open a connection beside that session, whose own transaction then begins when it is due.

    Raises:
        ApiError: 503, there is no usable database.
    """
    with db.engine.connect() as connection:
        yield connection.execution_options(**{READ_ONLY: True})
