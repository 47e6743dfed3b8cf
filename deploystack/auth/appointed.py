"""The administrator that the environment names: for an installation that nobody has to watch.

Whenever a database comes into use that nobody administers, that account is made, by the first
process that gets to it on whichever host. Where there is an administrator, nothing is done.
"""

from __future__ import annotations

import logging
import threading

import sqlalchemy as sa
from flask import Flask
from marshmallow import ValidationError

from ..config import Config, ConfigError
from ..database import db, driver_errors, get_database
from ..database.binding import Binding, pinned
from ..database.problems import DatabaseProblem
from ..database.setup_token import remove_token
from ..errors import ApiError, invalid_fields
from ..logs import describe
from ..models import record
from . import accounts, passwords
from .schemas import Registration

log = logging.getLogger(__name__)

EXTENSION = "deploystack_appointed"

RETRY_SECONDS = 5.0
"""How long after a failed attempt the next one follows."""

ACTOR = (None, "environment")
"""Who made the account, as the audit log has it."""


def get_appointed(app: Flask) -> Appointed:
    """Return what makes the administrator of ``app`` that the environment names."""
    appointed: Appointed = app.extensions[EXTENSION]
    return appointed


class Appointed:
    """Makes the administrator that the environment names: a listener of the database.

    Args:
        app: the application.
        config: its configuration.

    Raises:
        ConfigError: the account could never be made; the sentence names the variable.
    """

    def __init__(self, app: Flask, config: Config) -> None:
        self._app = app
        self._config = config
        self._new = _account(config)
        self._tried: Binding | None = None
        app.extensions[EXTENSION] = self
        self._retry: threading.Timer | None = None

    def is_due(self, binding: Binding) -> bool:
        """Return whether it was not tried yet to make the account in this database.

        Whoever is told that the application is ready may log in with it at once.
        """
        return self._new is not None and self._tried is not binding

    def begin(self, binding: Binding) -> None:
        """Make the account if the database has no administrator. What fails is tried again."""
        if self._new is None or not binding.lease():
            return
        try:
            with pinned(self._app, binding):
                self._appoint(self._new)
        except ApiError as error:  # no attempt will end otherwise
            log.error("The administrator of the environment is refused: %s", error.sentence)
        except (DatabaseProblem, sa.exc.SQLAlchemyError) as error:
            log.warning("The administrator of the environment has to wait: %s", describe(error))
            self._retry = threading.Timer(RETRY_SECONDS, self.begin, [binding])
            self._retry.daemon = True
            self._retry.start()
            if isinstance(error, sa.exc.DBAPIError) and driver_errors.is_about_the_database(error):
                get_database(self._app).lost(binding, driver_errors.problem_of(error))
        finally:
            self._tried = binding
            binding.release()

    def settled(self) -> bool:
        """Return that everything works: without this account the application serves as well.

        There is nothing to wait for: plugins begin after it, and they are waited for.
        """
        return True

    def end(self) -> None:
        """Try no more."""
        if self._retry:
            self._retry.cancel()

    def _appoint(self, new: accounts.New) -> None:
        if accounts.is_owned():
            # Made by another host, or by a process that ended right after: setup is over here, too.
            remove_token(self._config)
            return
        try:
            user = accounts.create(new, may_be_next=False)
        except ApiError as error:
            if error.code == "registration_disabled":
                return  # somebody else has become it meanwhile
            raise
        details = {"user": user.id, "role_id": user.role_id}
        record(db.session(), "users.create", user.username, details, ACTOR)
        told = accounts.saved(user)
        log.info("Made the administrator %s, whom the environment names.", told["username"])


def _account(config: Config) -> accounts.New | None:
    """Return the account that the environment names, if it names one, checked like any other."""
    given = {
        "username": config.admin_username,
        "email": config.admin_email,
        "password": config.admin_password,
    }
    missing = [_variable(name) for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        *others, last = map(_variable, given)
        raise ConfigError(
            f"{' and '.join(missing)} must be set, too: {', '.join(others)} and {last} go together."
        )
    try:
        new = accounts.New(**Registration().load(given))
        passwords.check(new.password, new.username, new.email)
    except ValidationError as error:
        [(name, [sentence, *_]), *_] = invalid_fields(error).details.items()
        raise ConfigError(f"{_variable(name)} cannot be used: {sentence}") from None
    except ApiError as error:
        raise ConfigError(f"{_variable('password')} cannot be used: {error.sentence}") from None
    return new


def _variable(field: str) -> str:
    return f"DEPLOYSTACK_ADMIN_{field.upper()}"
