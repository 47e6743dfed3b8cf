"""What the page consists of: files of ours, and those of Swagger UI's package that it needs."""

from __future__ import annotations

from importlib.resources import files

from flask import Flask

from ..assets import Assets

_EXTENSION = "deploystack_documentation_files"
_OWN = ("page.css", "start.js")
_SWAGGER_UI = ("LICENSE", "favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css")


def page_assets(app: Flask) -> Assets:
    """Return the files, read when ``app`` is asked for one first: they are large."""
    if _EXTENSION not in app.extensions:
        own, theirs = files(__package__) / "static", files("flask_swagger_ui") / "dist"
        found = {name: own / name for name in _OWN} | {name: theirs / name for name in _SWAGGER_UI}
        app.extensions[_EXTENSION] = Assets("/documentation/files", found)
    assets: Assets = app.extensions[_EXTENSION]
    return assets


def page_template() -> str:
    """Return the template of the page."""
    return (files(__package__) / "static" / "page.html").read_text("utf-8")
