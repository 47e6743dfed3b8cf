"""Why a plugin is not used: one exception, raised where the cause is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import ApiError
from ..logs import describe


class PluginError(Exception):
    """A plugin that fails, or breaks a rule.

    Args:
        code: a stable name such as ``plugin_seed_failed``.
        sentence: what is wrong and what to do next. No driver text, no path.
        cause: the technical reason, for the operator's log and commands only.
    """

    def __init__(self, code: str, sentence: str, cause: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.cause = cause


TIMEOUT = (
    "It did not come back in time and was cut off. Mend it, or raise DEPLOYSTACK_PLUGIN_TIMEOUT."
)


class Stuck(BaseException):
    """A function was cut off that had a connection which others use too: that is lost."""


@dataclass(frozen=True)
class Failure:
    """Why a plugin is quarantined.

    Attributes:
        code: a stable name.
        sentence: for a person, with the remedy.
        cause: for the operator only.
        at: when, in seconds since 1970.
        build: which code of the plugin it was; see :attr:`.Plugin.build`.
    """

    code: str
    sentence: str
    cause: str | None = None
    at: float = field(default_factory=time.time)
    build: str = ""

    def for_operator(self) -> str:
        """Return all there is to say, for a terminal."""
        return f"{self.sentence} [{self.code}]" + (f"\n{self.cause}" if self.cause else "")

    def as_api_error(self, plugin: str) -> ApiError:
        """Return the 503 that the plugin's routes answer."""
        return ApiError(
            503,
            self.code,
            f"The plugin {plugin!r} is out of service. {self.sentence}",
            {"plugin": plugin, "reason": self.code},
            {"Retry-After": "30"},
        )


def failure_of(error: BaseException, code: str, sentence: str) -> Failure:
    """Return what an exception of a plugin means: itself, or ``code`` if nobody foresaw it."""
    if isinstance(error, Stuck):
        return Failure("plugin_timeout", TIMEOUT)
    if isinstance(error, PluginError):
        return Failure(error.code, error.sentence, error.cause)
    return Failure(code, sentence, describe(error))


@contextmanager
def blamed(code: str, sentence: str) -> Iterator[None]:
    """Turn whatever a plugin raises, an attempt to exit too, into a :class:`PluginError`."""
    try:
        yield
    except (PluginError, Stuck, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin is free to raise anything
        raise PluginError(code, sentence, describe(error)) from error
