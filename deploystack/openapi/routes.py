"""``/api/openapi.*``: the document; ``/documentation``: the same for people, by Swagger UI.

Open before setup. From then on ``global.enable_swagger_docs`` decides, in every worker at once;
where it is off there is nothing here, for anybody. While the database is away nobody can tell
whether it is off, so nothing is shown either.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Blueprint, Flask, Response, current_app, render_template_string, url_for
from werkzeug.exceptions import NotFound

from ..database import get_database
from ..documented import Documented, File
from ..settings import get_settings
from .kept import Texts, get_texts

SETTING = "global.enable_swagger_docs"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI's style sheet has its icons in it, as data; it needs nothing else that is not ours."""

_JSON = File("application/json", "The document.")
_YAML = File("application/yaml", "The document.")
_OWN = {"page.css": "text/css", "start.js": "text/javascript"}
_SWAGGER_UI = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
    "LICENSE": "text/plain",
}

blueprint = Blueprint("documentation", __name__)


def init_openapi(app: Flask, version: str) -> None:
    """Let ``app``, which is of this version, show what it can do."""
    Texts(app, version)
    app.register_blueprint(blueprint)


def is_shown(app: Flask) -> bool:
    """Return whether the documentation is there to be read.

    Raises:
        ApiError: 503, the database is away, so nobody can tell.
    """
    state = get_database(app).current()
    return state.phase == "unconfigured" or bool(get_settings(app).get(SETTING))


@blueprint.before_request
def _refuse_if_hidden() -> None:
    if not is_shown(current_app):
        raise NotFound


@blueprint.get("/api/openapi.json")
@Documented({200: _JSON}, errors={404: ["not_found"]})
def as_json() -> Response:
    """Return this document."""
    return Response(get_texts(current_app).text("json"), mimetype="application/json")


@blueprint.get("/api/openapi.yaml")
@Documented({200: _YAML}, errors={404: ["not_found"]})
def as_yaml() -> Response:
    """Return this document as YAML."""
    return Response(get_texts(current_app).text("yaml"), mimetype="application/yaml")


blueprint.add_url_rule("/documentation/json", "json", as_json)
blueprint.add_url_rule("/documentation/yaml", "yaml", as_yaml)


@blueprint.get("/documentation")
@Documented({200: File("text/html", "The page.")}, errors={404: ["not_found"]})
def page() -> Response:
    """Show the documentation, in which calls can be tried."""
    template = _own("page.html").read_text("utf-8")
    text = render_template_string(template, document=url_for(".json"))
    response = Response(text, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/documentation/files/<name>")
@Documented({200: File("*/*", "The file.")}, errors={404: ["not_found"]})
def file(name: str) -> Response:
    """Return what the page consists of."""
    if name in _OWN:
        return Response(_own(name).read_bytes(), mimetype=_OWN[name])
    if name not in _SWAGGER_UI:
        raise NotFound
    content = files("flask_swagger_ui").joinpath("dist", name).read_bytes()
    return Response(content, mimetype=_SWAGGER_UI[name])


def _own(name: str) -> Traversable:
    return files(__package__).joinpath("static", name)
