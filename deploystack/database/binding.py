"""The rebindable handle: Flask-SQLAlchemy, but over an engine that may change while it runs.

Each application context that touches the database is pinned to one binding until its end, so
no unit of work ever sees two databases. The last context that uses a retired binding closes it.
Swapping the engine in place, or routing each session, was measured to write rows into the wrong
database (``docs/decisions/0001-rebind.md``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from . import postgres
from .target import PostgresTarget, Target

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for every constraint: a migration can only change what it can name."""

_EXTENSION = "deploystack_acquire"


class Binding:
    """An engine and the number of units of work that use it.

    Args:
        target: the database.
        engine: the pool of connections to it.
        file: device and inode of a SQLite file, to notice that it was replaced.
    """

    def __init__(
        self, target: Target, engine: sa.Engine, file: tuple[int, int] | None = None
    ) -> None:
        self.target = target
        self.engine = engine
        self.file = file
        self._connections: WeakSet[Any] = WeakSet()
        if isinstance(target, PostgresTarget):
            sa.event.listen(engine, "connect", lambda raw, _record: self._connections.add(raw))
        self._lock = threading.Lock()
        self._leases = 0
        self._retired = False

    def lease(self) -> bool:
        """Count one more unit of work; ``False`` when this binding was retired meanwhile."""
        with self._lock:
            if self._retired:
                return False
            self._leases += 1
            return True

    def release(self) -> None:
        """Count one unit of work less; the last one out closes a retired binding."""
        with self._lock:
            self._leases -= 1
            last = self._retired and self._leases == 0
        if last:
            self.engine.dispose()

    def abandon(self) -> None:
        """Retire, and cut off what a server that fell silent keeps waiting."""
        self.retire()
        for connection in list(self._connections):
            postgres.cut_off(connection)

    def retire(self) -> None:
        """Take no new unit of work, and close once the running ones have ended."""
        with self._lock:
            self._retired = True
            idle = self._leases == 0
        if idle:
            self.engine.dispose()


class Model(DeclarativeBase):
    """The base of every table of the core. A plugin's are its own: ``deploystack.plugins.Model``.

    Raises:
        TypeError: somebody else's class derives from it. Its table would become the core's, and
            a mistake in its mapping would break the core's.
    """

    metadata = sa.MetaData(naming_convention=NAMING)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        is_ours = cls.__module__.partition(".")[0] == __package__.partition(".")[0]
        if "__tablename__" in cls.__dict__ and not is_ours:
            raise TypeError(
                f"{cls.__name__} declares a table on the core's Model. Derive it from "
                "deploystack.plugins.Model."
            )
        super().__init_subclass__(**kwargs)


class RebindableSQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy whose engine is whatever the application is bound to."""

    def init_rebindable(self, app: Flask, acquire: Callable[[], Binding]) -> None:
        """Register with ``app``.

        Args:
            app: the application.
            acquire: returns a leased binding, or raises the error a request answers with.
        """
        app.extensions[_EXTENSION] = acquire
        # Teardowns run in reverse order: ours, registered first, follows the session's.
        app.teardown_appcontext(_unpin)
        # Flask-SQLAlchemy does not start without a URI. This engine is never connected.
        app.config.setdefault("SQLALCHEMY_DATABASE_URI", "sqlite://")
        self.init_app(app)

    @property
    def engines(self) -> Mapping[str | None, sa.Engine]:
        """The engine this application context is pinned to.

        Raises:
            ApiError: 503, the application has no usable database.
        """
        binding: Binding | None = pinned_binding()
        if binding is None:
            binding = g._database_binding = current_app.extensions[_EXTENSION]()
        return {None: binding.engine}


db = RebindableSQLAlchemy(model_class=Model)
"""The handle everything uses: ``db.session``, ``db.Model``. It holds no state of its own."""


def pinned_binding() -> Any:
    """Return the binding of this application context; ``None`` before the database is used."""
    return g.get("_database_binding")


@contextmanager
def pinned(app: Flask, binding: Binding) -> Iterator[None]:
    """Open an application context over ``binding``, which no request needs to see yet."""
    with app.app_context():
        binding.lease()
        g._database_binding = binding
        yield


@contextmanager
def without_database(app: Flask, refusal: Callable[[], Exception]) -> Iterator[None]:
    """Open an application context in which ``db.session`` raises what ``refusal`` returns."""
    with app.app_context():
        g._database_binding = _Refusing(refusal)
        yield


class _Refusing:
    """In place of a binding."""

    def __init__(self, refusal: Callable[[], Exception]) -> None:
        self._refusal = refusal

    @property
    def engine(self) -> sa.Engine:
        raise self._refusal()

    def release(self) -> None:
        """Do nothing: nothing was leased."""


def _unpin(_error: BaseException | None) -> None:
    binding: Binding | None = g.pop("_database_binding", None)
    if binding is not None:
        binding.release()
