"""Rendering pages: an environment of their own, which no plugin's templates get into."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..assets import Assets
from . import assets, language
from .addresses import local
from .form_token import form_token
from .sentences import sentences

EXTENSION = "deploystack_pages"
TEMPLATES = Path(__file__).parent / "templates"


def init_rendering(app: Flask) -> None:
    """Prepare ``app`` to render pages."""
    found = assets.read_assets()
    app.extensions[assets.EXTENSION] = found
    app.extensions[language.EXTENSION] = language.load_translations()
    app.extensions[EXTENSION] = _environment(found)


def render(template: str, status: int = 200, **context: Any) -> Response:
    """Return a page.

    Args:
        template: its file in ``templates/``.
        status: the HTTP status.
        context: what the template needs; a name that is missing is an error.
    """
    environment: Environment = current_app.extensions[EXTENSION]
    text = environment.get_template(template).render(context)
    return Response(text, status, mimetype="text/html")


def lead_to(address: str) -> Response:
    """Return the answer that sends a browser on to another page, which it then asks for."""
    return Response(status=303, headers={"Location": address})


def _environment(found: Assets) -> Environment:
    environment = Environment(
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        loader=FileSystemLoader(TEMPLATES),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {}  # in the order they have
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # from the extension
        language.gettext, language.ngettext, newstyle=True
    )
    environment.filters["coded"] = _coded
    environment.globals.update(
        current_language=language.current_language,
        form_token=form_token,
        language_address=_language_address,
        languages=language.LANGUAGES,
        path=lambda: request.path,
        sentences=sentences,
        static=found.address,
    )
    return environment


def _coded(sentence: str) -> Markup:
    """Return a sentence of the API with what is in backticks set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704


def _language_address(code: str) -> str:
    """Return where the language is switched, and then led back to this page."""
    query = request.query_string.decode("ascii", "replace")
    page = local(f"{request.path}?{query}" if query else request.path)
    if request.method == "POST" and request.path == "/login":
        page = f"/login?{urlencode({'next': local(request.values.get('next'))})}"
    return f"/language/{code}?{urlencode({'next': page})}"
