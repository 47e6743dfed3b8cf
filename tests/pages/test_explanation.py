"""``docs/explanation/architecture.md``, carried out: a domain is added to the checkout."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.pages.conftest import make_known, restart
from tests.support.machine import Machine
from tests.support.reader import Reader

MODEL = '''"""Notes that people write."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..database.binding import Model


class Note(Model):
    """A note."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
'''
NOTES = "curl http://127.0.0.1:3000/api/notes"


@pytest.mark.page("explanation/architecture.md")
def test_the_page(reader: Reader, site: Machine, rows: Callable[[str], list[Any]]) -> None:
    reader.take("wsgi.py ")  # the folders, which tests/test_docs.py holds to what there is
    package = site.folder / "deploystack"
    (package / "models" / "note.py").write_text(MODEL)
    make_known(site, "from .note import Note\n")
    assert site.run("make db-generate m='add notes'").code == 0
    (package / "notes").mkdir()
    (package / "notes" / "__init__.py").write_text('"""Notes: read and written."""\n')

    imported, registered = reader.take("from .notes").split("\n\n")
    factory = package / "__init__.py"
    source = factory.read_text()
    source = source.replace("from .openapi", f"{imported}\nfrom .openapi", 1)
    source = source.replace("    mount_routes(", f"    {registered}    mount_routes(", 1)
    factory.write_text(source)
    layers = reader.take("LAYERS = {")
    rules = site.folder / "tests" / "test_architecture.py"
    before = rules.read_text()
    [known] = re.findall(r"^LAYERS = \{.*?^\}\n", before, re.MULTILINE | re.DOTALL)
    rules.write_text(before.replace(known, layers))
    assert layers.replace('    "notes": 4,\n', "") == known
    reader.follow()

    restart(site)
    headers = "-H 'Content-Type: application/json'"
    assert site.run(f"""{NOTES} {headers} -d '{{"text": "hello"}}'""").code == 0
    assert rows("SELECT text FROM notes") == ["hello"]
    assert site.run(NOTES).stdout == '{"notes": [{"id": 1, "text": "hello"}]}\n'
