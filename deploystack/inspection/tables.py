"""What a table is like, as the database tells it, in words that both kinds of database share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal[
    "boolean",
    "integer",
    "number",
    "text",
    "moment",
    "date",
    "json",
    "bytes",
    "other",
]
"""What the values of a column are like: how they are shown, compared and sorted."""

SORTED_AS_THEY_ARE = frozenset({"boolean", "integer", "number", "text", "moment", "date"})
"""Families that have an order of their own; others are sorted as text."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: its name.
        type: its type, as the database spells it.
        family: what its values are like.
        is_nullable: whether it may be empty.
        default: the expression that a row gets which says nothing.
        key: its place in the primary key, from 1; 0 if it is not in it.
    """

    name: str
    type: str
    family: Family
    is_nullable: bool
    default: str | None
    key: int = 0


@dataclass(frozen=True)
class ForeignKey:
    """Columns that refer to those of a table.

    Attributes:
        columns: those that refer.
        table: to which table.
        referred_columns: to which columns of it; none where it is its primary key.
        on_delete: what becomes of a row once that which it refers to is deleted.
    """

    columns: list[str]
    table: str
    referred_columns: list[str]
    on_delete: str


@dataclass(frozen=True)
class Index:
    """An index, or a constraint that a database keeps up by one.

    Attributes:
        name: its name, if it has one of its own.
        columns: what is in it: names of columns, and expressions.
        is_unique: whether no two rows have the same.
        is_constraint: whether it was declared as a unique constraint.
        condition: of which rows, if not of all.
    """

    name: str | None
    columns: list[str]
    is_unique: bool
    is_constraint: bool = False
    condition: str | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its name.
        columns: in their order.
        foreign_keys: what it refers to.
        indexes: without that of its primary key.
        is_readable: whether the application may read its rows.
        estimate: about how many rows the server believes there are, if it has looked.
        bytes: how much room it takes, with its indexes, if the database tells.
    """

    name: str
    columns: list[Column]
    foreign_keys: list[ForeignKey]
    indexes: list[Index]
    is_readable: bool = True
    estimate: int | None = None
    bytes: int | None = None

    @property
    def primary_key(self) -> list[str]:
        """The names of the columns of the primary key, in its order."""
        in_key = [column for column in self.columns if column.key]
        return [column.name for column in sorted(in_key, key=lambda column: column.key)]

    def column(self, name: str) -> Column | None:
        """Return the column of this name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)
