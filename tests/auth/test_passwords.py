"""Passwords: which are refused, and what is kept of the others."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploystack.auth import passwords
from deploystack.errors import ApiError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=80)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "seven 7",
        "x" * 7,
        "é" * 7,
        "a long one " * 24,
        "password",
        "PassWord",
        " password ",
        "Password123",
        "12345678",
        "qwertyuiop",
        "aaaaaaaaaaaaaaaa",
        "abababababab",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",  # password in full-width letters
        "alexandra",
        "ALEXANDRA",
        "alex.smith",
        "alex.smith@example.org",
        "half a pair \ud800",
    ],
)
def test_what_is_easy_to_guess_or_no_password_is_refused(password: str) -> None:
    with pytest.raises(ApiError) as refused:
        passwords.check(password, "Alexandra", "alex.smith@example.org")
    assert (refused.value.status, refused.value.code) == (400, "weak_password")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "Tr0ub4dor",
        "12345679",
        "ab cd efg",
        "пароль мой",
        "🂡🂢🂣🂤🂥🂦🂧🂨",
        "NUL \0 is not the end",
        "xyz!" * 64,
    ],
)
def test_others_are_taken_whole(password: str) -> None:
    passwords.check(password, "alexandra", "alex@example.org")
    kept = passwords.hashed(password)

    assert passwords.matches(password, kept)
    assert not passwords.matches(password[:-1], kept)
    assert not passwords.matches(password + "x", kept)
    assert not passwords.matches(password.swapcase(), kept) or password == password.swapcase()


def test_what_is_kept_is_argon2id_with_a_salt_of_its_own() -> None:
    one, two = passwords.hashed("correct horse"), passwords.hashed("correct horse")

    assert one != two
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(one) < 255
    assert not passwords.is_outdated(one)
    assert passwords.is_outdated(one.replace("t=2", "t=1"))


def test_however_a_keyboard_composes_it() -> None:
    kept = passwords.hashed(unicodedata.normalize("NFD", "Motörhead é"))

    assert passwords.matches(unicodedata.normalize("NFC", "Motörhead é"), kept)


@pytest.mark.parametrize("kept", [None, "", "plain text", "$argon2id$v=19$", passwords.NOBODYS])
def test_nothing_matches_what_is_no_hash(kept: str | None) -> None:
    for password in ("", "plain text", "A" * 5000, "\ud800"):
        assert not passwords.matches(password, kept)


@settings(max_examples=10, deadline=None)
@given(TEXT, TEXT)
def test_a_password_matches_itself_and_nothing_else(password: str, other: str) -> None:
    kept = passwords.hashed(password)
    same = unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)

    assert passwords.matches(password, kept)
    assert passwords.matches(other, kept) is same
