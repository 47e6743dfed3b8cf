"""Logs for people and for machines, with the request's id in each line and no secret in any."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from flask import has_request_context, request

if TYPE_CHECKING:
    from .config import Config

REQUEST_ID = "deploystack.request_id"
"""The key of the request's id in the WSGI environment."""

_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]+(@)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PACKAGE = Path(__file__).resolve().parent


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` is at that moment, so that tests can capture it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _Formatter(logging.Formatter):
    """What both formats share: one line a record, an exception as a sentence, no URL password."""

    def text(self, record: logging.LogRecord) -> str:
        """Return the record's message with its exception, if any, in one line."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            message = f"{message}: {describe(record.exc_info[1])}"
        return _CONTROL.sub(" ", _URL_PASSWORD.sub(r"\1***\2", message))


class HumanFormatter(_Formatter):
    """``12:00:00 INFO    deploystack.server: message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line for a person."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        request_id = _request_id()
        suffix = f" [{request_id}]" if request_id else ""
        return f"{when} {record.levelname:<7} {record.name}: {self.text(record)}{suffix}"


class JsonFormatter(_Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, ``request_id``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line for a machine."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.text(record),
            "process": record.process,
        }
        request_id = _request_id()
        if request_id:
            entry["request_id"] = request_id
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure_logging(config: Config) -> None:
    """Send every log of this process to standard error as ``config`` asks.

    Logging belongs to the process, not to an application: where several applications live in
    one process, the one made last decides.
    """
    root = logging.getLogger()
    handler = next((h for h in root.handlers if isinstance(h, _StderrHandler)), None)
    if handler is None:
        handler = _StderrHandler()
        root.addHandler(handler)
    handler.setFormatter(JsonFormatter() if config.log_format == "json" else HumanFormatter())
    root.setLevel(config.log_level)
    # Talks about itself; the migrator tells each revision that is applied.
    talkative = config.log_level == "DEBUG"
    logging.getLogger("alembic.runtime").setLevel("DEBUG" if talkative else "WARNING")


def describe(error: BaseException) -> str:
    """Return ``error`` in one line for the log: what, why and where, without driver text.

    A database driver's message may repeat a connection string or a row, so only its class and
    its SQLSTATE are told.
    """
    driver_error = getattr(error, "orig", None) or error
    code = getattr(driver_error, "pgcode", None) or getattr(driver_error, "sqlite_errorname", None)
    module = type(driver_error).__module__.partition(".")[0]
    if module in {"psycopg2", "sqlite3", "sqlalchemy"}:
        what = f"{type(driver_error).__name__} {code or ''}".rstrip()
    else:
        what = f"{type(error).__name__}: {_text(error)}"
    return f"{what} ({_where(error)})"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception:  # noqa: BLE001  # an exception of a plugin may fail at that, too
        return "(it cannot be printed)"


def _where(error: BaseException) -> str:
    frames = []
    traceback = error.__traceback__
    while traceback:
        path = Path(traceback.tb_frame.f_code.co_filename)
        name = path.relative_to(_PACKAGE) if path.is_relative_to(_PACKAGE) else path.name
        frames.append((f"{name}:{traceback.tb_lineno}", "site-packages" in path.parts))
        traceback = traceback.tb_next
    # An error of a driver arises deep in libraries; where they were called from is what helps.
    callers = [place for place, is_library in frames[:-4] if not is_library]
    return " > ".join([*callers[-4:], *(place for place, _ in frames[-4:])]) or "no frame"


def _request_id() -> str | None:
    if not has_request_context():
        return None
    value = request.environ.get(REQUEST_ID)
    return value if isinstance(value, str) else None
