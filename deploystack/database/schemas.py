"""The bodies of the database routes."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

_DIALECT = validate.OneOf(["sqlite", "postgres"])


class SetupRequest(Schema):
    """Which database to set up."""

    class Meta:
        """A connection string belongs to PostgreSQL, and to nothing else."""

        json_schema: ClassVar[dict[str, Any]] = {
            "oneOf": [
                {
                    "title": "SqliteSetup",
                    "type": "object",
                    "properties": {"type": {"type": "string", "enum": ["sqlite"]}},
                    "required": ["type"],
                    "additionalProperties": False,
                },
                {
                    "title": "PostgresSetup",
                    "type": "object",
                    "properties": {
                        "type": {"type": "string", "enum": ["postgres"]},
                        "connectionString": {
                            "type": "string",
                            "description": "`postgresql://user:password@host:port/database`",
                        },
                    },
                    "required": ["type", "connectionString"],
                    "additionalProperties": False,
                },
            ],
            "examples": [
                {"type": "sqlite"},
                {
                    "type": "postgres",
                    "connectionString": "postgresql://deploystack:secret@127.0.0.1:5432/deploystack",
                },
            ],
        }

    type = fields.String(required=True, validate=_DIALECT)
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
