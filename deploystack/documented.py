"""What a route takes and answers, said beside it; ``deploystack.openapi`` makes a document of it.

    @blueprint.post("")
    @require_permission("notes.write")
    @Documented({201: WrittenNote}, body=NewNote, errors={409: ["note_exists"]})
    def write() -> Response:
        "Write a note."

The sentence is the view's own. What follows from the rest is not repeated: what a caller without
the permission is told, a body that is not JSON, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from marshmallow import Schema, fields, validate

F = TypeVar("F", bound=Callable[..., Any])
SomeSchema = Schema | type[Schema]
_SAID = "_deploystack_documented"  # on a view, where a plugin keeps what it likes

Who = Literal["anybody", "login", "session", "setup"]
"""Anybody; who has logged in or sends a token; only who has logged in; who may set up."""


@dataclass(frozen=True)
class File:
    """An answer that is no JSON object of ours.

    Attributes:
        media_type: what it is.
        description: the same for a person.
    """

    media_type: str
    description: str


@dataclass(frozen=True)
class Documented:
    """What a view takes and answers; a decorator for it. Plugins use it for their own.

    Attributes:
        answers: what it answers when all is well, by the status; ``None`` is no body.
        body: what the JSON object must be like that it takes.
        needs_body: whether it must be sent.
        query: what may follow the question mark.
        errors: the codes of its own errors, by the status.
        who: who may ask, where that is not said by ``require_permission``.
        needs_database: whether it answers 503 without one.
        sends_etag: whether its answer has an ``ETag``.
        takes_if_match: whether it heeds ``If-Match``.
        sets_cookie: whether its answer begins or ends a session.
    """

    answers: Mapping[int, SomeSchema | File | None]
    body: SomeSchema | None = None
    needs_body: bool = True
    query: SomeSchema | None = None
    errors: Mapping[int, Sequence[str]] = field(default_factory=dict)
    who: Who = "anybody"
    needs_database: bool = True
    sends_etag: bool = False
    takes_if_match: bool = False
    sets_cookie: bool = False

    def __call__(self, view: F) -> F:
        """Say so of ``view``."""
        setattr(view, _SAID, self)
        return view


NOTHING = Documented({})
"""What a view says that says nothing."""


def said_of(view: Callable[..., Any]) -> Documented:
    """Return what ``view`` says of itself."""
    said: Documented = getattr(view, _SAID, NOTHING)
    return said


class Shown(Schema):
    """What is answered: all of its fields, but for those whose metadata has ``optional``."""


class Success(Shown):
    """An answer when all is well, as most routes have it."""

    success = fields.Boolean(validate=validate.OneOf([True]))


class PageOfLog(Success):
    """One page of a log, which goes back a page at a time."""

    next = fields.Integer(
        allow_none=True,
        metadata={"example": None, "description": "What to send as `before` for the next page."},
    )


class Done(Success):
    """A sentence for a person, and nothing else."""

    message = fields.String(metadata={"example": "Done."})


def data(schema: SomeSchema, *, many: bool = False, optional: bool = False) -> fields.Nested:
    """Return the field of an answer that holds what was asked for."""
    return fields.Nested(schema, many=many, metadata={"optional": optional})


def moment(*, allow_none: bool = False) -> fields.String:
    """Return the field of an answer that tells when something was."""
    metadata = {"format": "date-time", "example": "2026-11-25T20:59:00.000Z"}
    return fields.String(allow_none=allow_none, metadata=metadata)
