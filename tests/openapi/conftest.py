"""What the tests of the documentation ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploystack import create_app
from deploystack.database import get_database
from deploystack.openapi.kept import get_texts


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The document of an application without plugins, as it is sent."""
    app = create_app({"DEPLOYSTACK_DATA_DIR": tmp_path_factory.mktemp("document") / "data"})
    made: str = get_texts(app).text("json")
    get_database(app).close()
    return made


@pytest.fixture
def document(text: str) -> dict[str, Any]:
    """The same, read."""
    read: dict[str, Any] = json.loads(text)
    return read


def document_with(tmp_path: Path, *sources: str) -> dict[str, Any]:
    """Return the document of an application with these plugins, each in one file: a valid one."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    for number, source in enumerate(sources):
        (folder / f"plugin{number}.py").write_text(source)
    app = create_app(
        {"DEPLOYSTACK_DATA_DIR": tmp_path / "data", "DEPLOYSTACK_PLUGINS_PATH": folder}
    )
    try:
        made: dict[str, Any] = json.loads(get_texts(app).text("json"))
        assert yaml.load(get_texts(app).text("yaml"), yaml.CSafeLoader) == made
        assert json.loads(get_texts(app).text("postman"))["item"]
        assert get_texts(app).text("markdown").startswith("# All routes")
        assert app.test_client().get("/api/openapi.json").json == made
        core = json.loads(get_texts(app).text("json", with_plugins=False))
        assert not any("/plugin/" in path for path in core["paths"])
    finally:
        get_database(app).close()
    OpenAPIV31SpecValidator(made).validate()
    return made
