"""The setup token: proof that whoever sets up can read the server's data folder."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from ..config import Config
from ..data_folder import data_folder_refused

log = logging.getLogger(__name__)


def token_file(config: Config) -> Path:
    """Return where the setup token is kept."""
    return config.data_dir / "setup.token"


def ensure_token(config: Config) -> str:
    """Return the setup token, made if there is none. Logs where it is, never what it is.

    Raises:
        ApiError: 500, the data folder cannot be written.
    """
    path = token_file(config)
    try:
        found = _read(path)
        if found is None:
            return _make(path, os.link)
        return found or _make(path, os.replace)  # one that was cut short is nobody's
    except OSError as error:
        raise data_folder_refused(error) from error


def renew_token(config: Config) -> str:
    """Make a new setup token and return it; an earlier one is void."""
    return _make(token_file(config), os.replace)


def remove_token(config: Config) -> None:
    """Remove the setup token: there is nothing left to set up. One that stays opens nothing."""
    path = token_file(config)
    try:
        path.unlink(missing_ok=True)
    except OSError:
        log.warning("The setup token in %s could not be removed.", path)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return None


def _make(path: Path, put: Callable[[Path, Path], None]) -> str:
    """Make a token of 256 bits and ``put`` it in its place; return what is there then."""
    token = secrets.token_urlsafe(32)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    try:
        put(draft, path)
        log.info("Made a setup token; it is in %s.", path)
    except FileExistsError:  # another process was faster: its token is everybody's
        pass
    finally:
        draft.unlink(missing_ok=True)
    return _read(path) or token
