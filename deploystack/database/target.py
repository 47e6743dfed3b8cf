"""What the application may be bound to: a SQLite file or a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

Dialect = Literal["sqlite", "postgres"]


@dataclass(frozen=True)
class SqliteTarget:
    """A SQLite file.

    Attributes:
        path: the file, absolute.
    """

    path: Path
    dialect: ClassVar[Dialect] = "sqlite"

    @cached_property
    def file_name(self) -> str:
        """The path as text, which ``os.stat`` takes in half the time."""
        return str(self.path)


@dataclass(frozen=True)
class PostgresTarget:
    """A PostgreSQL database.

    Attributes:
        keywords: libpq connection keywords (``host``, ``port``, ``dbname``, ``user``,
            ``password``, …) and their plain values. Kept out of ``repr``: one is the password.
        operator: whether the operator gave them (environment or command line) rather than a
            caller of the API. An operator may use everything libpq offers; a caller may not.
    """

    keywords: Mapping[str, str] = field(repr=False)
    operator: bool = False
    dialect: ClassVar[Dialect] = "postgres"


Target = SqliteTarget | PostgresTarget
