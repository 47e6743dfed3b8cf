"""What each page forbids the browser: everything but this server's own files."""

from __future__ import annotations

from flask import Response, request

from .addresses import is_page

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def protect(response: Response) -> Response:
    """Add the headers of a page to ``response``, if it is one."""
    if response.mimetype == "text/html" and is_page(request):
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
    return response
