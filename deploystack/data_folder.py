"""The folder that holds all data, and the key that was generated for it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from .config import Config, ConfigError


def prepare_data_folder(config: Config) -> None:
    """Make the data folder, for this user alone, and the lock of setup in it.

    The lock's file is there before any setup, so that a setup that fails leaves nothing new.

    Raises:
        ConfigError: it cannot be made or written.
    """
    folder = config.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"DEPLOYSTACK_DATA_DIR: the folder {folder} cannot be made "
            f"({os.strerror(error.errno or 0)}). Name one that this process may write."
        ) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(
            f"DEPLOYSTACK_DATA_DIR: the folder {folder} cannot be written. Give this process "
            "the right to write it, or name another one."
        )
    config.setup_lock.touch(mode=0o600)


def signing_key(config: Config) -> str:
    """Return the key that signs: the operator's, or one generated once and kept."""
    return config.secret_key or _load_or_create(config.data_dir / "secret.key")


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
