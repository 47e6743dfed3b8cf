"""Static files, read once, and addressed by what is in all of them.

The address of a file changes whenever any of them does, so browsers may keep it for ever. One
version for all, because modules import each other by relative addresses.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cached_property
from importlib.resources.abc import Traversable

from flask import Request, Response
from werkzeug.exceptions import NotFound

_TYPES = {"": "text/plain", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


class Asset:
    """One file.

    Args:
        name: what it is called.
        content: what is in it.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self.content = content
        guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.mimetype = _TYPES.get(name.rpartition("/")[2].partition(".")[2], guessed)

    @cached_property
    def compressed(self) -> bytes:
        """The content, compressed; the same for the same content."""
        return gzip.compress(self.content, mtime=0)


class Assets:
    """Some files.

    Args:
        place: below which address they are.
        files: the files by their names, such as ``css/base.css``.
    """

    def __init__(self, place: str, files: Mapping[str, Traversable]) -> None:
        self._place = place
        self.files = {name: Asset(name, file.read_bytes()) for name, file in files.items()}
        digest = hashlib.sha256()
        for name, asset in self.files.items():
            digest.update(f"{name}\n{len(asset.content)}\n".encode() + asset.content)
        self.version = digest.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return where the file ``name`` is.

        Raises:
            KeyError: there is no such file.
        """
        self.files[name]
        return f"{self._place}/{self.version}/{name}"

    def response(self, request: Request, version: str, name: str) -> Response:
        """Return the answer with a file.

        A page of another version may ask while the server is updated; what it gets is not kept.

        Raises:
            NotFound: there is no such file.
        """
        asset = self.files.get(name)
        if asset is None:
            raise NotFound
        is_compressed = request.accept_encodings.quality("gzip") > 0
        content = asset.compressed if is_compressed else asset.content
        response = Response(content, mimetype=asset.mimetype, headers={"Vary": "Accept-Encoding"})
        if is_compressed:
            response.headers["Content-Encoding"] = "gzip"
        if version == self.version:
            response.headers["Cache-Control"] = _FOR_EVER
        return response
