"""The folder that holds all data, and the key that was generated for it."""

from __future__ import annotations

import errno
import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path

from .config import Config, ConfigError
from .errors import ApiError

log = logging.getLogger(__name__)


def prepare_data_folder(config: Config) -> None:
    """Make the data folder, for this user alone, and the lock of setup in it.

    The lock's file is there before any setup, so that a setup that fails leaves nothing new.

    Raises:
        ConfigError: it cannot be made or written.
    """
    folder = config.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.setup_lock.touch(mode=0o600)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def data_folder_refused(error: OSError) -> ApiError:
    """Return the answer for a data folder that cannot be written just now; log why."""
    log.error("The data folder refused: %s", os.strerror(error.errno or 0))
    return ApiError(
        500,
        "data_folder_not_writable",
        "The data folder cannot be written. Check its rights and that the disk is not full, then "
        "try again. Nothing was changed.",
    )


def signing_key(config: Config) -> str:
    """Return the key that signs: the operator's, or one generated once and kept.

    Raises:
        ConfigError: the one that was kept cannot be read.
    """
    if config.secret_key:
        return config.secret_key
    path = config.data_dir / "secret.key"
    try:
        key = _load_or_create(path)
        if not key:
            raise ValueError("it is empty")
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from None
    return key


def _unusable(path: Path, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else error
    return ConfigError(
        f"DEPLOYSTACK_DATA_DIR cannot be used because of {str(path)!r}: {why}. Name a folder "
        "that this process may read and write."
    )


def _load_or_create(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    with suppress(FileExistsError):  # another process was faster: its key is everybody's
        os.link(draft, path)
    draft.unlink()
    return path.read_text("ascii").strip()
