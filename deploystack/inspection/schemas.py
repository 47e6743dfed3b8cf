"""What the routes of this domain take in their addresses."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate
from werkzeug.datastructures import MultiDict

from ..settings.schemas import Page
from .filters import OPERATORS, WITHOUT_VALUE, Filter
from .rows import MAX_PAGES, MAX_PER_PAGE, PER_PAGE, Wanted

MAX_FILTERS = 5
_REPEATED = ("column", "operator", "value")
_name = validate.Length(min=1, max=255)


def _several(description: str) -> dict[str, Any]:
    return {"description": description, "json_schema": {"maxItems": MAX_FILTERS}}


class Rows(Schema):
    """Which rows of a table. ``column``, ``operator`` and ``value`` come as often as each other."""

    page = fields.Integer(
        validate=validate.Range(1, MAX_PAGES), metadata={"description": "Which page, from 1."}
    )
    per_page = fields.Integer(
        validate=validate.Range(1, MAX_PER_PAGE),
        load_default=PER_PAGE,
        metadata={"description": "How many rows a page has."},
    )
    sort = fields.String(
        validate=validate.Length(max=255),
        metadata={"description": "By which column; by the primary key, if it is not said."},
    )
    order = fields.String(
        validate=validate.OneOf(["asc", "desc"]),
        metadata={"description": "Whether the least is first, or the greatest."},
    )
    column = fields.List(
        fields.String(validate=validate.Length(max=255)),
        metadata=_several("Which columns are compared. The other two come as often as this."),
    )
    operator = fields.List(
        fields.String(validate=validate.OneOf(OPERATORS)),
        metadata=_several("How each of them is compared."),
    )
    value = fields.List(
        fields.String(validate=validate.Length(max=1000)),
        metadata=_several("What each of them is compared with."),
    )

    @pre_load
    def _together(self, data: MultiDict[str, str], **_: Any) -> dict[str, Any]:
        given: dict[str, Any] = {name: text for name, text in data.items() if text}
        for name in _REPEATED:
            if name in data:
                given[name] = data.getlist(name)
        return given

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Wanted:
        columns, operators, values = (data.pop(name, []) for name in _REPEATED)
        if not len(columns) == len(operators) == len(values):
            raise ValidationError("Give each column an operator and a value.", "column")
        filters = [
            Filter(column, operator, "" if operator in WITHOUT_VALUE else value)
            for column, operator, value in zip(columns, operators, values, strict=True)
            if column  # a form sends an empty one where nothing was chosen
        ]
        if len(filters) > MAX_FILTERS:
            raise ValidationError(f"Give at most {MAX_FILTERS} filters.", "column")
        return Wanted(**data, filters=filters)


class Log(Page):
    """Which entries of the log, by whom, and about what."""

    actor = fields.String(
        load_default=lambda: None,
        validate=_name,
        metadata={"description": "Only what this one has done."},
    )
    action = fields.String(
        load_default=lambda: None,
        validate=validate.Length(min=1, max=64),
        metadata={"description": "Only this action, or all that begin so, such as `users.`."},
    )
    subject = fields.String(
        load_default=lambda: None,
        validate=_name,
        metadata={"description": "Only what was done to this: a key, or a name."},
    )
