"""Reading revisions without Alembic: the same answers as Alembic's, at a fraction of the cost."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st

from deploystack.database import get_database
from deploystack.database.migrations.history import History
from deploystack.database.problems import DatabaseProblem
from tests.conftest import MakeApp
from tests.support.applications import set_up, settled
from tests.support.direct import Direct
from tests.support.revisions import Revisions
from tests.support.server import ROOT

# Ways in which a person or a generator writes the identifiers. {0} is the revision's id, {1} a
# literal of what it follows, {2} a literal of the first of those.
SPELLINGS = {
    "ours": "revision = '{0}'\ndown_revision = {1}\n",
    "double quotes": 'revision = "{0}"\ndown_revision = {1}\n',
    "typed": (
        "from typing import Sequence, Union\n\n"
        'revision: str = "{0}"\ndown_revision: Union[str, Sequence[str], None] = {1}\n'
        "branch_labels: Union[str, Sequence[str], None] = None\n"
    ),
    "typed newly": 'revision: str = "{0}"\ndown_revision: str | tuple[str, ...] | None = {1}\n',
    "comments": "revision = '{0}'  # revision = 'no'\ndown_revision = {1}  # it's (this)\n",
    "no space": "revision='{0}'\ndown_revision={1}\n",
    "parentheses": "revision = ('{0}')\ndown_revision = ({1})\n",
    "several lines": "revision = (\n    '{0}'\n)\ndown_revision = (\n    {1}\n)  # (where) from\n",
    "a comment within": "revision = '{0}'\ndown_revision = (\n    {1}  # 1) this\n)\n",
    "other names first": "revision_of_what = 1\nrevision = '{0}'\ndown_revision = {1}\n",
    "Windows": "revision = '{0}'\r\ndown_revision = {1}\r\n",
    "the other way round": "down_revision = {1}\nrevision = '{0}'\n",
    "in the docstring too": (
        '"""x\n\nrevision = of the tables\n"""\nrevision = "{0}"\ndown_revision = {1}\n'
    ),
    "a long annotation": (
        "revision: (\n    str\n) = '{0}'\ndown_revision: (\n    object\n) = {1}\n"
    ),
}
UPGRADE = '''

def upgrade():
    """
revision = 'not this'
down_revision = 'nor that'
"""
'''


class Folder:
    """A folder of revisions that do nothing, for Alembic and for us."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "versions").mkdir(parents=True)
        (path / "env.py").touch()

    def write(self, revision: str, after: object, spelling: str = SPELLINGS["ours"]) -> None:
        text = spelling.format(revision, repr(after)) + UPGRADE
        (self.path / "versions" / f"{revision}.py").write_text(text, newline="")

    def assert_read_alike(self) -> None:
        """Compare the heads, and what is pending from each revision and from nothing."""
        ours, script = History("core", self.path), ScriptDirectory(str(self.path))
        heads = script.get_heads()
        if len(heads) > 1:
            with pytest.raises(DatabaseProblem) as caught:
                _ = ours.head
            assert all(head in str(caught.value.cause) for head in heads)
            return
        assert [ours.head] == (heads or [None])
        everything = {r.revision for r in script.walk_revisions()}
        assert set(ours.parents) == everything
        for current in [None, *everything]:
            pending = ours.pending({current} if current else ())
            theirs = script.iterate_revisions("head", current or "base", implicit_base=True)
            assert sorted(pending) == sorted(r.revision for r in theirs)
            for revision in pending:  # after all of its parents, or they are not pending
                before = set(pending) - set(pending[: pending.index(revision)])
                assert not before & set(ours.parents[revision])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "revisions")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_however_a_revision_is_written(spelling: str, folder: Folder) -> None:
    folder.write("aa", None, SPELLINGS[spelling])
    folder.write("bb", "aa", SPELLINGS[spelling])
    folder.write("cc", "aa", SPELLINGS[spelling])
    folder.write("dd", ("bb", "cc"), SPELLINGS[spelling])
    folder.write("ee", "dd", SPELLINGS[spelling])
    folder.assert_read_alike()
    assert History("core", folder.path).head == "ee"
    assert len(History("core", folder.path).pending({"aa"})) == 4


def test_no_revision_at_all(folder: Folder) -> None:
    (folder.path / "versions" / "__init__.py").touch()
    folder.assert_read_alike()
    assert History("core", folder.path).head is None
    assert History("core", folder.path).pending(()) == []


def test_the_projects_own_revisions() -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))
    assert History("core", ROOT / "migrations").head == script.get_current_head()


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...], str]]:
    """Revisions, each after one or two earlier ones; often with a single newest one."""
    count = draw(st.integers(1, 12))
    ids = draw(
        st.lists(
            st.from_regex(r"[0-9a-f]{12}|[a-z][a-z0-9_]{0,20}", fullmatch=True),
            min_size=count,
            max_size=count,
            unique=True,
        )
    )
    straight = draw(st.booleans())
    found = []
    for index, revision in enumerate(ids):
        earlier = ids[:index]
        if straight or not earlier:
            parents = tuple(earlier[-1:])
        else:
            parents = tuple(
                draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=2, unique=True))
            )
        found.append((revision, parents, draw(st.sampled_from(list(SPELLINGS.values())))))
    return found


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_any_graph(graph: list[tuple[str, tuple[str, ...], str]]) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path) / "revisions")
        for revision, parents, spelling in graph:
            after = parents[0] if len(parents) == 1 else parents or None
            folder.write(revision, after, spelling)
        folder.assert_read_alike()


LOADED = """
import sys
from deploystack import create_app
from deploystack.database import get_database
assert get_database(create_app()).current().phase == "ready"
print(*sorted(m for m in sys.modules if m.split(".")[0] in {"alembic", "flask_migrate", "mako"}))
"""


def test_a_start_with_nothing_to_do_does_not_load_alembic(
    body: dict[str, str], data_dir: Path, make_app: MakeApp
) -> None:
    app = make_app()
    set_up(app, body)
    process = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=ROOT,
        env={"DEPLOYSTACK_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == ""


def test_a_thousand_revisions_cost_at_most_50_ms(
    data_dir: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    app = make_app()
    set_up(app, {"type": "sqlite"})
    get_database(app).close()

    def starter(count: int) -> Callable[[], float]:
        revisions = Revisions(tmp_path / f"migrations{count}")
        template = revisions.file(revisions.add()).read_text()
        for number in range(2, count - len(revisions.own) + 1):
            text = template.replace("test0001", f"test{number:04}")
            text = text.replace(repr(revisions.base), f"'test{number - 1:04}'")
            revisions.file(f"test{number:04}").write_text(text)
            newest = f"test{number:04}"
        copy = tmp_path / f"data{count}"
        shutil.copytree(data_dir, copy)
        database = Direct({"type": "sqlite"}, copy)
        database.execute(f"UPDATE alembic_version SET version_num = '{newest}'")

        def start() -> float:
            begun = time.process_time()
            state = settled(make_app(revisions.config(copy)))
            taken = time.process_time() - begun
            assert state.phase == "ready"
            return taken

        return start

    few, many = starter(10), starter(1000)
    of_few, of_many = [few()], [many()]
    # The best of several, and of more where others keep the machine busy.
    while len(of_few) < 5 or (min(of_many) - min(of_few) >= 0.050 and len(of_few) < 30):
        of_few.append(few())
        of_many.append(many())
    assert min(of_many) - min(of_few) < 0.050
