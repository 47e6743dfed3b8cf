"""The one use case: choose a database and make it ready, with nothing half done.

    check → claim → one transaction: revisions, seeds, draft of the selection → publish → bind

The selection is published last, by a rename: before it, a crash leaves the application
unconfigured and the same call works again (a schema that was committed is adopted); after it,
fully configured. The wizard, the API and the command line all end here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from ..config import Config
from ..data_folder import data_folder_refused
from ..errors import ApiError
from . import engines
from .check import Report, check
from .claim import claim, setup_in_progress
from .handle import Database
from .migrations.additions import undisturbed
from .migrations.migrator import Progress, ignore
from .migrations.schema import Schema
from .problems import DatabaseProblem
from .progress import Record
from .selection import Draft, NoSelection
from .target import PostgresTarget, SqliteTarget, Target

log = logging.getLogger(__name__)

SETUP_SECONDS = 120.0
"""How long a server that a caller named may take to create or upgrade the schema."""

LOOK_SECONDS = 3.0
"""How long a look at a server waits for another one to end."""

BIND_SECONDS = 15.0
"""How long a caller who has set up waits for this process to begin to use the database."""


def set_up(database: Database, target: Target, progress: Progress = ignore) -> bool:
    """Set ``target`` up and bind this process to it; the other workers follow by themselves.

    Args:
        database: the application's handle.
        target: the database that was chosen.
        progress: told each step once it is done.

    Returns:
        Whether everything is in use. ``False``: the database is set up and chosen, but this
        process could not begin to use it, or something that was added to it failed.

    Raises:
        ApiError: 409 already set up or being set up, 422 the database refuses, 503 the
            selection cannot be read. Nothing was changed.
    """
    config, schema = database.config, database.schema
    found = look(database, target)
    progress("checked")
    record = Record(config, target.dialect, schema, found.contents)

    def tell(step: str) -> None:
        record.tell(step)
        progress(step)

    with _said_to_the_caller(), claim(config):
        refuse_if_chosen(database)
        with record.kept():
            tell("claimed")
            undisturbed(lambda: _prepare_and_publish(config, schema, target, tell))
    log.info("Set up the %s database.", target.dialect)
    try:
        ready = database.current(BIND_SECONDS).phase == "ready"
        progress("bound" if ready else "not bound")
        return ready and database.listener.settled()
    finally:
        record.remove()


def look(database: Database, target: Target) -> Report:
    """Return what setting ``target`` up would meet and do. Changes nothing.

    Raises:
        ApiError: as for :func:`set_up`.
    """
    refuse_if_chosen(database)
    # A stranger's call connects to one server at a time; one that never answers holds up other
    # looks for a while, but no setup of another database.
    is_server = isinstance(target, PostgresTarget)
    if is_server and not database.looking.acquire(timeout=LOOK_SECONDS):
        raise setup_in_progress()
    try:
        with _said_to_the_caller():
            return check(target, database.schema)
    finally:
        if is_server:
            database.looking.release()


def refuse_if_chosen(database: Database) -> None:
    """Raise unless no database is chosen.

    Raises:
        ApiError: 409 ``already_configured``, or 503 ``selection_unreadable``.
    """
    try:
        database.target()
    except NoSelection:
        return
    except DatabaseProblem as problem:
        raise problem.as_api_error(503) from None
    how = (
        "The operator has chosen it with DEPLOYSTACK_DATABASE_URL."
        if database.is_chosen_by_operator
        else "To choose another one, an operator runs `flask db reset` first."
    )
    raise ApiError(409, "already_configured", f"The database is already set up. {how}")


def _prepare_and_publish(
    config: Config, schema: Schema, target: Target, progress: Progress
) -> None:
    with _without_litter(target), ExitStack() as drafts:
        with engines.migration(target, create=True, seconds=_limit(target)) as connection:
            before = schema.bring_up_to_date(
                connection, initialise=True, anew=True, progress=progress
            )
            draft = drafts.enter_context(Draft(config.selection_file, target))
            progress("drafted")
        progress("committed")
        try:
            draft.publish()
        except OSError:
            if before.kind == "empty" and isinstance(target, PostgresTarget):
                with engines.migration(target) as connection:
                    schema.remove(connection)
            raise
    progress("published")


def _limit(target: Target) -> float | None:
    # A stranger's server must not hold the claim for ever; an operator's may have much to migrate.
    if isinstance(target, PostgresTarget) and not target.operator:
        return SETUP_SECONDS
    return None


@contextmanager
def _without_litter(target: Target) -> Iterator[None]:
    """Remove a SQLite file, and its folder, that a failed setup has made."""
    if not isinstance(target, SqliteTarget):
        yield
        return
    path = target.path
    made = [p for p in (path, path.with_name(f"{path.name}-journal")) if not p.exists()]
    made_folder = not path.parent.exists()
    try:
        yield
    except BaseException:  # also when interrupted; raised again and told by the caller
        for file in made:
            file.unlink(missing_ok=True)
        if made_folder:
            with suppress(OSError):
                path.parent.rmdir()
        raise


@contextmanager
def _said_to_the_caller() -> Iterator[None]:
    """Turn what can go wrong into the answer a caller gets."""
    try:
        yield
    except DatabaseProblem as problem:
        if problem.cause:
            log.warning("%s: %s", problem.code, problem.cause)
        raise problem.as_api_error(422) from problem
    except OSError as error:
        raise data_folder_refused(error) from error
