"""What the settings' routes answer."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import Done, PageOfLog, Shown, Success, data, moment
from . import values


class Setting(Shown):
    """A setting; of a secret only whether it is set, unless it is revealed."""

    key = fields.String(metadata={"example": "smtp.port"})
    value = fields.String(
        metadata={"example": "587", "description": "As text; `********` for a secret."}
    )
    typed_value = fields.Raw(
        allow_none=True, metadata={"example": 587, "description": "In its own type."}
    )
    type = fields.String(validate=validate.OneOf(values.KINDS), metadata={"example": "integer"})
    description = fields.String(metadata={"example": "Its port."})
    is_encrypted = fields.Boolean(metadata={"example": False})
    is_set = fields.Boolean()
    is_declared = fields.Boolean(metadata={"description": "Whether code declares it."})
    group_id = fields.String(allow_none=True, metadata={"example": "smtp"})
    created_at = moment()
    updated_at = moment()


class SettingFound(Success):
    """A setting."""

    data = data(Setting)


class SettingDone(SettingFound, Done):
    """What became of a setting."""


class SettingsFound(Success):
    """Settings, by their keys."""

    data = data(Setting, many=True)


class SettingsDone(SettingsFound, Done):
    """What became of settings, in the order in which they were sent."""


class Group(Shown):
    """A group, with the settings in it."""

    id = fields.String(metadata={"example": "smtp"})
    name = fields.String(metadata={"example": "E-mail"})
    description = fields.String(metadata={"example": "The server that sends e-mail."})
    icon = fields.String(allow_none=True, metadata={"example": "mail"})
    sort_order = fields.Integer()
    is_declared = fields.Boolean(metadata={"description": "Whether code declares it."})
    created_at = moment()
    updated_at = moment()
    settings = data(Setting, many=True)


class GroupFound(Success):
    """A group."""

    data = data(Group)


class GroupDone(GroupFound, Done):
    """What became of a group."""


class GroupsFound(Success):
    """Groups, in their order."""

    data = data(Group, many=True)


class GroupIds(Success):
    """The ids of all groups, in their order."""

    data = fields.List(fields.String(metadata={"example": "smtp"}))


class AuditEntry(Shown):
    """Who has changed what, when and from where."""

    id = fields.Integer()
    at = moment()
    actor = fields.String(metadata={"example": "alice"})
    actor_id = fields.String(allow_none=True, metadata={"example": None})
    address = fields.String(allow_none=True, metadata={"example": "127.0.0.1"})
    action = fields.String(metadata={"example": "settings.update"})
    key = fields.String(metadata={"example": "smtp.port"})
    details = fields.Dict(
        metadata={"example": {"changed": ["value"], "before": "587", "after": "25"}}
    )


class AuditLog(PageOfLog):
    """Entries, the newest first."""

    data = data(AuditEntry, many=True)


class Encryption(Shown):
    """Whether secrets can be sealed and opened, which was tried."""

    working = fields.Boolean()
    key = fields.String(
        metadata={"example": "1f0c5b7a3d9e4c8b", "description": "A fingerprint of the key."}
    )
    sealed_with = fields.String(allow_none=True, metadata={"example": "1f0c5b7a3d9e4c8b"})
    problem = fields.String(allow_none=True, metadata={"example": None})
    unreadable = fields.List(fields.String(metadata={"example": "smtp.password"}))


class Counts(Shown):
    """How many there are."""

    settings = fields.Integer()
    groups = fields.Integer()
    secrets = fields.Integer()
    declared = fields.Integer()
    undeclared = fields.Integer()


class Initialised(Shown):
    """The last time that somebody's settings were made."""

    owner = fields.String(metadata={"example": "core"})
    at = moment()
    created = fields.Integer()
    skipped = fields.Integer()
    missing = fields.List(fields.String(metadata={"example": "smtp.host"}))


class Clash(Shown):
    """A key that two have declared."""

    key = fields.String(metadata={"example": "notes.color"})
    owner = fields.String(metadata={"example": "notes"})
    refused = fields.String(metadata={"example": "other"})


class Condition(Shown):
    """How the settings in the database are."""

    encryption_working = fields.Boolean()
    encryption = data(Encryption)
    missing_required = fields.List(fields.String(metadata={"example": "smtp.host"}))
    counts = data(Counts)
    created = fields.Integer()
    skipped = fields.Integer()
    initialisation = data(Initialised, many=True)
    clashes = data(Clash, many=True)
    not_of_their_type = fields.List(fields.String(metadata={"example": "smtp.port"}))
    secrets_in_clear = fields.List(fields.String(metadata={"example": "smtp.password"}))
    timestamp = moment()


class ConditionFound(Done):
    """How the settings are, and a sentence about it."""

    data = data(Condition)


class SentTo(Shown):
    """Whom a message was sent to."""

    to = fields.String(metadata={"example": "alice@example.org"})


class MessageSent(Done):
    """A message was sent."""

    data = data(SentTo)
