"""What every request goes through: its id, its Host, its origin, its JSON body."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, ClassVar, NoReturn

from flask import Flask, Request, Response, request
from marshmallow import Schema, ValidationError, fields
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, RequestRedirect

from .config import LOOPBACK_HOSTS, Config
from .errors import CODES, SENTENCES, ApiError, invalid_fields
from .logs import REQUEST_ID

MAX_JSON_BYTES = 4096

OWN_FORM = "deploystack.own_form"
"""Set in the environ of a request that is a form of a page of ours, and has proved it."""

_END_OF_LINE = re.compile(r"[\r\n]")
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::[0-9]{1,5})?", re.ASCII)


def register_http(app: Flask, config: Config) -> None:
    """Give each request of ``app`` an id, and refuse a Host the operator did not allow."""
    if config.trusted_proxies:
        n = config.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=n, x_proto=n, x_host=n, x_port=n
        )
    allowed = LOOPBACK_HOSTS | config.allowed_hosts

    def before() -> None:
        environ = request.environ
        given = environ.get("HTTP_X_REQUEST_ID")
        sane = given and _SANE_REQUEST_ID.fullmatch(given)
        environ[REQUEST_ID] = given if sane else secrets.token_hex(8)
        name = host_name(request)
        # Whoever watches the process asks for it by address; it learns nothing but "alive".
        is_watcher = request.blueprint == "health"
        if name not in allowed and not is_watcher and not _is_allowed(name, allowed):
            raise ApiError(
                403,
                "host_not_allowed",
                "This server does not answer to that host name. If it should, the operator adds "
                "the name to DEPLOYSTACK_ALLOWED_HOSTS.",
            )

        # A redirect repeats the query in a header, which cannot hold the end of a line.
        is_redirect = isinstance(request.routing_exception, RequestRedirect)
        if is_redirect and _END_OF_LINE.search(environ.get("QUERY_STRING", "")):
            _bad_request("The address has the end of a line in it. Correct it.", "bad_request")

    def after(response: Response) -> Response:
        headers = response.headers
        headers["X-Request-ID"] = request.environ.get(REQUEST_ID, "")
        headers["X-Content-Type-Options"] = "nosniff"
        if "immutable" not in headers.get("Cache-Control", ""):
            headers["Cache-Control"] = "no-store"
        return response

    app.before_request(before)
    app.after_request(after)


class Whole(fields.Integer):
    """The field of a body that holds a whole number, as JSON Schema has it: ``5.0`` is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)

    def _validated(self, value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super()._validated(value)


def excluding(*names: str, example: str) -> type[BaseConverter]:
    """Return the kind of a variable in an address that is whatever is not one of ``names``."""

    class Excluding(BaseConverter):
        regex = rf"(?!(?:{'|'.join(sorted(names))})\Z)[^/]+"
        json_schema: ClassVar[dict[str, Any]] = {"examples": [example]}

    return Excluding


def host_name(request: Request) -> str:
    """Return the Host header's name in lower case, without port and brackets.

    Nothing is returned for a header that is missing, or is not a name and perhaps a port.
    """
    found = _HOST.fullmatch(request.environ.get("HTTP_HOST", ""))
    return (found[1] or found[2]).lower() if found else ""


def require_same_origin(request: Request, *, is_told: bool = False) -> None:
    """Refuse what another site's page made a browser send.

    Args:
        request: the request.
        is_told: whether it must tell where it is from. What no browser sends may leave that out,
            as long as nothing in it counts that a browser adds by itself.

    Raises:
        ApiError: 403 ``cross_origin``.
    """
    if request.environ.get(OWN_FORM):
        return
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if (
        site not in {"same-origin", "none", None}
        or (origin is not None and origin.lower() != own_origin(request))
        or (is_told and site is None and origin is None)
    ):
        raise ApiError(
            403,
            "cross_origin",
            "This call may only come from this server's own pages. Open the server's own "
            "address; behind a proxy, the operator sets DEPLOYSTACK_TRUSTED_PROXIES. A script "
            "sends a token, or with a cookie its Origin.",
        )


def own_origin(request: Request) -> str:
    """Return the origin of this server, as whoever sent ``request`` calls it, in lower case."""
    return f"{request.scheme}://{request.host}".lower()  # without a port that is the scheme's own


def has_body(request: Request) -> bool:
    """Return whether ``request`` has a body, of a length that may not be known yet."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def read_json(request: Request, schema: Schema, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Return the JSON object in the body of ``request``, as ``schema`` loads it.

    Args:
        request: the request.
        schema: what the object must be like.
        max_bytes: how long the body may be.

    Raises:
        ApiError: 415 not JSON, 413 too long, 400 with the fields in ``details``.
    """
    if request.mimetype != "application/json":
        raise ApiError(415, CODES[415], SENTENCES[415])
    # One byte more is read: a body without Content-Length (chunked) is cut at the limit in silence.
    request.max_content_length = max_bytes + 1
    data = request.get_data()
    if len(data) > max_bytes:
        raise ApiError(413, CODES[413], SENTENCES[413])
    try:
        body = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_repetition,
            parse_constant=_refuse_constant,
        )
        # Half of a surrogate pair, escaped, gets this far: no Unicode (RFC 7493, 2.1), and no
        # database takes it.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _bad_request("The body is not valid JSON. Correct it and send it again.", "invalid_json")
    if not isinstance(body, dict):
        _bad_request("The body must be a JSON object.", "invalid_body")
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise invalid_fields(error) from None
    return loaded


def _bad_request(sentence: str, code: str) -> NoReturn:
    raise ApiError(400, code, sentence)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_allowed(name: str, allowed: frozenset[str]) -> bool:
    return "*" in allowed or any(a.startswith(".") and name.endswith(a) for a in allowed)
