"""The bodies of the accounts' routes, and how an account is shown.

Names are compared without regard to case, and as Unicode's NFKC has them: full-width letters
are plain ones. What two accounts are told apart by consists of ASCII alone, so that none looks like
another.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    pre_load,
    validate,
    validates_schema,
)

from ..http import Whole
from ..models import User

MAX_SCOPES = 100
MAX_DAYS = 3650

_USERNAME = [
    validate.Length(min=3, max=50),
    validate.Regexp(r"[A-Za-z0-9._-]+\Z", error="Use letters, digits, '.', '_' and '-' only."),
]
_EMAIL = [
    validate.Length(max=254),
    validate.Email(),
    validate.Regexp(
        r"[!#-~]+\Z",  # what ASCII can show, but for quotation marks
        error="Use ASCII letters and signs only. A domain of other letters begins with 'xn--'.",
    ),
]
_ROLE = validate.Regexp(r"[A-Za-z0-9._-]{1,64}\Z", error="There is no such role.")

# For the documentation.
_ALICE = {"example": "alice"}
_ADDRESS = {"example": "alice@example.org", "format": "email"}
_PASSWORD = {"example": "correct horse battery", "format": "password"}
_NEW_PASSWORD = {
    **_PASSWORD,
    "description": "8 to 256 characters, none of those that are tried first.",
    "json_schema": {"minLength": 8, "maxLength": 256},
}
_A_ROLE = {"example": "global_user"}


def shown(user: User) -> dict[str, Any]:
    """Return what is told of an account: nothing of its password."""
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role_id": user.role_id,
    }


def normalised(text: str) -> str:
    """Return ``text`` as it is compared with others."""
    return unicodedata.normalize("NFKC", text).strip().lower()


class _Text(fields.String):
    """A text in one of its Unicode forms, without space around it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        return unicodedata.normalize("NFKC", text).strip()


class _Email(_Text):
    """An e-mail address, in lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs).lower()


class _Name(_Text):
    """A person's name; nothing for an empty one."""

    def __init__(self) -> None:
        super().__init__(
            allow_none=True,
            validate=self._check,
            metadata={
                "example": "Alice",
                "description": "In characters that can be shown.",
                "json_schema": {"maxLength": 100},
            },
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs) or None

    @staticmethod
    def _check(text: str | None) -> None:
        if text is None:
            return
        if len(text) > 100:
            raise ValidationError("Longer than maximum length 100.")
        if not text.isprintable():
            raise ValidationError("There are characters in it that cannot be shown.")


class Profile(Schema):
    """What people may change about their own account."""

    class Meta:
        """Something must be changed."""

        json_schema: ClassVar[dict[str, Any]] = {"minProperties": 1}

    username = _Text(validate=_USERNAME, metadata=_ALICE)
    first_name = _Name()
    last_name = _Name()

    @pre_load
    def _needs_something(self, data: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        if not data:
            raise ValidationError(
                "At least one field (username, first_name, or last_name) must be provided."
            )
        return data


class Account(Profile):
    """What an administrator may change about an account."""

    email = _Email(validate=_EMAIL, metadata=_ADDRESS)
    role_id = fields.String(validate=_ROLE, metadata=_A_ROLE)


class Registration(Schema):
    """An account of one's own to make."""

    username = _Text(required=True, validate=_USERNAME, metadata=_ALICE)
    email = _Email(required=True, validate=_EMAIL, metadata=_ADDRESS)
    password = fields.String(required=True, metadata=_NEW_PASSWORD)
    first_name = _Name()
    last_name = _Name()


class NewAccount(Registration):
    """An account for somebody else."""

    role_id = fields.String(validate=_ROLE, metadata=_A_ROLE)


class Nothing(Schema):
    """A body that says nothing of interest."""

    class Meta:
        """What it says is left out."""

        unknown = EXCLUDE


class Login(Schema):
    """Who wants to come in."""

    login = fields.String(
        required=True,
        validate=validate.Length(min=1),
        metadata={**_ALICE, "description": "A username, or an e-mail address."},
    )
    password = fields.String(required=True, validate=validate.Length(min=1), metadata=_PASSWORD)


class PasswordChange(Schema):
    """Another password."""

    current_password = fields.String(
        required=True, validate=validate.Length(min=1), metadata=_PASSWORD
    )
    new_password = fields.String(
        required=True, metadata={**_NEW_PASSWORD, "example": "staple battery horse"}
    )


class RoleChange(Schema):
    """Another role."""

    role_id = fields.String(required=True, validate=_ROLE, metadata=_A_ROLE)


class NewToken(Schema):
    """A token to make."""

    name = _Text(
        required=True,
        validate=validate.Length(min=1, max=100),
        metadata={
            "example": "backup script",
            "description": "What it is for, in characters that can be shown.",
            # Python strips these too.
            "json_schema": {"pattern": r"[^\s\u001c-\u001f\u0085]"},
        },
    )
    scopes = fields.List(
        fields.String(metadata={"example": "settings.view"}),
        required=True,
        validate=validate.Length(min=1, max=MAX_SCOPES),
        metadata={"description": "Permissions, all of which its owner has."},
    )
    expires_in_days = Whole(load_default=90, validate=validate.Range(min=1, max=MAX_DAYS))

    @validates_schema(skip_on_field_errors=True)
    def _check_name(self, data: dict[str, Any], **_: Any) -> None:
        if not data["name"].isprintable():
            raise ValidationError("There are characters in it that cannot be shown.", "name")
