"""Passwords: hashed with Argon2id, bounded in length, and not those that everybody tries first."""

from __future__ import annotations

import os
import unicodedata

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ..errors import ApiError

MIN_CHARACTERS = 8
MAX_CHARACTERS = 256

# OWASP's second choice for Argon2id: 19 MiB, two passes, one lane. Some 20 ms.
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
_MEMORY_KIB, _PASSES, _LANES, _SALT_BYTES, _HASH_BYTES = 19456, 2, 1, 16, 32
_PREFIX = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}$"

NOBODYS = f"{_PREFIX}{'A' * 22}${'A' * 43}"
"""The hash of no password: what is compared where there is no account, so that it takes as long."""

DIFFERENT_CHARACTERS = 4
"""A password of fewer different ones is easy to guess, however long it is."""

_TRIED_FIRST = """
    00000000 000000000 0000000000 01234567 012345678 0123456789 11111111 111111111 1111111111
    11223344 12121212 12341234 1234554321 1234567890 12345678 123456789 1234567891 12344321
    123123123 123321123 147258369 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 22222222 33333333 55555555 66666666
    77777777 87654321 88888888 987654321 9876543210 99999999 a1b2c3d4 aa123456 aa12345678 abc12345
    abcd1234 abcdefgh admin123 admin1234 administrator adminadmin asdf1234 asdfasdf asdfghjk
    asdfghjkl baseball basketball changeit changeme changeme1 changeme123 charlie1 computer default1
    deploystack dragon12 football football1 guest123 iloveyou iloveyou1 internet jennifer letmein1
    letmein123 liverpool master123 michelle mypassword p@$$w0rd p@ssw0rd p@ssword pa$$word pa55word
    passw0rd passw0rd1 password password! password1 password1! password12 password123 password1234
    passwort pokemon1 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc qwer1234 qwerasdf qwerqwer
    qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop samantha secret123 starwars sunshine superman
    superman1 test1234 testtest trustno1 user1234 welcome1 welcome123 whatever zaq12wsx zxcvbnm1
    zxcvbnm123
"""
COMMON = frozenset(_TRIED_FIRST.split())
"""What is tried first, in lower case."""


def check(password: str, *names: str) -> None:
    """Refuse a new password that is easy to guess, or too long.

    Args:
        password: the password.
        names: what the account is called: a password like one of these is no secret.

    Raises:
        ApiError: 400 ``weak_password``.
    """
    text = _normal(password)
    if not _is_unicode(text):
        raise _weak("The password is not valid Unicode. Use another.")
    if len(text) < MIN_CHARACTERS:
        raise _weak(f"The password is too short. Use at least {MIN_CHARACTERS} characters.")
    if len(text) > MAX_CHARACTERS:
        raise _weak(f"The password is too long. Use at most {MAX_CHARACTERS} characters.")
    folded = text.casefold().strip()
    named = {_normal(part).casefold() for name in names for part in (name, name.split("@")[0])}
    if folded in named:
        raise _weak("The password is like the name or the address of the account. Use another.")
    if folded in COMMON or len(set(folded)) < DIFFERENT_CHARACTERS:
        raise _weak("The password is one that is tried first. Use another.")


def hashed(password: str) -> str:
    """Return what is kept of ``password``: a salted hash, with all that is needed to compare."""
    kdf = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=_PASSES,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    )
    return kdf.derive_phc_encoded(_normal(password).encode())


def matches(password: str, kept: str | None) -> bool:
    """Return whether ``password`` is the one of which ``kept`` was kept.

    Takes as long where nothing was kept, or the password is too long to be anybody's.
    """
    text = _normal(password)
    if not kept or len(text) > MAX_CHARACTERS or not _is_unicode(text):
        text, kept = "", NOBODYS
    try:
        Argon2id.verify_phc_encoded(text.encode(), kept)
    except (InvalidKey, ValueError):  # not this one; or what was kept is no such hash
        return False
    return True


def is_outdated(kept: str) -> bool:
    """Return whether a hash was made in another way than :func:`hashed` makes it now."""
    return not kept.startswith(_PREFIX)


def _normal(password: str) -> str:
    # However a keyboard composes its characters, the password is the same.
    return unicodedata.normalize("NFKC", password)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _weak(sentence: str) -> ApiError:
    return ApiError(400, "weak_password", sentence)
