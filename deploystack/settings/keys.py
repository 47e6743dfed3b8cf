"""Where the keys come from that seal secrets, and which of them a database is sealed with.

The operator's secret seals, or else the one that was generated in the data folder. Others may open:
the operator's former one, the generated one where the operator's has taken its place, and the next
one while :mod:`.rotation` is at work. Which one a database is sealed with, it tells itself by a
fingerprint.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..config import Config
from ..data_folder import generated_secret, sync_folder, write_secret
from .encryption import Cipher, Key


class Keyring:
    """The keys of an application.

    Args:
        config: the operator's secrets, and where the generated one is.

    Raises:
        ConfigError: the generated secret cannot be read or made.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._file = config.encryption_key_file
        self._next_file = self._file.with_name(f"{self._file.name}.next")
        self._made: dict[str, Key] = {}
        self._generated = None if config.encryption_secret else generated_secret(self._file)
        self._keys = self._read()

    @property
    def lock_file(self) -> Path:
        """The file whose lock is the right to exchange the files of keys."""
        return self._config.setup_lock

    @property
    def is_generated(self) -> bool:
        """Whether the secret is the one in the data folder, and not the operator's."""
        return self._config.encryption_secret is None

    @property
    def preferred(self) -> Key:
        """The key that a new database is sealed with, and that a rotation leads to."""
        return self._keys[0]

    def cipher(self, fingerprint: str | None) -> Cipher | None:
        """Return what seals with the key of this fingerprint and opens with any key there is.

        Looks into the data folder again before it gives up, because another process may have
        changed the key.

        Args:
            fingerprint: as the database tells it; ``None`` in one that knows none yet.

        Returns:
            ``None``, if there is no such key: it is the wrong one.
        """
        if fingerprint is None:
            return Cipher(self._keys)
        found = Cipher(self._keys).sealing_with(fingerprint)
        if found is None:
            self._keys = self._read()
            found = Cipher(self._keys).sealing_with(fingerprint)
        return found

    def any_cipher(self) -> Cipher:
        """Return what opens with any key there is, whatever the database says."""
        self._keys = self._read()
        return Cipher(self._keys)

    def draw_next(self) -> Key:
        """Return the key that the generated one is to be replaced by, kept on disk from now on."""
        with suppress(FileExistsError):  # from a rotation that was interrupted
            write_secret(self._next_file)
        self._keys = self._read()
        return self._key(_content(self._next_file) or "")

    def put_next(self) -> None:
        """Put the next key in the place of the generated one: the database is sealed with it."""
        self._next_file.replace(self._file)
        sync_folder(self._file.parent)
        self._keys = self._read()

    def is_next(self, fingerprint: str | None) -> bool:
        """Return whether this is the next key's fingerprint: a rotation lacks its last step."""
        secret = _content(self._next_file) if self.is_generated else None
        return secret is not None and self._key(secret).fingerprint == fingerprint

    def _read(self) -> list[Key]:
        following = _content(self._next_file)  # first: a rename makes it the other
        in_file = _content(self._file)
        if self._generated:  # a running process keeps its key though the file is gone
            self._generated = in_file = in_file or self._generated
        first = self._config.encryption_secret or in_file
        rest = [self._config.encryption_secret_old, in_file, following]
        keys = [self._key(secret) for secret in [first, *rest] if secret]
        return list({key.fingerprint: key for key in keys}.values())

    def _key(self, secret: str) -> Key:
        return self._made.setdefault(secret, Key(secret))


def _content(path: Path) -> str | None:
    """Return the secret in a file that need not be there, read anew."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, ValueError):
        return None
