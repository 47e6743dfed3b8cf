"""What the database routes answer."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import Shown, Success, data, moment

_DIALECT = validate.OneOf(["sqlite", "postgres"])


class DatabaseStatus(Shown):
    """Whether a database is chosen, whether it is ready, and of which kind it is."""

    configured = fields.Boolean()
    initialized = fields.Boolean()
    dialect = fields.String(allow_none=True, validate=_DIALECT)
    setup_token_required = fields.Boolean(
        metadata={"optional": True, "description": "Whether this caller needs the setup token."}
    )


class DatabaseReport(Success):
    """What a database is like, and what setup would do."""

    type = fields.String(validate=_DIALECT)
    server_version = fields.String(metadata={"example": "16.4"})
    database = fields.String(validate=validate.OneOf(["empty", "ours"]))
    action = fields.String(validate=validate.OneOf(["create", "upgrade", "adopt"]))


class SetupStep(Shown):
    """A step of a setup."""

    step = fields.String(
        validate=validate.OneOf(["connection", "revision", "settings", "plugin", "ready"])
    )
    name = fields.String(
        allow_none=True,
        metadata={"example": None, "description": "Of the revision, or of the plugin."},
    )
    label = fields.String(
        allow_none=True, metadata={"example": None, "description": "What the revision does."}
    )
    state = fields.String(validate=validate.OneOf(["done", "running", "waiting"]))


class SetupProgress(Success):
    """How far a setup is; `idle` if there is none, `interrupted` if its process has died."""

    state = fields.String(
        validate=validate.OneOf(["idle", "running", "interrupted"]), metadata={"example": "running"}
    )
    dialect = fields.String(allow_none=True, validate=_DIALECT)
    started_at = moment(allow_none=True)
    steps = data(SetupStep, many=True)


class DatabaseReady(Shown):
    """A database was set up."""

    message = fields.String(metadata={"example": "Database setup successful."})
    restart_required = fields.Boolean(metadata={"example": False})
