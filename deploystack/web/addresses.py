"""Which addresses are pages, and which of them may be led to."""

from __future__ import annotations

from flask import Request

_NO_PAGES = ("/api/", "/static/")
_WATCHERS = frozenset({"/api", "/livez", "/readyz"})


def is_page(request: Request) -> bool:
    """Return whether ``request`` is for an address where pages are, or would be."""
    path = request.path
    return not path.startswith(_NO_PAGES) and path not in _WATCHERS


def wants_page(request: Request) -> bool:
    """Return whether ``request`` comes from a browser that goes to a page.

    A program that asks for the same address is told of errors as everywhere, in JSON.
    """
    return is_page(request) and "text/html" in request.headers.get("Accept", "")


def local(address: str | None, default: str = "/") -> str:
    r"""Return ``address`` if it leads to a page of this server, or else ``default``.

    A browser takes ``//host`` and ``/\\host`` for another server, and leaves out tabs and line
    breaks first (WHATWG URL Standard, 4.4).
    """
    is_local = (
        address is not None
        and address.startswith("/")
        and not address.startswith(("//", "/\\"))
        and "\\" not in address
        and address.isprintable()
        and len(address) <= 1000
    )
    return address if is_local and address else default
