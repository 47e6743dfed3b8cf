"""Forgetting the chosen database, so that another can be set up."""

from __future__ import annotations

from ..errors import ApiError
from . import engines, progress, selection
from .claim import claim
from .handle import Database
from .migrations import failure
from .migrations.schema import Schema
from .target import SqliteTarget, Target


def reset(database: Database, *, delete_data: bool) -> None:
    """Forget the selection; running workers become unconfigured at their next request.

    Args:
        database: the application's handle.
        delete_data: whether the SQLite file, or our tables on PostgreSQL, go as well.

    Raises:
        ApiError: the operator chose the database, or a setup is running.
        NoSelection: there is nothing to delete.
        DatabaseProblem: the data is to be deleted, but cannot be found or reached.
    """
    if database.is_chosen_by_operator:
        raise ApiError(
            409,
            "chosen_by_operator",
            "DEPLOYSTACK_DATABASE_URL chooses the database. Unset it first.",
        )
    config = database.config
    with claim(config):
        if delete_data:
            _delete(database.target(), database.schema)
        selection.forget(config.selection_file)
        failure.clear(config.data_dir)
        progress.clear(config)


def _delete(target: Target, schema: Schema) -> None:
    if isinstance(target, SqliteTarget):
        for suffix in ("", "-journal", "-wal", "-shm"):
            target.path.with_name(target.path.name + suffix).unlink(missing_ok=True)
        return
    with engines.migration(target) as connection:
        schema.remove(connection)
