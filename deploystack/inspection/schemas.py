"""What the routes of this domain take in their addresses."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate
from werkzeug.datastructures import MultiDict

from .filters import OPERATORS, WITHOUT_VALUE, Filter
from .rows import MAX_PAGES, MAX_PER_PAGE, PER_PAGE, Wanted

MAX_FILTERS = 5
_REPEATED = ("column", "operator", "value")
_name = validate.Length(min=1, max=255)


class Rows(Schema):
    """Which rows of a table. ``column``, ``operator`` and ``value`` come as often as each other."""

    page = fields.Integer(validate=validate.Range(1, MAX_PAGES))
    per_page = fields.Integer(validate=validate.Range(1, MAX_PER_PAGE), load_default=PER_PAGE)
    sort = fields.String(validate=_name)
    order = fields.String(validate=validate.OneOf(["asc", "desc"]))
    column = fields.List(fields.String(validate=validate.Length(max=255)))
    operator = fields.List(fields.String(validate=validate.OneOf(OPERATORS)))
    value = fields.List(fields.String(validate=validate.Length(max=1000)))

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


class Log(Schema):
    """Which entries of the log."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.Integer(load_default=None, validate=validate.Range(1, 2**31 - 1))
    actor = fields.String(load_default=None, validate=_name)
    action = fields.String(load_default=None, validate=validate.Length(min=1, max=64))
    subject = fields.String(load_default=None, validate=_name)
