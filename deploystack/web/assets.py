"""Static files, read once, and addressed by what is in all of them.

The address of a file changes whenever any of them does, so browsers may keep it for ever. One
version for all, because modules import each other by relative addresses.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cached_property
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, request

FOLDER = Path(__file__).parent / "static"
EXTENSION = "deploystack_assets"

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"

blueprint = Blueprint("static", __name__)


class Asset:
    """One file.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.mimetype = _TYPES.get(path.suffix, guessed)

    @cached_property
    def compressed(self) -> bytes:
        """The content, compressed; the same for the same content."""
        return gzip.compress(self.content, mtime=0)


class Assets:
    """All files below a folder.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.files = {
            path.relative_to(folder).as_posix(): Asset(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        digest = hashlib.sha256()
        for name, asset in self.files.items():
            digest.update(f"{name}\n{len(asset.content)}\n".encode() + asset.content)
        self.version = digest.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return where the file ``name`` is, such as ``css/base.css``.

        Raises:
            KeyError: there is no such file.
        """
        self.files[name]
        return f"/static/{self.version}/{name}"


@blueprint.get("/static/<version>/<path:name>")
def serve(version: str, name: str) -> Response:
    """Answer with a file.

    A page of another version may ask while the server is updated; what it gets is not kept.
    """
    assets: Assets = current_app.extensions[EXTENSION]
    asset = assets.files.get(name)
    if asset is None:
        abort(404)
    is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    content = asset.compressed if is_compressed else asset.content
    response = Response(content, mimetype=asset.mimetype, headers={"Vary": "Accept-Encoding"})
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    if version == assets.version:
        response.headers["Cache-Control"] = _FOR_EVER
    return response
