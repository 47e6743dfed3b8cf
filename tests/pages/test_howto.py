"""The pages of ``docs/how-to`` that need no file of their own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.pages.conftest import PASSWORD, restart
from tests.support.browser import Visitor
from tests.support.machine import Machine
from tests.support.reader import Reader


@pytest.mark.page("how-to/pages.md")
def test_pages(reader: Reader, owned: Machine, browser: Browser) -> None:
    reader.follow()
    listed = owned.folder / "deploystack" / "web" / "console" / "__init__.py"
    source = listed.read_text()
    for name in ("log, ", "log.blueprint,\n"):
        assert source.count(name) == 1
        source = source.replace(name, name + name.replace("log", "notes"))
    listed.write_text(source)
    restart(owned)

    visitor = Visitor(browser, f"http://{owned.address()}")
    page = visitor.page
    page.goto("/notes")
    page.get_by_label("Username or e-mail address").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("/notes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Notes")
    expect(page.get_by_text("The database is sqlite.")).to_be_visible()
    visitor.context.close()
    assert visitor.watch.faults == []


@pytest.mark.page("how-to/troubleshooting.md")
def test_troubleshooting(reader: Reader, site: Machine) -> None:
    """With a database that is ready, and with one that is not: then the third says why."""
    [asked] = [block.text for block in reader.left]
    reader.follow()

    [file] = site.folder.glob("persistent_data/database/deploystack.db")
    file.rename(file.with_name("away.db"))
    status, ready, cause = asked.strip().splitlines()
    assert '"initialized": false' in site.run(status).stdout
    assert '"database_file_missing"' in site.run(ready).stdout
    ended = site.run(cause)
    assert (ended.code, "database_file_missing" in ended.stdout) == (1, True)
