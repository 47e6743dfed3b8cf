"""The bodies of the settings' routes, and what may follow the question mark."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from ..http import Whole
from . import values
from .definitions import KEY

MAX_BYTES = 1024 * 1024
"""How long the body with one setting may be: a value of any character, written in any way."""

MAX_BULK_BYTES = 4 * 1024 * 1024

MAX_BULK = 1000
MAX_TEXT = 2000
MAX_NAME = 255

_UNICODE = {"pattern": r"^[^\u0000]*$"}
_NAME = {"example": "notes.color"}
_GROUP = {"example": "global"}
_VALUE = {
    "example": "blue",
    "description": "Of the setting's type, or as text; `null` is what code declares, or nothing.",
}
_TYPE = {"example": "string"}

_KEY = validate.Regexp(
    f"{KEY.pattern}\\Z", error="It consists of 1 to 255 letters, digits, '.', '_' and '-'."
)


def _text(limit: int, example: str, least: int = 0, **options: Any) -> fields.String:
    metadata = {"json_schema": {**_UNICODE, "minLength": least}, "example": example}
    return fields.String(
        validate=[validate.Length(max=limit), _no_nul], metadata=metadata, **options
    )


class _Description(fields.String):
    """One line for people; nothing is an empty one."""

    def __init__(self) -> None:
        super().__init__(
            allow_none=True,
            validate=[validate.Length(max=MAX_TEXT), _no_nul],
            metadata={"json_schema": _UNICODE, "example": "Its port."},
        )

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the text."""
        return "" if value is None else super().deserialize(value, *args, **kwargs)


def _no_nul(text: str) -> None:
    if "\0" in text or not _is_unicode(text):
        raise ValidationError("It must be valid Unicode without NUL characters.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Flag(fields.Boolean):
    """Only what is a boolean in JSON."""

    truthy = frozenset({True})  # type: ignore[assignment]
    falsy = frozenset({False})  # type: ignore[assignment]

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class _Change(Schema):
    class Meta:
        """Something must be changed."""

        json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}


class SettingChange(_Change):
    """What is to be changed of a setting: at least one of them."""

    class Meta:
        """The example is one for the setting that examples of addresses name."""

        json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1, "examples": [{"value": 587}]}

    value = fields.Raw(allow_none=True, metadata=_VALUE)
    description = _Description()
    encrypted = _Flag()
    group_id = fields.String(validate=_KEY, allow_none=True, metadata=_GROUP)

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Send at least one of value, description, encrypted, group_id.")


class NewSetting(Schema):
    """A setting to make."""

    key = fields.String(required=True, validate=_KEY, metadata=_NAME)
    value = fields.Raw(allow_none=True, metadata=_VALUE)
    type = fields.String(validate=validate.OneOf(values.KINDS), metadata=_TYPE)
    description = _Description()
    encrypted = _Flag()
    group_id = fields.String(validate=_KEY, allow_none=True, metadata=_GROUP)


class CompleteSetting(NewSetting):
    """A setting to make, with all that it needs."""

    value = fields.Raw(required=True, allow_none=True, metadata=_VALUE)
    type = fields.String(required=True, validate=validate.OneOf(values.KINDS), metadata=_TYPE)


class Bulk(Schema):
    """Several settings to make or to change. Each is looked at by itself."""

    settings = fields.List(
        fields.Raw(allow_none=True), required=True, validate=validate.Length(min=1, max=MAX_BULK)
    )


class Entries(Schema):
    """What such a body holds, for the documentation."""

    settings = fields.List(
        fields.Nested(NewSetting), required=True, validate=validate.Length(min=1, max=MAX_BULK)
    )


class GroupChange(_Change):
    """What is to be changed of a group: at least one of them."""

    name = _text(MAX_NAME, "Notes", least=1)
    description = _Description()
    icon = _text(MAX_NAME, "note", allow_none=True)
    sort_order = Whole(validate=validate.Range(-(2**31), 2**31 - 1), metadata={"example": 10})

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Send at least one of name, description, icon, sort_order.")
        if data.get("name") == "":
            raise ValidationError({"name": ["It may not be empty."]})


class NewGroup(GroupChange):
    """A group to make."""

    id = fields.String(required=True, validate=_KEY, metadata={"example": "notes"})
    name = _text(MAX_NAME, "Notes", least=1, required=True)


class Search(Schema):
    """What to look for in keys."""

    pattern = fields.String(
        required=True, validate=validate.Length(min=1, max=MAX_NAME), metadata={"example": "smtp"}
    )


class Recipient(Schema):
    """Whom a message for a test is sent to; the sender, if nobody is named."""

    to = fields.String(metadata={"example": "alice@example.org", "format": "email"})

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if "to" in data:
            try:
                values.write("email", data["to"] or "-")
            except ValueError as error:
                raise ValidationError({"to": [str(error)]}) from None


class Page(Schema):
    """Which entries of the log, the newest first."""

    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(1, 200),
        metadata={"description": "How many entries at most."},
    )
    before = fields.Integer(
        load_default=lambda: None,
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": "Only those that are older than the one of this id."},
    )


class SettingsLog(Page):
    """Which entries of the log of settings."""

    class Meta:
        """What else is in the address is somebody else's."""

        unknown = EXCLUDE

    key = fields.String(
        load_default=lambda: None,
        validate=_KEY,
        metadata={"description": "Only those about this setting or group."},
    )


class Reveal(Schema):
    """Whether a secret is to be shown."""

    class Meta:
        """What else is in the address is somebody else's."""

        unknown = EXCLUDE

    reveal = fields.Boolean(
        load_default=False,
        metadata={"description": "Show a secret; takes the permission `settings.reveal`."},
    )
