"""Texts for people that are declared in one place and translated in another."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802  # the name by which tools find what is to be translated
    """Mark ``text`` to be translated where it is shown, and return it as it is."""
    return text
