"""A plugin's functions in a request, kept from doing what none of them may.

While the plugin is out of service none is called, not even one for errors. Nothing but an
``Exception`` comes out of one. What fails after the view is answered as if the view had failed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, current_app, g, request

from ..errors import ApiError

EXTENSION = "deploystack_plugin_errors"


class Handlers(dict[type[Exception], Callable[[Any], Response]]):
    """What answers for an exception of a plugin that the plugin does not answer for itself.

    Args:
        failed: puts the plugin of this name out of service, for an exception that nobody foresaw.
    """

    def __init__(self, failed: Callable[[str, Exception], ApiError]) -> None:
        super().__init__()
        self.failed = failed

    def register_error_handler(
        self, kind: type[Exception], handler: Callable[[Any], Response]
    ) -> None:
        """Let ``handler`` answer for ``kind``, as an application does."""
        self[kind] = handler

    def answer(self, error: Exception) -> Response:
        """Return the answer for ``error``, by what is registered for the nearest of its kinds."""
        return next(self[kind] for kind in type(error).__mro__ if kind in self)(error)


Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


def refuse(response: Response) -> Response:
    """Answer with ``response`` in place of the plugin, none of whose functions is called."""
    g._plugin_refused = True
    return response


def called(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function``, but an attempt to end the process becomes an error like others."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError(f"it raised {type(error).__name__}") from error

    return call


def preprocessing(function: Callable[[Any, Any], Any]) -> Callable[[], None]:
    """Return a URL value preprocessor as a function before the request."""

    def before() -> None:
        called(function)(request.endpoint, request.view_args)

    return before


def after(function: Callable[[Any], Any]) -> Callable[[Response], Response]:
    """Return a function after the request; an error of it is answered like one of the view."""

    def call(response: Response) -> Response:
        if "_plugin_refused" in g:
            return response
        try:
            result: Response = called(function)(response)
            return result
        except Exception as error:  # noqa: BLE001  # whoever is registered for it answers
            return current_app.make_response(current_app.handle_user_exception(error))

    return call


def at_the_end(function: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return a function at the end of the request, when there is nobody left to answer."""

    def call(raised: BaseException | None) -> None:
        if "_plugin_refused" in g:
            return
        try:
            called(function)(raised)
        except Exception as error:  # noqa: BLE001  # told in the log, and quarantines
            _handlers().answer(error)  # which nobody gets, but it decides whose fault it is

    return call


def handling(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an error handler; an error of its own is answered by the application."""

    def call(error: Exception) -> Any:
        if "_plugin_refused" in g:
            raise error
        try:
            return called(handler)(error)
        except Exception as another:  # noqa: BLE001
            return _handlers().answer(another)

    return call


def watched(response: Response) -> Response:
    """Let a body that is made while it is sent end, and not break, where making it fails."""
    if response.is_streamed and not response.direct_passthrough:
        response.response = _until_it_fails(response.response, _handlers(), request_plugin())
    return response


def _until_it_fails(body: Iterable[Any], handlers: Handlers, name: str) -> Iterator[Any]:
    try:
        yield from body
    except Exception as error:
        handlers.failed(name, error)
        raise


def request_plugin() -> str:
    """Return the plugin that the request is for: its endpoint is ``plugin.NAME.…``."""
    return (request.endpoint or "").split(".")[1]


def _handlers() -> Handlers:
    handlers: Handlers = current_app.extensions[EXTENSION]
    return handlers
