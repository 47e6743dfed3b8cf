"""Which database is this application bound to, and is it ready? One object answers.

Every worker process has one, and follows the files: a ``stat`` or two per question tell whether
the choice of database, or the SQLite file itself, changed since the last answer. Whatever takes
longer (connecting, migrating, waiting for a server to return) happens in one thread beside the
requests, which wait for it a bounded time. ``docs/explanation/architecture.md`` draws it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace

from flask import Flask

from ..config import Config
from ..logs import describe
from . import attach, progress, selection
from .binding import Binding
from .migrations import failure
from .migrations.additions import Listener
from .migrations.history import History
from .migrations.schema import Schema
from .operator_choice import operator_target
from .probe import Probe
from .problems import MIGRATING, DatabaseProblem, migrating, preparing
from .selection import NoSelection
from .state import Phase, State, Told
from .target import SqliteTarget, Target

log = logging.getLogger(__name__)

FOLLOW_SECONDS = 2.0
"""How long a request waits for a change of database to be followed before it answers 503."""

FRESH_SECONDS = 0.1
"""How old the knowledge that a PostgreSQL server answers may be when the status is told."""

START_SECONDS = 30.0
"""How long after the application was made a worker that is forked belongs to the same start."""

PROBE_SECONDS = 2.0
"""How long a database may take to answer when it is asked whether it is there."""


EXTENSION = "deploystack_database"


def get_database(app: Flask) -> Database:
    """Return the one object that knows which database ``app`` is bound to."""
    database: Database = app.extensions[EXTENSION]
    return database


class Database:
    """The application's one answer to: which database, and is it ready?

    Args:
        config: where the files are, and the operator's own choice if there is one.
        schema: what the database must hold.
        listener: begins to work whenever a database comes into use.

    Raises:
        ConfigError: ``DEPLOYSTACK_DATABASE_URL`` cannot be used, or contradicts the selection.
    """

    def __init__(self, config: Config, schema: Schema, listener: Listener) -> None:
        self.config = config
        self.schema = schema
        self.listener = listener
        # Read now, by the one thread there is: Python 3.11 cannot parse in two threads at once
        # ("AST constructor recursion depth mismatch", a SystemError). What is wrong is told later.
        with suppress(DatabaseProblem):
            schema.history.head  # noqa: B018
        self._operator_target = operator_target(config)
        self._selection_file = str(config.selection_file)
        # An empty database may be given its tables at the start. Later it may not, or a worker
        # would serve an empty database in place of one whose file was moved away.
        self._may_initialise = attach.may_initialise(self._chosen())
        self.looking = threading.Lock()
        self._made_in = os.getpid(), time.monotonic()
        self._was_ready = False
        self._announced = 0.0
        self._state = State("unconfigured", seen=None)  # what is seen is never None: not current
        self._changed = threading.Condition()
        self._nudged = threading.Event()
        self._follower: threading.Thread | None = None
        self._failed: Told | None = None  # how the last migration ended that did not succeed
        self._closed = False
        self._probe = Probe(schema, give_up=self.lost)

    def register(self, app: Flask) -> None:
        """Make this the answer of ``app``; :func:`get_database` returns it."""
        app.extensions[EXTENSION] = self

    @property
    def history(self) -> History:
        """The revisions of the core."""
        return self.schema.history

    @property
    def binding(self) -> Binding | None:
        """What is bound, as far as is known: looks at nothing, so it costs next to nothing."""
        return self._state.binding

    @property
    def is_chosen_by_operator(self) -> bool:
        """Whether ``DEPLOYSTACK_DATABASE_URL`` decides, not the selection file."""
        return self._operator_target is not None

    def target(self) -> Target:
        """Return the chosen database, read anew.

        Raises:
            NoSelection: none is chosen.
            DatabaseProblem: ``selection_unreadable``.
        """
        if self._operator_target:
            return self._operator_target
        return selection.read(self.config.selection_file, self.config.sqlite_file)

    def start(self) -> None:
        """Begin to follow without waiting: called in each worker as it begins to serve."""
        with self._changed:
            self._ensure_follower()

    def current(self, patience: float = FOLLOW_SECONDS) -> State:
        """Return the state, following whatever changed since the last call.

        Costs a ``stat`` or two when nothing changed, which is nearly always.

        Args:
            patience: seconds to wait for a change to be followed.
        """
        state = self._state
        if state.seen == self._look(state.target):
            return state
        return self._catch_up(patience)

    def awaited(self) -> State:
        """Return the state, having waited a moment if a migration has only just begun.

        Most take less than that, and whoever asked is spared an error and a second attempt. One
        that takes longer holds up nobody: after ``FOLLOW_SECONDS`` each is answered at once.
        """
        state = self.current()
        if state.problem is None or state.problem.code != MIGRATING:
            return state
        remaining = self._announced + FOLLOW_SECONDS - time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._state is not state, max(0.0, remaining))
        return self.current()

    def verified(self, max_age: float = FRESH_SECONDS) -> State:
        """Return the state, having asked the database itself whether it still answers.

        Args:
            max_age: seconds for which an earlier answer is good enough.
        """
        state = self.current()
        if state.binding is None:
            return state
        problem = self._probe.ask(state.binding, max_age, PROBE_SECONDS)
        if problem is None:
            return state
        self.lost(state.binding, problem)
        return replace(state, phase="waiting", problem=problem, binding=None)

    def lease(self) -> Binding:
        """Return the binding for a unit of work, which must release it.

        Raises:
            ApiError: 503, there is no usable database.
        """
        while True:
            state = self.awaited()
            if state.binding is None:
                raise state.error()
            if state.binding.lease():
                return state.binding

    def lost(self, binding: Binding, problem: DatabaseProblem) -> None:
        """Note that a database went away; wait for it from now on, and retry.

        One that is merely slow or locked is still the right one: nothing changes.
        """
        with self._changed:
            state = self._state
            if binding is state.binding and problem.code not in {"db_locked", "db_timeout"}:
                self._publish(State("waiting", state.seen, state.target, problem))
                self._ensure_follower()
        if problem.code == "db_unresponsive":
            binding.abandon()

    def close(self) -> None:
        """Stop following and let go of the database."""
        with self._changed:
            self._closed = True
            self._nudged.set()
            self._publish(State("unconfigured", seen=None))
            follower = self._follower
        if follower:
            follower.join()
        self.listener.end()

    def _chosen(self) -> Target | None:
        try:
            return self.target()
        except (NoSelection, DatabaseProblem):
            return None

    def _choice(self) -> object:
        return self._operator_target or selection.fingerprint(self._selection_file)

    def _look(self, target: Target | None) -> object:
        """Return what the files look like: the choice, and the SQLite file chosen."""
        return self._choice(), attach.identity(target)

    def _catch_up(self, patience: float) -> State:
        deadline = time.monotonic() + patience
        with self._changed:
            while not self._closed:
                state = self._state
                if state.seen == self._look(state.target):
                    return state
                self._ensure_follower()
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
        return State("waiting", None, self._chosen(), preparing())

    def _ensure_follower(self) -> None:
        self._nudged.set()
        if self._follower is None and not self._closed:
            self._follower = threading.Thread(target=self._follow, daemon=True, name="follower")
            self._follower.start()

    def _follow(self) -> None:
        while True:
            self._nudged.clear()
            state = self._establish()
            with self._changed:
                if self._closed:
                    if state.binding:
                        state.binding.retire()
                    return
                self._publish(state)
                if state.problem is None:
                    self._follower = None
                    break
            self._nudged.wait(state.problem.retry_after)
        if state.binding:  # this thread follows no longer, so it may take its time
            self.listener.begin(state.binding)

    def _publish(self, state: State) -> None:
        previous, self._state = self._state, state
        if previous.binding and previous.binding is not state.binding:
            previous.binding.retire()
        if state.phase == "ready":
            self._was_ready, self._may_initialise = True, False
        self._log_change(previous, state)
        self._changed.notify_all()

    def _establish(self) -> State:
        """Look at the files, then bind to what they say."""
        choice = self._choice()  # before reading: a change while we read is then noticed
        target = None
        try:
            target = self.target()
            return self._bind(choice, target)
        except NoSelection:
            return State("unconfigured", (choice, None))
        except DatabaseProblem as problem:
            failure.record(self.config.data_dir, problem)
            phase: Phase = "waiting" if target else "unreadable"
            return State(phase, (choice, attach.identity(target)), target, problem)
        except BaseException as error:  # noqa: BLE001
            # Whatever it is, this thread lives on and tries again.
            log.error("The database could not be bound: %s", describe(error))
            return State("waiting", (choice, attach.identity(target)), target, preparing())

    def _is_respawned(self, target: Target) -> bool:
        """Return whether this process replaces a worker that died: not the start of a program."""
        pid, at = self._made_in
        is_forked = os.getpid() != pid and time.monotonic() - at > START_SECONDS
        return is_forked and isinstance(target, SqliteTarget)

    def _bind(self, choice: object, target: Target) -> State:
        def announce() -> None:
            with self._changed:
                seen = (choice, attach.identity(target))
                self._announced = time.monotonic()
                self._publish(State("waiting", seen, target, migrating()))

        present = self._state.binding
        if present and present.target == target and present.file == attach.identity(target):
            return State("ready", (choice, present.file), target, binding=present)
        binding = attach.attach(
            target,
            self.schema,
            initialise=self._may_initialise and not self._is_respawned(target),
            suspicious=self._was_ready,
            before_migrating=announce,
        )
        failure.clear(self.config.data_dir)
        progress.clear(self.config)
        return State("ready", (choice, binding.file), target, binding=binding)

    def _log_change(self, previous: State, state: State) -> None:
        """Log each change once, not each attempt, of which some begin with migrating."""
        was, now = previous.told, state.told
        if was == now or (MIGRATING in (was[-1], now[-1]) and self._failed in (was, now)):
            return
        self._failed = now if was[-1] == MIGRATING and state.problem else None
        if state.phase == "ready":
            log.info("The %s database is ready.", state.dialect)
        elif state.problem is None:
            if previous.seen is not None:
                log.info("No database is chosen any more.")
        elif state.problem.code == MIGRATING:
            log.info("%s", state.problem.sentence)
        else:
            cause = f" Cause: {state.problem.cause}." if state.problem.cause else ""
            log.warning("%s: %s%s", state.problem.code, state.problem.sentence, cause)
