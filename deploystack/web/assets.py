"""The files of the pages: styles, scripts, pictures."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, current_app, request

from ..assets import Assets

FOLDER = Path(__file__).parent / "static"
EXTENSION = "deploystack_assets"

blueprint = Blueprint("static", __name__)


def read_assets() -> Assets:
    """Return all files below the folder."""
    files = [path for path in sorted(FOLDER.rglob("*")) if path.is_file()]
    return Assets("/static", {path.relative_to(FOLDER).as_posix(): path for path in files})


@blueprint.get("/static/<version>/<path:name>")
def serve(version: str, name: str) -> Response:
    """Answer with a file."""
    assets: Assets = current_app.extensions[EXTENSION]
    return assets.response(request, version, name)
