"""The bodies of the database routes."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema


class SetupRequest(Schema):
    """Which database to set up."""

    type = fields.String(required=True, validate=validate.OneOf(["sqlite", "postgres"]))
    connectionString = fields.String()  # the name on the wire  # noqa: N815

    @validates_schema(skip_on_field_errors=True)
    def _match_type(self, data: dict[str, Any], **_: Any) -> None:
        given = "connectionString" in data
        if data["type"] == "postgres" and not given:
            raise ValidationError(
                "Missing: give postgresql://user:password@host:port/database.", "connectionString"
            )
        if data["type"] == "sqlite" and given:
            raise ValidationError(
                "Superfluous: SQLite has no connection string.", "connectionString"
            )
