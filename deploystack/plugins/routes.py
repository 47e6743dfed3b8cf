"""``/api/plugins``: which plugins there are; ``/api/plugin/NAME/``: the routes of each."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, current_app, has_request_context, request, url_for
from werkzeug.exceptions import InternalServerError

from ..access import require_permission
from ..app import json_response
from ..database import db
from ..database.errors import register_database_errors
from ..documented import Documented
from ..errors import ApiError, answer, register_error_handlers
from ..models import record
from . import guarded
from .answers import PluginDone, PluginFound, Plugins
from .codes import OUT_OF_SERVICE
from .mounting import PREFIX
from .plugin import Plugin
from .registry import is_disabled
from .report import report
from .service import Service, get_service

blueprint = Blueprint("plugins", __name__, url_prefix="/api/plugins")

_UNKNOWN = {404: ["plugin_unknown"]}


@blueprint.get("")
@Documented({200: Plugins}, needs_database=False)
def index() -> Response:
    """Tell of each plugin, in the order of their names, how it is. Needs no database."""
    service = get_service(current_app)
    service.wait()
    return json_response(
        {"success": True, "data": [shown(service, plugin) for plugin in service.plugins.all]}
    )


def shown(service: Service, plugin: Plugin) -> dict[str, Any]:
    """Return what everybody may know of a plugin."""
    failure = service.plugins.failure(plugin)
    return {
        "name": plugin.name,
        "version": plugin.version,
        "description": plugin.metadata.description if plugin.metadata else "",
        "state": service.state(plugin),
        "code": failure.code if failure else None,
        "error": failure.sentence if failure else None,
    }


@blueprint.get("/<name>")
@require_permission("plugins.manage")
@Documented({200: PluginFound}, errors=_UNKNOWN)
def show(name: str) -> Response:
    """Tell all about one plugin: tables, revisions, settings, routes, and why it failed."""
    service = get_service(current_app)
    plugin = service.plugins.get(name)
    service.wait()
    return json_response({"success": True, "data": _details(plugin)})


@blueprint.post("/<name>/retry")
@require_permission("plugins.manage")
@Documented(
    {200: PluginDone},
    errors={
        **_UNKNOWN,
        409: ["plugin_disabled", "plugin_needs_restart"],
        503: OUT_OF_SERVICE,
    },
)
def retry(name: str) -> Response:
    """Try a quarantined plugin again, in every process; wait a moment for how it goes."""
    service = get_service(current_app)
    plugin = service.plugins.get(name)
    if plugin.is_disabled:
        raise is_disabled(name)
    if plugin.rejected:
        raise ApiError(
            409,
            "plugin_needs_restart",
            f"The plugin {name!r} could not be loaded. Mend it, then restart the server, which "
            "loads it again.",
            {"plugin": name, "reason": plugin.rejected.code},
        )
    session = db.session()
    record(session, "plugins.retry", name)
    session.commit()
    service.plugins.retry(plugin)
    service.require_active(name)
    message = f"The plugin {name!r} works."
    return json_response({"success": True, "data": _details(plugin), "message": message})


def all_details(app: Flask) -> list[dict[str, Any]]:
    """Return what an administrator may know of each plugin, as this process has it."""
    service = get_service(app)
    found = []
    for plugin, entry in zip(service.plugins.all, report(app), strict=True):
        del entry["cause"], entry["origin"]  # of use to whoever sits at the machine
        found.append(entry | shown(service, plugin) | {"can_retry": plugin.is_loaded})
    return found


def _details(plugin: Plugin) -> dict[str, Any]:
    index = get_service(current_app).plugins.all.index(plugin)
    return all_details(current_app)[index]


def mount_routes(app: Flask) -> None:
    """Register the routes of every plugin with ``app``, behind one that decides who is asked."""
    mounted = Blueprint("plugin", __name__)
    mounted.before_request(_refuse_unless_active)
    mounted.after_request(guarded.watched)
    handlers = guarded.Handlers(get_service(app).failed)
    register_error_handlers(handlers, _answer_failure)
    register_database_errors(handlers, _answer_failure)
    # What Flask has no other way to tell of: an error while an error was handled.
    handlers[InternalServerError] = lambda error: handlers.answer(error.original_exception or error)
    for kind, handler in handlers.items():
        mounted.register_error_handler(kind, handler)
    app.extensions[guarded.EXTENSION] = handlers
    for plugin in get_service(app).plugins.loaded:
        if plugin.blueprint:
            mounted.register_blueprint(plugin.blueprint)
    app.register_blueprint(mounted)
    app.before_request(_tell_of_absent)
    app.url_build_error_handlers.append(_within_plugin)


def _refuse_unless_active() -> Response | None:
    try:
        get_service(current_app).require_active(guarded.request_plugin())
    except ApiError as error:
        return guarded.refuse(answer(error))
    return None


def _answer_failure(error: Exception) -> Response:
    """Quarantine the plugin that has raised what nobody foresaw."""
    return answer(get_service(current_app).failed(guarded.request_plugin(), error))


def _tell_of_absent() -> None:
    """Answer for a plugin that is out of service, also where no route of it is known."""
    if request.routing_exception is None or not request.path.startswith(f"{PREFIX}/"):
        return
    plugins = get_service(current_app).plugins
    name = request.path.removeprefix(f"{PREFIX}/").partition("/")[0]
    for plugin in plugins.all:
        failure = plugin.name == name and plugins.failure(plugins.get(name))
        if failure:
            raise failure.as_api_error(name)


def _within_plugin(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
    """Find ``url_for("notes.index")`` in a request to a plugin, as if it were the application."""
    if has_request_context() and (request.endpoint or "").startswith("plugin."):
        full = f"plugin.{guarded.request_plugin()}.{endpoint}"
        if full in current_app.view_functions:
            return url_for(full, **values)
    raise error
