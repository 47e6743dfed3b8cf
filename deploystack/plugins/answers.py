"""What is told of plugins."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import Done, Shown, Success, data


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


class PluginInFull(Plugin):
    """All about a plugin that an administrator may know."""

    tables = fields.List(fields.String(metadata={"example": "notes_note"}))
    revision = fields.String(
        allow_none=True,
        metadata={"example": "0001", "description": "Where the database is."},
    )
    head = fields.String(
        allow_none=True,
        metadata={"example": "0001", "description": "The newest revision of the code."},
    )
    pending = fields.List(
        fields.String(),
        metadata={"example": [], "description": "The revisions that the database lacks."},
    )
    settings = fields.List(fields.String(metadata={"example": "notes.color"}))
    routes = fields.List(fields.String(metadata={"example": "GET /api/plugin/notes/items"}))
    can_retry = fields.Boolean(
        metadata={"description": "Whether it can be tried again without a restart."}
    )


class PluginFound(Success):
    """A plugin."""

    data = data(PluginInFull)


class PluginDone(PluginFound, Done):
    """What became of a plugin."""
