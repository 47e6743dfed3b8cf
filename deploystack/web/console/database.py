"""``/database``: the tables and how they refer to each other; the rows of one; the revisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, current_app, request
from marshmallow import ValidationError

from ...access import Principal, check_permission
from ...database import db
from ...errors import ApiError, invalid_fields
from ...inspection import rows
from ...inspection.filters import OPERATORS, WITHOUT_VALUE, Filter
from ...inspection.revisions import revisions
from ...inspection.rows import Wanted
from ...inspection.schema import schema
from ...inspection.schemas import MAX_FILTERS, Rows
from ..sentences import localised
from . import words
from .diagram import draw
from .shell import render_console

blueprint = Blueprint("database", __name__)

PER_PAGE = (25, 50, 100, 200)
"""How many rows a page may have."""

_rows = Rows()


@blueprint.get("/database")
def database_page() -> Response:
    """Show every table, by owner, and a drawing of how they refer to each other."""
    principal = check_permission("database.manage")
    found = schema(current_app, db.engine)
    tables = [table for owner in found["owners"] for table in owner["tables"]]
    kinds = {
        table["name"]: owner["kind"]
        for owner in found["owners"]
        for table in owner["tables"]
        if owner["kind"] != "versions"
    }
    refers = {table["name"]: _referred(table) for table in tables}
    return render_console(
        "database.html",
        principal,
        dialect=found["dialect"],
        owners=found["owners"],
        tables=tables,
        refers=refers,
        drawing=draw(kinds, refers),
        words=words,
    )


@blueprint.get("/database/revisions")
def revisions_page() -> Response:
    """Show which revisions were applied, when and how long, and which are pending."""
    principal = check_permission("database.manage")
    return render_console("revisions.html", principal, histories=revisions(current_app, db.engine))


@blueprint.get("/database/tables/<name>")
def table_page(name: str) -> Response:
    """Show what a table is like, and a page of its rows."""
    principal = check_permission("database.manage")
    try:
        wanted: Wanted = _rows.load(request.args)
    except ValidationError as error:
        raise invalid_fields(error) from None
    try:
        return _table(principal, name, wanted)
    except ApiError as error:
        if error.code not in {"filter_invalid", "inspection_timeout"}:
            raise
        return _refused(principal, name, wanted, error)


def _table(
    principal: Principal,
    name: str,
    wanted: Wanted,
    error: ApiError | None = None,
    tried: Any = None,
) -> Response:
    found = rows.page(current_app, db.engine, name, wanted)
    table = found["table"]
    address = _Address(name, wanted)
    return render_console(
        "table.html",
        principal,
        error.status if error else 200,
        table=table,
        found=found,
        wanted=wanted,
        address=address,
        filters=[(each, address.without(each)) for each in wanted.filters],
        may_filter=len(wanted.filters) < MAX_FILTERS,
        operators=[(each, words.called(words.OPERATORS, each)) for each in OPERATORS],
        without_value=WITHOUT_VALUE,
        per_page=PER_PAGE,
        keys={key["columns"][0]: key for key in table["foreign_keys"] if len(key["columns"]) == 1},
        row_address=_row_address,
        error=localised(error) if error else None,
        tried=tried or Filter("", "is", ""),
        words=words,
    )


def _refused(principal: Principal, name: str, wanted: Wanted, error: ApiError) -> Response:
    """Show the table without what could not be asked, and why that is so."""
    if error.code == "filter_invalid":
        asked = (error.details["column"], error.details["operator"])
        kept = [each for each in wanted.filters if (each.column, each.operator) != asked]
        [tried, *_] = [each for each in wanted.filters if each not in kept]
        return _table(principal, name, replace(wanted, filters=kept), error, tried)
    return _table(principal, name, Wanted(per_page=wanted.per_page), error)


class _Address:
    """The address of the page of a table, changed in one thing.

    Args:
        name: the table.
        wanted: what is shown now.
    """

    def __init__(self, name: str, wanted: Wanted) -> None:
        self._name = name
        self._wanted = wanted

    def page(self, number: int) -> str:
        """Return where another page of the same rows is."""
        return self._of(replace(self._wanted, page=number))

    def sorted_by(self, column: str) -> str:
        """Return where the rows are sorted by a column; the other way, if they are already."""
        is_already = self._wanted.sort == column and self._wanted.order == "asc"
        order: Any = "desc" if is_already else "asc"
        return self._of(replace(self._wanted, sort=column, order=order, page=1))

    def without(self, which: Filter) -> str:
        """Return where one filter is left out."""
        kept = [each for each in self._wanted.filters if each != which]
        return self._of(replace(self._wanted, filters=kept, page=1))

    @property
    def plain(self) -> str:
        """Where all rows are."""
        return f"/database/tables/{quote(self._name, safe='')}"

    def _of(self, wanted: Wanted) -> str:
        query: list[tuple[str, str]] = []
        if wanted.page != 1:
            query.append(("page", str(wanted.page)))
        if wanted.per_page != rows.PER_PAGE:
            query.append(("per_page", str(wanted.per_page)))
        if wanted.sort:
            query += [("sort", wanted.sort), ("order", wanted.order)]
        for each in wanted.filters:
            query += [("column", each.column), ("operator", each.operator), ("value", each.value)]
        return f"{self.plain}?{urlencode(query)}" if query else self.plain


def _row_address(key: dict[str, Any], value: Any) -> str:
    """Return where the row is that a value refers to."""
    column = (key["referred_columns"] or ["id"])[0]
    query = urlencode({"column": column, "operator": "is", "value": value})
    return f"/database/tables/{quote(key['table'], safe='')}?{query}"


def _referred(table: dict[str, Any]) -> list[str]:
    """Return the names of the tables that a table refers to, each once."""
    return sorted({key["table"] for key in table["foreign_keys"]})
