"""The production server: worker processes with threads, on Granian.

The application is built once, before the workers are forked, and holds no connection then. Each
worker begins to follow the database as it starts to serve, which applies what is pending.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from importlib import import_module
from multiprocessing import parent_process
from typing import TYPE_CHECKING

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from .config import SERVER_THREADS, Config
from .database import Database, get_database
from .database.access import announce_setup

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

WARM_UP_SECONDS = 0.5
"""How long after its start a worker gets ready for a setup: once the first page was answered."""

STOP_SECONDS = 10
"""How long requests in flight may take to finish once the server is told to stop."""

GRANIAN_LOGS: dict[str, object] = {
    "incremental": True,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}
"""Granian has no log handler of its own: it speaks through ours."""


def main() -> None:
    """Serve ``wsgi:app`` until SIGINT or SIGTERM.

    Raises:
        SystemExit: the configuration cannot be used; its one sentence says why.
    """
    database = get_database(_application())
    config = database.config
    server = Server(
        "wsgi:app",
        address=_free_address(config),
        port=config.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=config.web_concurrency,
        blocking_threads=SERVER_THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.debug if config.log_level == "DEBUG" else LogLevels.error,
        log_dictconfig=GRANIAN_LOGS,
    )
    server.on_startup(lambda: _greet(database))
    server.on_shutdown(lambda: log.info("Stopped."))
    # Until a new worker listens to signals it has nothing to finish, so that one simply ends it.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    server.serve(target_loader=_serve_in_worker, wrap_loader=False)


def _free_address(config: Config) -> str:
    """Return the IP address to listen on, once it is certain that nobody else listens there.

    Granian takes no names, and would share the port with another server of the same user
    (SO_REUSEPORT), so that each gets some of the requests.

    Raises:
        SystemExit: this process cannot listen there.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a host name"
        raise SystemExit(
            f"deploystack: HOST and PORT cannot be used: {_place(config)}: {why}. Stop what "
            "listens there, or choose another place."
        ) from None
    return str(address[0])


def _application() -> Flask:
    # By name, so that it is the same application in a forked worker and another in a spawned
    # one (macOS); a plain import would be a circle to the type checker.
    app: Flask = import_module("wsgi").app
    return app


def _serve_in_worker() -> Flask:
    # Ctrl-C reaches every process, and then the main one sends each worker SIGTERM. When both
    # come together, most workers miss both: measured, and Granian kills them after STOP_SECONDS.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    app = _application()
    database = get_database(app)
    database.start()
    threading.Thread(target=_end_with_the_server, daemon=True, name="server").start()
    warming = threading.Timer(WARM_UP_SECONDS, _warm_up, [database])
    warming.daemon = True
    warming.start()
    return app


def _end_with_the_server() -> None:
    """Stop this worker when the main process is gone: killed, it could not say so."""
    server = parent_process()
    if server:
        server.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _warm_up(database: Database) -> None:
    """Import what the setup to come will need, which is most of the time that it takes."""
    if database.current().phase == "unconfigured":
        import_module("alembic.command")


def _greet(database: Database) -> None:
    """Tell whoever started the server what to do next."""
    config = database.config
    log.info("Serving on http://%s with %s workers.", _place(config), config.web_concurrency)
    announce_setup(database)


def _place(config: Config) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{host}:{config.port}"
