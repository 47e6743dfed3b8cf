"""Putting another key in the place of the one that secrets are sealed with.

All secrets are sealed anew in one transaction, so at each moment the database is sealed with one
key, and tells which. Whoever has both keys can read before, while and after. A generated key is
kept beside the one in use before anything is sealed with it, and takes that one's place once all
is; killed anywhere, the next run goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import sqlalchemy as sa
from filelock import FileLock, Timeout

from ..errors import ApiError
from ..models import GlobalSetting
from .audit import Actor
from .encryption import Cipher
from .keys import Keyring
from .problems import key_wrong, secret_unreadable
from .service import Settings
from .store import Store

log = logging.getLogger(__name__)

LOCK_SECONDS = 10.0
"""How long a rotation waits for another one."""

Progress = Callable[[str], None]
"""Told each step once it is done."""


@dataclass(frozen=True)
class Outcome:
    """What was done.

    Attributes:
        sealed: how many secrets were sealed anew.
        cleared: the secrets that no key opens, and that were given up.
        completed: whether only the last step of an earlier run was left to do.
        needless: whether everything is sealed with the operator's secret already.
    """

    sealed: int = 0
    cleared: tuple[str, ...] = ()
    completed: bool = False
    needless: bool = False


def rotate(
    settings: Settings, actor: Actor, progress: Progress, *, give_up_unreadable: bool = False
) -> Outcome:
    """Seal every secret with another key: the operator's, or a new one that is generated.

    Args:
        settings: those of the application.
        actor: who has asked for it.
        progress: told each step.
        give_up_unreadable: whether secrets that no key opens are cleared. They are lost then.

    Raises:
        ApiError: 409 ``encryption_key_wrong`` or ``secret_unreadable``; nothing was changed.
        OSError: the data folder cannot be written.
    """
    with _alone(settings.keyring):
        return _rotate(settings, actor, progress, give_up_unreadable)


def _rotate(
    settings: Settings, actor: Actor, progress: Progress, give_up_unreadable: bool
) -> Outcome:
    keyring = settings.keyring
    with settings.changing(actor) as store:
        fingerprint = store.vault.fingerprint
        if keyring.is_next(fingerprint):
            keyring.put_next()
            progress("renamed")
            return Outcome(completed=True)
        if fingerprint == keyring.preferred.fingerprint and not keyring.is_generated:
            return Outcome(needless=True)
        rows = list(store.session.scalars(_SECRETS))
        texts, lost = _opened(keyring.any_cipher(), rows)
        if lost and not give_up_unreadable:
            is_open = store.vault.is_open
            raise secret_unreadable(lost[0].key, 409) if is_open else key_wrong(409)
        key = keyring.draw_next() if keyring.is_generated else keyring.preferred
        progress("drawn")
        for row in lost:
            row.value = None
        cipher = Cipher([key])
        for row in rows:
            if row.key in texts:
                _seal(store, row, cipher.seal(row.key, texts[row.key]))
                progress(f"sealed {row.key}")
        cleared = [row.key for row in lost]
        store.vault.is_sealed_with(key.fingerprint)
        store.record("rotate_key", "*", {"sealed": len(texts), "cleared": cleared})
    progress("committed")
    if keyring.is_generated:
        keyring.put_next()
        progress("renamed")
    return Outcome(len(texts), tuple(cleared))


@contextmanager
def _alone(keyring: Keyring) -> Iterator[None]:
    """Let no other process on this machine exchange the files of keys meanwhile."""
    lock = FileLock(keyring.lock_file, timeout=LOCK_SECONDS, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise ApiError(
            409,
            "rotation_in_progress",
            "The key is being changed already, or a database is being set up. Try again once "
            "that is done.",
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # the lock ends with the process
            lock.release()


_SECRETS = (
    sa.select(GlobalSetting)
    .where(GlobalSetting.is_encrypted, GlobalSetting.value != "")
    .order_by(GlobalSetting.key)
)


def _opened(
    cipher: Cipher, rows: Sequence[GlobalSetting]
) -> tuple[dict[str, str], list[GlobalSetting]]:
    """Return the texts of secrets, by their keys, and those that cannot be opened."""
    texts = {}
    lost = []
    for row in rows:
        try:
            texts[row.key] = cipher.open(row.key, row.value or "")
        except ValueError:
            lost.append(row)
    return texts, lost


def _seal(store: Store, row: GlobalSetting, text: str) -> None:
    """Write what is sealed anew. The value is the same, so it was not changed at this moment."""
    store.session.execute(
        sa.update(GlobalSetting)
        .where(GlobalSetting.key == row.key)
        .values(value=text, updated_at=row.updated_at)
        .execution_options(synchronize_session=False)
    )
