"""What the accounts' routes answer."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import Done, Shown, Success, data, moment

_ID = "3f0c1d52-8d6f-4f5e-9a43-0f4d7f6f1c2b"


class LoginStatus(Shown):
    """Whether people may log in or register, and how the first account is made."""

    first_account = fields.Boolean(metadata={"example": False})
    setup_token_required = fields.Boolean(metadata={"example": False})
    login_enabled = fields.Boolean()
    registration_enabled = fields.Boolean(metadata={"example": False})


class User(Shown):
    """An account."""

    id = fields.String(metadata={"example": _ID})
    username = fields.String(metadata={"example": "alice"})
    email = fields.String(metadata={"example": "alice@example.org"})
    first_name = fields.String(allow_none=True, metadata={"example": "Alice"})
    last_name = fields.String(allow_none=True, metadata={"example": None})
    role_id = fields.String(metadata={"example": "global_user"})


class UserDone(Done):
    """What became of an account."""

    user = data(User)


class RoleGiven(UserDone):
    """An account with another role; twice, as the original has it."""

    data = data(User)


class Users(Success):
    """Accounts, by name."""

    data = data(User, many=True)


class Token(Shown):
    """What is told of a token: nothing that could be used as one."""

    id = fields.String(metadata={"example": _ID})
    name = fields.String(metadata={"example": "backup script"})
    scopes = fields.List(fields.String(metadata={"example": "settings.view"}))
    created_at = moment()
    used_at = moment(allow_none=True)
    expires_at = moment(allow_none=True)


class Tokens(Success):
    """Tokens, oldest first."""

    data = data(Token, many=True)


class NewlyMadeToken(Done):
    """A token, told this one time."""

    token = fields.String(
        validate=validate.Regexp("dst_"),
        metadata={"example": "dst_2pQvR1mJxv3n0aY8sYcGzTq7bJw5hKfLd9eXuViOoMk"},
    )
    data = data(Token)
