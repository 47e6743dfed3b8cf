"""Routes that work on the database, as an application's would.

In this process, `add_routes(app)` before the first request; behind the real server, `SERVER`.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

from flask import Flask

from deploystack.database import db
from deploystack.models import GlobalSetting, GlobalSettingGroup
from deploystack.settings.core import GROUPS

SERVER = [sys.executable, "-m", "tests.support.rows"]
"""The command that starts the real server, with the routes."""

OWN_GROUPS = [group.id for group in GROUPS]
"""The groups that every database has."""

NAME = "database"
"""The group whose name is the database's."""


def add_routes(app: Flask) -> None:
    """Register the routes."""
    app.add_url_rule("/rows", view_func=read_rows)
    app.add_url_rule("/rows/<name>", view_func=write_row, methods=["POST"])
    app.add_url_rule("/mark", view_func=mark, methods=["POST"])
    app.add_url_rule("/count/<name>", view_func=count, methods=["POST"])


def read_rows() -> dict[str, Any]:
    """Return the ids of all groups that were added here, and which process this is."""
    added = GlobalSettingGroup.id.not_in(OWN_GROUPS)
    ids = db.session.scalars(
        db.select(GlobalSettingGroup.id).where(added).order_by(GlobalSettingGroup.id)
    )
    return {"pid": os.getpid(), "rows": list(ids)}


def write_row(name: str) -> dict[str, Any]:
    """Add a group."""
    db.session.add(GlobalSettingGroup(id=name, name=name))
    db.session.commit()
    return {"pid": os.getpid()}


def mark() -> dict[str, str]:
    """Read the database's name, then write it down: one unit of work.

    Two transactions, so that nothing but the unit of work itself keeps them together.
    """
    name = db.session.execute(
        db.select(GlobalSettingGroup.name).where(GlobalSettingGroup.id == NAME)
    ).scalar_one()
    db.session.commit()
    db.session.add(GlobalSetting(key=str(uuid.uuid4()), value=name, type="string"))
    db.session.commit()
    return {"name": name}


def count(name: str) -> dict[str, Any]:
    """Read how often this was called, add one, and write it down, in one transaction."""
    group = db.session.get_one(GlobalSettingGroup, name, with_for_update=True)
    group.sort_order += 1
    db.session.commit()
    return {"pid": os.getpid()}


def main() -> None:
    """Serve ``wsgi:app`` with the routes."""
    from deploystack.server import main as serve
    from wsgi import app

    add_routes(app)
    serve()


if __name__ == "__main__":
    main()
