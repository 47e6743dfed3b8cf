"""``python -I deploy/healthcheck.py``: ends with 0 if the server on this machine is alive.

For what watches a container from within, where there is neither curl nor wget. It imports nothing
of DeployStack, which would take longer than the question.
"""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 3.0
"""How long the server may take to answer."""


def main() -> None:
    """Ask ``/livez`` at ``PORT``.

    Raises:
        SystemExit: 0 if it answered 200; 1 with a sentence otherwise.
    """
    # Of all variables only this one is read: one that is wrong would not let the server live.
    port = int(os.environ.get("PORT") or 3000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except OSError as error:
        sys.exit(f"deploystack: nobody answers on port {port}: {error.strerror or error}.")
    except http.client.HTTPException:
        sys.exit(f"deploystack: what answers on port {port} is no HTTP.")
    finally:
        connection.close()
    sys.exit(None if status == 200 else f"deploystack: /livez answered {status}.")


if __name__ == "__main__":
    main()
