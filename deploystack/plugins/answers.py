"""What is told of plugins."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import Shown, Success, data


class Plugin(Shown):
    """A plugin, and how it is."""

    name = fields.String(metadata={"example": "notes"})
    version = fields.String(allow_none=True, metadata={"example": "0.1.0"})
    description = fields.String(metadata={"example": "Items, listed and added."})
    state = fields.String(validate=validate.OneOf(["active", "waiting", "quarantined", "disabled"]))
    code = fields.String(
        allow_none=True, metadata={"example": None, "description": "Why it is out of service."}
    )
    error = fields.String(allow_none=True, metadata={"example": None})


class Plugins(Success):
    """Plugins, in the order of their names."""

    data = data(Plugin, many=True)
