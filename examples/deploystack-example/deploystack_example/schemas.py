"""The bodies of the routes."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class ItemsSchema(Schema):
    """All items."""

    items = fields.List(fields.Nested(lambda: ItemSchema), required=True)


class ItemSchema(Schema):
    """An item."""

    id = fields.Integer(dump_only=True)
    name = fields.String(
        required=True,
        validate=[
            validate.Length(min=1, max=100),
            # PostgreSQL cannot hold NUL.
            validate.Regexp(r"[^\x00-\x1f]+\Z", error="It may not hold control characters."),
        ],
        metadata={"example": "a name"},
    )
    created_at = fields.AwareDateTime(dump_only=True)
