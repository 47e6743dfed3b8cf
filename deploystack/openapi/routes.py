"""``/api/openapi.*``: the document; ``/documentation``: the same for people, by Swagger UI.

Open before setup. From then on ``global.enable_swagger_docs`` decides, in every worker at once;
where it is off there is nothing here, for anybody. While the database is away nobody can tell
whether it is off, so nothing is shown either.
"""

from __future__ import annotations

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    render_template_string,
    request,
    url_for,
)
from werkzeug.exceptions import NotFound

from ..database import get_database
from ..documented import Documented, File
from ..settings import get_settings
from ..settings.codes import UNREADABLE
from .files import page_assets, page_template
from .kept import Texts, get_texts

SETTING = "global.enable_swagger_docs"

_HIDDEN = {404: ["not_found"], 503: UNREADABLE}
_JSON = File("application/json", "The document.")
_YAML = File("application/yaml", "The document.")

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
@Documented({200: _JSON}, errors=_HIDDEN)
def as_json() -> Response:
    """Return this document."""
    return Response(get_texts(current_app).text("json"), mimetype="application/json")


@blueprint.get("/api/openapi.yaml")
@Documented({200: _YAML}, errors=_HIDDEN)
def as_yaml() -> Response:
    """Return this document as YAML."""
    return Response(get_texts(current_app).text("yaml"), mimetype="application/yaml")


blueprint.add_url_rule("/documentation/json", "json", as_json)
blueprint.add_url_rule("/documentation/yaml", "yaml", as_yaml)


@blueprint.get("/documentation")
@Documented({200: File("text/html", "The page.")}, errors=_HIDDEN)
def page() -> Response:
    """Show the documentation, in which calls can be tried."""
    asset = page_assets(current_app).address
    text = render_template_string(page_template(), document=url_for(".json"), asset=asset)
    return Response(text, mimetype="text/html")


@blueprint.get("/documentation/files/<version>/<name>")
@Documented({200: File("*/*", "The file.")}, errors=_HIDDEN)
def file(version: str, name: str) -> Response:
    """Return what the page consists of."""
    return page_assets(current_app).response(request, version, name)
