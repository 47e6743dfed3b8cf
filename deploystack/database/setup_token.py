"""The setup token: proof that whoever sets up can read the server's data folder."""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..config import Config

log = logging.getLogger(__name__)


def token_file(config: Config) -> Path:
    """Return where the setup token is kept."""
    return config.data_dir / "setup.token"


def ensure_token(config: Config) -> str:
    """Return the setup token, made if there is none. Logs where it is, never what it is."""
    path = token_file(config)
    with suppress(FileNotFoundError):
        found = path.read_text("ascii").strip()
        if found:
            return found
    return renew_token(config)


def renew_token(config: Config) -> str:
    """Make a new setup token of 256 bits and return it; an earlier one is void."""
    path = token_file(config)
    token = secrets.token_urlsafe(32)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    draft.rename(path)
    log.info("Made a setup token; it is in %s.", path)
    return token


def remove_token(config: Config) -> None:
    """Remove the setup token: there is nothing left to set up."""
    token_file(config).unlink(missing_ok=True)
