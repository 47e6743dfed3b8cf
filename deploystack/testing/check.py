"""Whether a plugin is sound: it works, and its models and its revisions agree."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from flask import Flask

from ..database import engines, get_database
from ..database.problems import changed
from ..plugins.plugin import Plugin
from ..plugins.service import get_service

REBIND_SECONDS = 10.0
"""How long the application may take to go on after its schema was changed."""


def check(app: Flask, name: str) -> None:
    """Fail the test unless the plugin ``name`` is sound on the database of ``app``.

    It is active, and its tables are as its models declare them. If it has revisions, all of them
    can be taken back and applied again, which costs the plugin's rows except those of its seed.

    Args:
        app: an application that was set up.
        name: the plugin.
    """
    __tracebackhide__ = True
    plugin = _active(app, name)
    if plugin.history and plugin.history.head:
        _check_revisions(app, plugin)
    elif _is_outdated(app, plugin):
        pytest.fail(f"The tables of the plugin {name!r} are not as its models declare them.")


def _active(app: Flask, name: str) -> Plugin:
    __tracebackhide__ = True
    service = get_service(app)
    if name not in {plugin.name for plugin in service.plugins.all}:
        pytest.fail(
            f"There is no plugin {name!r}. Return it from the fixture deploystack_plugins, or "
            "install it."
        )
    plugin = service.plugins.get(name)
    service.settled()
    failure = service.plugins.failure(plugin)
    if failure:
        pytest.fail(f"The plugin {name!r} is quarantined. {failure.for_operator()}")
    state = service.state(plugin)
    if state != "active":
        pytest.fail(f"The plugin {name!r} is not active but {state}.")
    return plugin


def _is_outdated(app: Flask, plugin: Plugin) -> bool:
    with engines.inspection(get_database(app).target()) as connection:
        return bool(get_service(app).upkeep.outdated(connection, [plugin]))


def _check_revisions(app: Flask, plugin: Plugin) -> None:
    __tracebackhide__ = True
    name = plugin.name
    differ = (
        f"The models of the plugin {name!r} are not what its revisions make. Write what is "
        f"missing with `flask plugins migrate {name}`."
    )
    _run(app, "check", name, otherwise=differ)
    _run(
        app,
        "downgrade",
        name,
        "base",
        otherwise=f"The revisions of the plugin {name!r} cannot be taken back. Correct what "
        "their downgrade() does.",
    )
    left = _tables(app, plugin)
    if left:
        pytest.fail(
            f"Taking back the revisions of the plugin {name!r} leaves {left[0]!r} behind. Drop "
            "it in downgrade()."
        )
    _run(
        app,
        "upgrade",
        name,
        otherwise=f"The revisions of the plugin {name!r} cannot be applied again. Take back in "
        "downgrade() all that upgrade() makes.",
    )
    _rebind(app)
    _run(app, "check", name, otherwise=differ)


def _run(app: Flask, *arguments: str, otherwise: str) -> None:
    """Run a command of ``flask plugins``; where it fails, so does the test."""
    __tracebackhide__ = True
    result = app.test_cli_runner().invoke(args=["plugins", *arguments])
    if result.exit_code:
        reason = result.output if isinstance(result.exception, SystemExit) else result.exception
        pytest.fail(f"{otherwise}\n{reason}")


def _tables(app: Flask, plugin: Plugin) -> list[str]:
    with engines.inspection(get_database(app).target()) as connection:
        names = sa.inspect(connection).get_table_names()
    return sorted(name for name in names if name.startswith(plugin.prefix))


def _rebind(app: Flask) -> None:
    """Wait until the application has taken note that its schema was changed.

    It would by itself, but the test's next request to it would be answered 503.
    """
    database = get_database(app)
    binding = database.current().binding
    if binding:
        database.lost(binding, changed())
    deadline = time.monotonic() + REBIND_SECONDS
    while database.current().binding is None and time.monotonic() < deadline:
        time.sleep(0.01)
    get_service(app).settled()
