"""Adding commands to a ``flask`` group, all of which tell a person what failed in one way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import with_appcontext
from marshmallow import ValidationError

from ..errors import ApiError
from . import db, driver_errors
from .handle import get_database
from .problems import DatabaseProblem
from .selection import NoSelection

CONNECT_SECONDS = 15.0
"""How long a command waits for its database to be connected and brought up to date."""

P = ParamSpec("P")

Decorator = Callable[[Callable[P, None]], click.Command]


def adding_to(group: click.Group, *, connected: bool = False) -> Callable[..., Decorator[Any]]:
    """Return the decorator ``@command(name, **options)`` that adds a command to ``group``.

    What it raises for a person becomes a message and exit code 1.

    Args:
        group: the group.
        connected: whether a command needs a database that is connected and up to date.
    """

    def command(name: str, **options: Any) -> Decorator[Any]:
        def decorate(function: Callable[P, None]) -> click.Command:
            @functools.wraps(function)
            def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
                with _told():
                    if connected:
                        get_database(current_app).current(CONNECT_SECONDS)
                        _ = db.engine  # without a database nothing is asked of anybody
                    function(*args, **kwargs)

            added: click.Command = group.command(name, **options)(with_appcontext(wrapped))
            return added

        return decorate

    return command


@contextmanager
def _told() -> Iterator[None]:
    """Tell whoever runs a command what has failed, with its code."""
    try:
        yield
    except (ApiError, DatabaseProblem) as error:
        remedy = error.details.get("grant") or error.details.get("sql")
        raise click.ClickException(
            f"{error.sentence} [{error.code}]" + (f"\n\n    {remedy}" if remedy else "")
        ) from None
    except ValidationError as error:
        raise click.ClickException(f"{_flat(error.messages)} [validation_error]") from None
    except sa.exc.DBAPIError as error:
        if not driver_errors.is_about_the_database(error):
            raise
        raise click.ClickException(driver_errors.problem_of(error).for_operator()) from None
    except OSError as error:
        if error.filename is None:  # such as a pipe that nobody reads any more
            raise
        raise click.ClickException(
            f"{error.filename}: {error.strerror} [data_folder_not_writable]"
        ) from None
    except NoSelection:
        raise click.ClickException(
            "No database has been chosen yet. Run `flask db setup` first. [not_configured]"
        ) from None


def _flat(messages: Any) -> str:
    """Return what is wrong in one line, each field by its name."""
    if isinstance(messages, dict):
        return " ".join(
            _flat(each) if name == "_schema" else f"{name}: {_flat(each)}"
            for name, each in messages.items()
        )
    if isinstance(messages, list):
        return " ".join(map(_flat, messages))
    return str(messages)
