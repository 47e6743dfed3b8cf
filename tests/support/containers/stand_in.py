"""Programs that a machine of the documentation has, and this one has not.

What is typed into a terminal there reaches a function here, by way of a small program of that name.
"""

from __future__ import annotations

import json
import socketserver
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.support.machine import Ended

Answer = Callable[[list[str], Path, str], Ended]
"""Does what the arguments say, in a folder, with what comes in if it is told to read that (-T)."""

PROGRAM = """#!{python} -I
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({socket!r})
    with asked.makefile("rw") as stream:
        told = sys.stdin.read() if "-T" in sys.argv else ""
        stream.write(json.dumps([sys.argv[1:], os.getcwd(), told]) + "\\n")
        stream.flush()
        code, output, errors = json.loads(stream.readline())
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(code)
"""


class StandIn:
    """A program on the search path of a machine.

    Args:
        folder: a folder on that path.
        name: what the program is called.
        answer: does what it is told.
    """

    def __init__(self, folder: Path, name: str, answer: Answer) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="stand-in-", dir="/tmp")
        socket = f"{self._place.name}/socket"

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                arguments, cwd, stdin = json.loads(self.rfile.readline())
                try:
                    ended = answer(arguments, Path(cwd), stdin)
                except BaseException:  # noqa: BLE001  # whoever typed it sees what is wrong
                    ended = Ended(125, "", traceback.format_exc())
                self.wfile.write(json.dumps(ended).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(socket, Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        program = folder / name
        program.write_text(PROGRAM.format(python=sys.executable, socket=socket))
        program.chmod(0o755)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._place.cleanup()
