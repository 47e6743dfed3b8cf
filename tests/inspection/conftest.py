"""An application with a plugin and tables of all sorts, to look into; one for each database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Mapped, Session, mapped_column

from deploystack import create_app
from deploystack.database import get_database
from deploystack.plugins import NO_SECRET, SECRET, Model, PluginMetadata, UTCDateTime, hookimpl
from tests.support import canary
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.people import administrator
from tests.support.waiting import until


def plugin() -> object:
    """Return a plugin whose table has values of many types, and secrets."""

    class Thing(Model):
        __tablename__ = "things_thing"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(2000), index=True)
        price: Mapped[float | None] = mapped_column(sa.Numeric(30, 10))
        ratio: Mapped[float | None] = mapped_column(sa.Float)
        is_good: Mapped[bool | None] = mapped_column(sa.Boolean)
        made_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
        day: Mapped[object | None] = mapped_column(sa.Date)
        data: Mapped[object | None] = mapped_column(sa.JSON)
        raw: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
        code: Mapped[str | None] = mapped_column(sa.String(200), info=SECRET)
        token_count: Mapped[int | None] = mapped_column(sa.Integer, info=NO_SECRET)
        api_token: Mapped[str | None] = mapped_column(sa.String(200))
        user_id: Mapped[str | None] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))

    class Plugin:
        @hookimpl
        def deploystack_metadata(self) -> PluginMetadata:
            return PluginMetadata(name="things", version="1")

        @hookimpl
        def deploystack_tables(self) -> list[type]:
            return [Thing]

        @hookimpl
        def deploystack_seed(self, session: Session) -> None:
            if session.scalar(sa.select(sa.func.count()).select_from(Thing)):
                return
            session.add(
                Thing(
                    name="first",
                    price="12.5000000000",
                    ratio=0.1,
                    is_good=True,
                    made_at=datetime.fromisoformat("2026-11-25T18:30:00+02:00"),
                    day=datetime(2026, 11, 25).date(),  # noqa: DTZ001
                    data={"a": [1, "é"]},
                    raw=b"\x00\xff",
                    code=canary.WORD,
                    token_count=7,
                    api_token=canary.WORD,
                )
            )
            session.add(Thing(name="x" * 1000, raw=b"\1" * 500, data="%_"))
            for number in range(3, 121):
                session.add(Thing(name=f"thing {number:03}", is_good=False, token_count=number))

    return Plugin()


class Site(NamedTuple):
    """An application that is set up, its administrator, and its database itself."""

    app: Flask
    admin: FlaskClient
    direct: Direct

    def changed(self, *statements: str) -> None:
        """Change the schema from outside, and wait until the application has noticed."""
        self.direct.execute(*statements)
        until(lambda: self.admin.get("/api/audit").status_code == 200, 5)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One application for all tests that only look, on each database."""
    data_dir = tmp_path_factory.mktemp("site") / "data"
    server = uri = None
    body = {"type": request.param}
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        uri = server.create_database()
        body["connectionString"] = uri
    app = create_app({"DEPLOYSTACK_DATA_DIR": data_dir}, plugins=[plugin()])
    set_up(app, body)
    direct = Direct(body, data_dir)
    yield Site(app, administrator(app), direct)
    get_database(app).close()
    if server:
        server.drop_database(uri)


@pytest.fixture
def at(site: Site) -> Path:
    """The data folder of `site`."""
    return Path(site.direct.file).parents[1]
