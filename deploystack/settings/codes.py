"""What a setting cannot be read for; docs/reference/error-codes.md explains each to callers."""

from __future__ import annotations

UNREADABLE = ("encryption_key_wrong", "secret_unreadable")
"""503: a setting that code needs is encrypted, as any may be, and cannot be opened."""
