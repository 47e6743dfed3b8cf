"""Reading settings in code, and changing them: one object for each application and process.

What is read comes from a copy in memory. Whether it still holds, the copy asks the database at most
every ``POLL_SECONDS``, by one number; so a change that any worker on any host has made is seen
within that time, and one of our own at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.orm import Session
from werkzeug.local import LocalProxy

from ..database import Database, db, engines, get_database
from ..database.binding import Binding, pinned_binding
from ..database.problems import DatabaseProblem
from ..logs import describe
from . import audit, initialise, snapshot, state, texts, values
from .audit import Actor
from .definitions import CORE, Definitions
from .keys import Keyring
from .problems import (
    KEY_WRONG,
    UnknownSetting,
    conflict,
    key_wrong,
    secret_unreadable,
    setting_missing,
)
from .snapshot import SEALED, Snapshot
from .store import Store

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""For how long settings are read without asking whether they were changed."""

GRACE_SECONDS = 0.3
"""For how much longer they are read by some while another one is asking."""

ASK_SECONDS = 2.0
"""How long the database may take to tell that."""

EXTENSION = "deploystack_settings"


def get_settings(app: Flask) -> Settings:
    """Return the settings of ``app``."""
    found: Settings = app.extensions[EXTENSION]
    return found


class Settings:
    """The settings of one application, in one process.

    Args:
        app: the application.
        keyring: the keys that seal secrets.
        definitions: what is declared.
    """

    def __init__(self, app: Flask, keyring: Keyring, definitions: Definitions) -> None:
        self.keyring = keyring
        self.definitions = definitions
        self._app = app
        self._snapshot = Snapshot()
        self._asking = threading.Lock()
        self._was_wrong = False
        self._database: Database
        app.extensions[EXTENSION] = self

    def get(self, key: str) -> Any:
        """Return the value of a setting, of the type it is declared as.

        Raises:
            UnknownSetting: there is no such setting; tells the nearest.
            ApiError: 503, there is no usable database, or the secret cannot be read.
        """
        return _value(self.current(), key)

    def get_group(self, group_id: str) -> dict[str, Any]:
        """Return the values of all settings in a group, by their keys.

        Raises:
            UnknownSetting: there is no such group.
            ApiError: as for :meth:`get`.
        """
        copy = self.current()
        if group_id not in copy.groups:
            raise UnknownSetting(group_id, copy.groups, "group of settings")
        return {key: _value(copy, key) for key in copy.groups[group_id]}

    def is_set(self, key: str) -> bool:
        """Return whether a setting has a value that is not empty.

        Raises:
            UnknownSetting: there is no such setting.
            ApiError: 503, there is no usable database.
        """
        copy = self.current()
        if key not in copy.values:
            raise UnknownSetting(key, copy.values)
        return not values.is_empty(copy.values[key])

    def require(self, key: str) -> Any:
        """Return the value of a setting that is needed now.

        Raises:
            SettingMissing: it is empty; says which it is, and how to set it.
            UnknownSetting: there is no such setting.
            ApiError: as for :meth:`get`.
        """
        value = self.get(key)
        if values.is_empty(value):
            raise setting_missing(key)
        return value

    def set(self, key: str, value: Any) -> None:
        """Change a setting, in a transaction of its own. ``None`` resets it to its default.

        Raises:
            ValidationError: the value is not of the setting's type, or refused.
            ApiError: 404, there is no such setting; 409, it is a secret and the key is wrong.
        """
        texts.check_no_placeholder(value)
        with self.changing(audit.code()) as changes:
            changes.update(key, {"value": value}, convert=values.write)

    def seed(self, session: Session) -> None:
        """Give a database the core's groups and settings. One of the seeds of the core."""
        self.initialise(session, CORE).tell(CORE)

    def initialise(self, session: Session, owner: str) -> initialise.Tally:
        """Give a database the groups and settings that ``owner`` declares. Does not commit."""
        return initialise.initialise(session, self.definitions, self.keyring, owner)

    def lacking(self, connection: sa.Connection) -> frozenset[str]:
        """Return who declares a group or a setting that a database lacks."""
        return initialise.lacking(connection, self.definitions)

    def is_seeded(self, connection: sa.Connection) -> bool:
        """Return whether a database has all groups and settings of the core."""
        return CORE not in self.lacking(connection)

    def problem(self) -> str | None:
        """Return a sentence for a person if secrets cannot be read or written; else ``None``."""
        return KEY_WRONG if self.current().cipher is None else None

    @contextmanager
    def changing(self, actor: Actor) -> Iterator[Store]:
        """Change settings in one transaction, which commits at the end or leaves nothing.

        It is the transaction of ``db.session``: what was pending there is committed before.

        Args:
            actor: who makes the change.

        Raises:
            ApiError: 409, something else has changed the same at this moment.
        """
        session = db.session()
        if session.in_transaction():
            session.commit()
        try:
            opened = Store(session, self.definitions, self.keyring, actor)
            yield opened
            opened.finish()
            session.commit()
        except sa.exc.IntegrityError as error:
            session.rollback()
            log.warning("Settings could not be changed: %s", describe(error))
            raise conflict() from error
        except BaseException:
            session.rollback()
            raise
        finally:
            self.forget()

    def forget(self) -> None:
        """Ask the database again before the next read: something was changed here."""
        with self._asking:
            self._snapshot.until = 0.0

    def begin(self, binding: Binding) -> None:
        """Read the settings of a database that has just come into use, and log what is wrong."""
        if not binding.lease():
            return
        self._database = get_database(self._app)
        try:
            with self._asking:
                self._ask(binding)
        except (DatabaseProblem, sa.exc.TimeoutError) as error:  # the first read tries again
            log.warning("Settings could not be read: %s", describe(error))
        finally:
            binding.release()

    def settled(self) -> bool:
        """Return that everything works: a wrong key ends nothing."""
        return True

    def end(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def current(self) -> Snapshot:
        """Return all settings, which nobody may change. Nearly always at the cost of a look."""
        copy = self._snapshot
        if monotonic() < copy.until:
            binding = pinned_binding() if self._is_in_context() else self._database.binding
            if copy.binding is binding:
                return copy
        return self._followed()

    def _followed(self) -> Snapshot:
        """Return a copy that may be read, having looked which database is in use."""
        self._database = get_database(self._app)
        with self._binding() as binding:
            copy = self._snapshot
            is_its = copy.binding is binding
            if is_its and monotonic() < copy.until:
                return copy
            # While one asks, the others read on, unless what they have may be outdated by now.
            is_fresh = is_its and monotonic() < copy.until + GRACE_SECONDS
            if not self._asking.acquire(blocking=not is_fresh):
                return copy
            try:
                return self._ask(binding)
            except DatabaseProblem as problem:
                self._database.lost(binding, problem)
                raise problem.as_api_error(503) from problem
            finally:
                self._asking.release()

    @contextmanager
    def _binding(self) -> Iterator[Binding]:
        """Hold the database that is in use: in an application context, the context's own."""
        if self._is_in_context():
            _ = db.engine  # from now on it is the context's, if none was before
            yield pinned_binding()
            return
        binding = self._database.lease()
        try:
            yield binding
        finally:
            binding.release()

    def _is_in_context(self) -> bool:
        return bool(current_app) and current_app == self._app

    def _ask(self, binding: Binding) -> Snapshot:
        """Return a copy that holds now. Called by one thread at a time."""
        present = self._snapshot
        started = monotonic()
        is_its = present.binding is binding
        if is_its and started < present.until:
            return present  # somebody else has asked meanwhile
        try:
            with (
                engines.connected(binding.engine, read_only=True) as connection,
                engines.bounded(connection, ASK_SECONDS),
            ):
                if is_its and present.cipher and present.version == state.version(connection):
                    present.until = started + POLL_SECONDS
                    return present
                loaded = snapshot.load(connection, binding, self.definitions, self.keyring)
        except (DatabaseProblem, sa.exc.TimeoutError) as error:
            if not is_its or present.until == 0:  # what was changed here must be seen here
                raise
            log.debug("Settings are not asked for: %s", describe(error))
            present.until = monotonic() + POLL_SECONDS
            return present
        loaded.until = started + POLL_SECONDS
        self._tell(loaded)
        self._snapshot = loaded
        return loaded

    def _tell(self, loaded: Snapshot) -> None:
        is_wrong = loaded.cipher is None
        if is_wrong and not self._was_wrong:
            log.error("encryption_key_wrong: %s", KEY_WRONG)
        elif self._was_wrong and not is_wrong:
            log.info("The secrets can be read again.")
        self._was_wrong = is_wrong


def _value(copy: Snapshot, key: str) -> Any:
    try:
        value = copy.values[key]
    except KeyError:
        raise UnknownSetting(key, copy.values) from None
    kind = type(value)
    if kind is list or kind is dict:
        return _copied(value)
    if value is SEALED:
        raise key_wrong(503) if copy.cipher is None else secret_unreadable(key, 503)
    return value


def _copied(value: Any) -> Any:
    """Return a copy of lists and objects, so that nobody changes what others read."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return value


settings = cast(Settings, LocalProxy(lambda: get_settings(current_app)))
"""The settings of the current application: ``settings.get("smtp.port")``."""
