"""The application for WSGI servers and for the ``flask`` command: ``wsgi:app``."""

from deploystack import create_app
from deploystack.config import ConfigError

try:
    app = create_app()
except ConfigError as error:
    raise SystemExit(f"deploystack: {error}") from None
