"""``python -m deploystack``: serve."""

import signal
import sys

if __name__ == "__main__":
    # Process 1 of a container has no default for SIGTERM: without this it would miss one that comes
    # before the server listens to signals.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    from .server import main

    main()
