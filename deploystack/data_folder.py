"""The folder that holds all data, and the keys that were generated for it."""

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
    return config.secret_key or generated_secret(config.data_dir / "secret.key")


def generated_secret(path: Path) -> str:
    """Return the secret in the file ``path``, which is made if it is not there.

    Raises:
        ConfigError: it cannot be read or made.
    """
    try:
        secret = _load_or_create(path)
        if not secret:
            raise ValueError("it is empty")
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from None
    return secret


def write_secret(path: Path) -> None:
    """Make the file ``path`` with a new secret in it, whole or not at all, and for good.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be made.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    with suppress(OSError):  # it is there; only a power cut within seconds could still undo it
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let what was renamed in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else error
    return ConfigError(
        f"DEPLOYSTACK_DATA_DIR cannot be used because of {str(path)!r}: {why}. Name a folder "
        "that this process may read and write."
    )


def _load_or_create(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    with suppress(FileExistsError):  # another process was faster: its key is everybody's
        write_secret(path)
    return path.read_text("ascii").strip()
