"""Secrets in one transaction: sealed and opened with the key that the database asks for."""

from __future__ import annotations

from ..errors import ApiError
from ..models import GlobalSetting, SettingsState
from .declarations import Setting
from .encryption import Cipher
from .keys import Keyring
from .problems import key_wrong, secret_unreadable
from .texts import default_text


class Vault:
    """Seals and opens secrets.

    Args:
        keyring: the keys there are.
        state: tells which of them the database is sealed with, and is held by this transaction.
    """

    def __init__(self, keyring: Keyring, state: SettingsState) -> None:
        self._keyring = keyring
        self._state = state

    @property
    def fingerprint(self) -> str | None:
        """Tells which key the database is sealed with."""
        return self._state.key_fingerprint

    def is_sealed_with(self, fingerprint: str) -> None:
        """Note which key the database is sealed with from now on."""
        self._state.key_fingerprint = fingerprint

    @property
    def is_open(self) -> bool:
        """Whether there is the key that the database is sealed with."""
        return self._keyring.cipher(self._state.key_fingerprint) is not None

    def cipher(self) -> Cipher:
        """Return what seals and opens.

        Raises:
            ApiError: 409 ``encryption_key_wrong``.
        """
        cipher = self._keyring.cipher(self._state.key_fingerprint)
        if cipher is None:
            raise key_wrong(409)
        return cipher

    def sealed(self, key: str, text: str | None) -> str | None:
        """Return ``text`` sealed; nothing is left as it is, and so tells that it is nothing.

        Raises:
            ApiError: 409 ``encryption_key_wrong``.
        """
        if not text:
            return text
        cipher = self.cipher()
        self._state.key_fingerprint = cipher.keys[0].fingerprint
        return cipher.seal(key, text)

    def opened(self, row: GlobalSetting) -> str | None:
        """Return the text of a secret, if there is one.

        Raises:
            ApiError: 409 ``encryption_key_wrong`` or ``secret_unreadable``.
        """
        return self.opened_text(row.key, row.value) if row.value else row.value

    def opened_text(self, key: str, sealed: str) -> str:
        """Return what was sealed as the secret ``key``.

        Raises:
            ApiError: 409 ``encryption_key_wrong`` or ``secret_unreadable``.
        """
        try:
            return self.cipher().open(key, sealed)
        except ValueError:
            raise secret_unreadable(key, 409) from None

    def default(self, definition: Setting) -> str | None:
        """Return what is kept of a declared setting that nobody has changed."""
        text = default_text(definition)
        if not definition.encrypted:
            return text
        try:
            return self.sealed(definition.key, text)
        except ApiError:  # the key is wrong: with nothing kept, the default holds
            return None
