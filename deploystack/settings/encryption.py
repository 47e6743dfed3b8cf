"""Secrets at rest: sealed with a key that is not in the database, and bound to their setting.

What is sealed is the pair of a setting's key and its value, by Fernet (AES-128 in CBC mode and
HMAC-SHA256, with a fresh initialisation vector each time: https://github.com/fernet/spec). So a
sealed value that is copied into another row is refused.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Key:
    """A key that seals, made of a secret.

    Args:
        secret: any text that nobody can guess.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    @cached_property
    def fernet(self) -> Fernet:
        """What seals."""
        return Fernet(base64.urlsafe_b64encode(self._derived(b"deploystack settings")))

    @cached_property
    def fingerprint(self) -> str:
        """Tells this key from others and nothing about it; kept in the database."""
        return self._derived(b"deploystack fingerprint")[:8].hex()

    def _derived(self, purpose: bytes) -> bytes:
        # RFC 5869: one secret, several independent keys. Without salt, since the secret is random.
        return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose).derive(self._secret)


class Cipher:
    """Seals with one key, and opens what any of several has sealed.

    Args:
        keys: those that may open; the first one seals.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = list(keys)
        self._fernet = MultiFernet([key.fernet for key in keys])

    def sealing_with(self, fingerprint: str) -> Cipher | None:
        """Return the same, sealing with the key of this fingerprint, if it is there."""
        first = [key for key in self.keys if key.fingerprint == fingerprint]
        rest = [key for key in self.keys if key.fingerprint != fingerprint]
        return Cipher([*first, *rest]) if first else None

    def seal(self, setting: str, value: str) -> str:
        """Return ``value`` sealed as that of ``setting``; another text each time."""
        return self._fernet.encrypt(json.dumps([setting, value]).encode()).decode()

    def open(self, setting: str, sealed: str) -> str:
        """Return the value that was sealed.

        Raises:
            ValueError: another key has sealed it, it was changed, or it belongs to another setting.
        """
        try:
            owner, value = json.loads(self._fernet.decrypt(sealed.encode()))
        except (InvalidToken, ValueError, TypeError):
            raise ValueError("sealed with another key, or damaged") from None
        if owner != setting or not isinstance(value, str):
            raise ValueError("sealed for another setting")
        return value
