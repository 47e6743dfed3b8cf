"""The pages: the way to set up, to log in, and the console. Plain HTML, clients of the same API.

``docs/how-to/pages.md`` says how they are made, and how to add one.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from ..errors import register_error_page
from . import form_token, headers
from .assets import blueprint as static_blueprint
from .console import PAGES, init_console
from .errors import error_page
from .rendering import init_rendering
from .session_pages import blueprint as session_blueprint
from .wizard.routes import blueprint as wizard_blueprint

__all__ = ["init_web"]


def init_web(app: Flask) -> None:
    """Give ``app`` its pages. Needs no database: without one each of them leads to ``/setup``."""
    init_rendering(app)
    init_console(app)
    register_error_page(app, error_page)
    app.after_request(headers.protect)
    pages = Blueprint("web", __name__)
    pages.before_request(form_token.check_form)
    pages.after_request(form_token.keep)
    for blueprint in (static_blueprint, session_blueprint, wizard_blueprint, *PAGES):
        pages.register_blueprint(blueprint)
    app.register_blueprint(pages)
