"""``docs/reference/configuration.md``, carried out."""

from __future__ import annotations

import pytest

from tests.support.reader import Reader


@pytest.mark.page("reference/configuration.md")
def test_the_page(reader: Reader) -> None:
    reader.instead = {"/srv/deploystack": str(reader.machine.home / "srv")}
    reader.follow()

    assert "Serving on http://127.0.0.1:8080" in reader.machine.printed(8080)
    assert (reader.machine.home / "srv" / "secret.key").is_file()
