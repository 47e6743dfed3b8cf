"""A copy of the project's revisions, to which a test adds its own."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from textwrap import dedent, indent

from deploystack import Config
from deploystack.database.migrations.history import History
from tests.support.server import ROOT

TEMPLATE = '''\
"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {after!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''


class Revisions:
    """A folder of revisions that begins with the project's own.

    Args:
        folder: where the copy goes; it must not exist yet.

    Attributes:
        own: the project's own revisions, oldest first.
        base: the newest of them.
        head: the one added last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(
            ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
        history = History("core", folder)
        self.own = history.pending([])
        self.base = str(history.head)
        self.head = self.base

    def add(
        self,
        upgrade: str = "pass",
        downgrade: str = "pass",
        *,
        revision: str | None = None,
        after: str | None = None,
    ) -> str:
        """Write a revision and return its id.

        Args:
            upgrade: the body of its ``upgrade``.
            downgrade: the body of its ``downgrade``.
            revision: its id; ``test0001`` and so on by default.
            after: the revision it follows; the one added last by default.
        """
        added = len(list(self._versions.glob("*.py"))) - len(self.own)
        revision = revision or f"test{added + 1:04}"
        text = TEMPLATE.format(
            message=f"revision {revision}",
            revision=revision,
            after=after or self.head,
            upgrade=indent(dedent(upgrade).strip(), "    "),
            downgrade=indent(dedent(downgrade).strip(), "    "),
        )
        self.file(revision).write_text(text)
        self.head = revision
        return revision

    def file(self, revision: str) -> Path:
        """Return where an added revision is."""
        return self._versions / f"{revision}.py"

    def config(self, data_dir: Path, **variables: str) -> Config:
        """Return a configuration whose schema is this one."""
        environment = {
            "DEPLOYSTACK_DATA_DIR": str(data_dir),
            "DEPLOYSTACK_LOG_LEVEL": "DEBUG",
            **variables,
        }
        return dataclasses.replace(Config.from_environment(environment), migrations_dir=self.folder)

    @property
    def _versions(self) -> Path:
        return self.folder / "versions"
