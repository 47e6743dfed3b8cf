"""The operator's own choice of database, from ``DEPLOYSTACK_DATABASE_URL``."""

from __future__ import annotations

from pathlib import Path

from ..config import Config, ConfigError
from ..errors import ApiError
from . import selection
from .postgres.connection_string import parse_operator
from .problems import DatabaseProblem
from .selection import NoSelection
from .target import SqliteTarget, Target


def operator_target(config: Config) -> Target | None:
    """Return the database that the environment names, if it names one.

    Raises:
        ConfigError: it cannot be used, or the selection file names another one. Which of the
            two is right, only the operator knows.
    """
    if config.database_url is None:
        return None
    target = _parse(config.database_url, config.data_dir)
    try:
        chosen = selection.read(config.selection_file, config.sqlite_file)
    except NoSelection:
        return target
    except DatabaseProblem as problem:
        raise ConfigError(
            "DEPLOYSTACK_DATABASE_URL cannot be compared with the choice of database in "
            f"{str(config.selection_file)!r}: {problem.cause}. Restore that file, or run "
            "`flask db reset --yes` without the variable to forget it."
        ) from None
    if not _same(chosen, target):
        raise ConfigError(
            "DEPLOYSTACK_DATABASE_URL names one database and "
            f"{str(config.selection_file)!r} another, chosen by setup. "
            "Unset the variable to use that one, or run `flask db reset --yes` without the "
            "variable to forget it."
        )
    return target


def _parse(url: str, data_dir: Path) -> Target:
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.name or ":memory:" in url or "?" in url:
            raise ConfigError(
                "DEPLOYSTACK_DATABASE_URL must name a file after sqlite:///, and nothing else."
            )
        return SqliteTarget(data_dir / path)  # an absolute path stays itself
    try:
        return parse_operator(url)
    except ApiError as error:
        raise ConfigError(f"DEPLOYSTACK_DATABASE_URL cannot be used: {error.sentence}") from None


def _same(one: Target, other: Target) -> bool:
    """Compare places, not ways: another password or TLS mode is the same database."""
    if isinstance(one, SqliteTarget) or isinstance(other, SqliteTarget):
        return one == other
    places = [
        (t.keywords.get("host"), t.keywords.get("port", "5432"), t.keywords.get("dbname"))
        for t in (one, other)
    ]
    return places[0] == places[1]
