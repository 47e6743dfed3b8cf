"""The document of an application as text, made when somebody asks for it first, and kept."""

from __future__ import annotations

import json
import threading
from typing import Literal

from flask import Flask

Format = Literal["json", "yaml", "markdown", "postman"]

_EXTENSION = "deploystack_openapi"


class Texts:
    """The document of one application in each format.

    Args:
        app: the application; all of its routes must be registered when the first text is asked for.
        version: of what the document describes.
    """

    def __init__(self, app: Flask, version: str) -> None:
        self._app = app
        self._version = version
        self._texts: dict[tuple[Format, bool], str] = {}
        self._making = threading.RLock()
        app.extensions[_EXTENSION] = self

    def text(self, kind: Format, *, with_plugins: bool = True) -> str:
        """Return the document; perhaps without the routes of plugins."""
        wanted = (kind, with_plugins)
        if wanted not in self._texts:
            with self._making:
                if wanted not in self._texts:
                    self._texts[wanted] = self._written(kind, with_plugins)
        return self._texts[wanted]

    def _written(self, kind: Format, with_plugins: bool) -> str:
        """Return the document, made anew; other formats from what JSON says, so they say the same.

        What it takes is slow to import, and most processes never do.
        """
        if kind == "json":
            from .document import document

            content = document(self._app, self._version, with_plugins=with_plugins)
        else:
            content = json.loads(self.text("json", with_plugins=with_plugins))
        if kind == "yaml":
            import yaml

            return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))
        if kind == "markdown":
            from .markdown import page

            return page(content)
        if kind == "postman":
            from .postman import collection

            content = collection(content)
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def get_texts(app: Flask) -> Texts:
    """Return the texts of ``app``."""
    texts: Texts = app.extensions[_EXTENSION]
    return texts
