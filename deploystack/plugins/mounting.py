"""Putting a plugin's routes below ``/api/plugin/NAME/``, and nowhere else, whatever it passes.

A blueprint is code: as Flask registers it, it may do anything to the application it is registered
with. So it is registered with a scratch application that is thrown away, and only what it has asked
for there, and may ask for, is written into a blueprint of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from flask import Blueprint, Flask
from werkzeug.routing import Rule

from . import guarded
from .failure import PluginError
from .guarded import Wrap

if TYPE_CHECKING:
    import click

PREFIX = "/api/plugin"


def mount(name: str, given: Iterable[Any]) -> tuple[Blueprint, list[click.Command]]:
    """Return a blueprint with the routes of the plugin ``name``, and the commands that came along.

    Args:
        name: the plugin.
        given: its own blueprints.

    Raises:
        PluginError: ``plugin_route_invalid``.
    """
    scratch = Flask("plugin", static_folder=None)
    untouched = _application_wide(scratch)
    for blueprint in given:
        if not isinstance(blueprint, Blueprint):
            _refuse("The hook deploystack_blueprints returns blueprints of Flask.")
        scratch.register_blueprint(blueprint)
    if _application_wide(scratch) != untouched:
        _refuse(
            "A blueprint may not add what works on every request of the application, such as "
            "before_app_request or app_errorhandler. Use before_request or errorhandler."
        )
    mounted = Blueprint(name, __name__)
    ours = _rebuilt(scratch)
    views = {at: guarded.called(view) for at, view in scratch.view_functions.items()}
    for rule in scratch.url_map.iter_rules():
        owner, _, endpoint = rule.endpoint.rpartition(".")
        if owner not in ours:
            _refuse(_outside(name, rule.rule))
        _add(ours[owner], name, rule, endpoint, views[rule.endpoint])
    for full_name in sorted(ours, key=lambda full_name: -full_name.count(".")):
        parent = full_name.rpartition(".")[0]
        ours.get(parent, mounted).register_blueprint(ours[full_name])
    Flask("plugin", static_folder=None).register_blueprint(mounted)  # whatever it raises, not later
    return mounted, list(scratch.cli.commands.values())


def _application_wide(app: Flask) -> list[int]:
    """Return how many functions ``app`` calls for any request, by the occasion."""
    by_occasion: list[Any] = [
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.url_value_preprocessors,
        app.url_default_functions,
        app.template_context_processors,
        app.error_handler_spec,
    ]
    return [
        *(len(functions.get(None, ())) for functions in by_occasion),
        len(app.teardown_appcontext_funcs),
        len(app.url_build_error_handlers),
        len(app.url_map.converters),
    ]


def _rebuilt(scratch: Flask) -> dict[str, Blueprint]:
    """Return blueprints like those in ``scratch``, each with its functions and without routes."""
    ours = {}
    for full_name, theirs in scratch.blueprints.items():
        blueprint = ours[full_name] = Blueprint(
            full_name.rpartition(".")[2],
            theirs.import_name,
            template_folder=theirs.template_folder,
            root_path=theirs.root_path,
        )
        # As a function before the request and not as a preprocessor, so that whether the plugin
        # may be asked at all is decided first.
        for preprocess in scratch.url_value_preprocessors.get(full_name, ()):
            blueprint.before_request(guarded.preprocessing(preprocess))
        copies: list[tuple[Callable[[Any], Any], dict[Any, Any], Wrap]] = [
            (blueprint.before_request, scratch.before_request_funcs, guarded.called),
            (blueprint.after_request, scratch.after_request_funcs, guarded.after),
            (blueprint.teardown_request, scratch.teardown_request_funcs, guarded.at_the_end),
            (blueprint.url_defaults, scratch.url_default_functions, guarded.called),
            (blueprint.context_processor, scratch.template_context_processors, guarded.called),
        ]
        for add, functions, wrap in copies:
            for function in functions.get(full_name, ()):
                add(wrap(function))
        for handlers in scratch.error_handler_spec.get(full_name, {}).values():
            for kind, handler in handlers.items():
                blueprint.register_error_handler(kind, guarded.handling(handler))
    return ours


def _add(
    blueprint: Blueprint, name: str, rule: Rule, endpoint: str, view: Callable[..., Any]
) -> None:
    if rule.subdomain or rule.host:
        _refuse(f"The route {rule.rule!r} names a host or a subdomain. Leave it out.")
    blueprint.add_url_rule(
        _below_prefix(name, rule.rule),
        endpoint,
        view,
        provide_automatic_options=getattr(rule, "provide_automatic_options", True),
        methods=rule.methods,
        defaults=rule.defaults,
        strict_slashes=rule.strict_slashes,
        redirect_to=rule.redirect_to,
        build_only=rule.build_only,
    )


def _below_prefix(name: str, path: str) -> str:
    """Return where the route ``path`` of the plugin ``name`` is; it may be given in full."""
    home = f"{PREFIX}/{name}"
    if path == home or path.startswith(f"{home}/"):
        return path
    if path == "/api" or path.startswith("/api/"):
        _refuse(_outside(name, path))
    return home + path


def _outside(name: str, path: str) -> str:
    return (
        f"A plugin's routes are below {PREFIX}/{name}/. {path!r} is not. Write it without /api: "
        "it is put there by itself."
    )


def _refuse(sentence: str) -> NoReturn:
    raise PluginError("plugin_route_invalid", sentence)
