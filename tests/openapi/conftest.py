"""What the tests of the documentation ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploystack import create_app
from deploystack.database import get_database
from deploystack.openapi.kept import get_texts


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The document of an application without plugins, as it is sent."""
    app = create_app({"DEPLOYSTACK_DATA_DIR": tmp_path_factory.mktemp("document") / "data"})
    made: str = get_texts(app).made("json")
    get_database(app).close()
    return made


@pytest.fixture
def document(text: str) -> dict[str, Any]:
    """The same, read."""
    read: dict[str, Any] = json.loads(text)
    return read
