"""What the database routes answer."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import Shown, Success

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


class DatabaseReady(Shown):
    """A database was set up."""

    message = fields.String(metadata={"example": "Database setup successful."})
    restart_required = fields.Boolean(metadata={"example": False})
