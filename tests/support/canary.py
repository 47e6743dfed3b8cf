"""A password that must be seen nowhere, and looking for it in everything that was said.

Its text differs in each test run, so that whatever contains it has it from the application.
"""

from __future__ import annotations

import base64
import secrets
from urllib.parse import quote

WORD = f"canary{secrets.token_hex(4)}"

# One word between any two characters that need encoding somewhere: whatever splits or decodes
# the password, every piece of it is recognised.
PASSWORD = "".join(f"{WORD}{character}" for character in "@:/%#?&=+'\"\\ é,$[]") + f"{WORD}%41"
ENCODED = quote(PASSWORD, safe="")


def leaks(*texts: object) -> list[str]:
    """Return what surrounds the password, wherever one of ``texts`` has it in any encoding."""
    found = []
    for text in map(str, texts):
        for needle in _NEEDLES:
            at = text.lower().find(needle.lower())
            if at >= 0:
                found.append(text[max(0, at - 100) : at + 100])
    return found


def _base64_forms(word: str) -> list[str]:
    """Return the part that the Base64 of any text has if it contains ``word``."""
    forms = []
    for offset, start in enumerate((0, 2, 3)):
        encoded = base64.b64encode(bytes(offset) + word.encode()).decode()
        forms.append(encoded[start : (offset + len(word)) * 8 // 6])
    return forms


_NEEDLES = [WORD, WORD.encode().hex(), WORD[::-1], *_base64_forms(WORD)]
