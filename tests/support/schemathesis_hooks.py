"""What schemathesis loads: a check of our own, and what it is not to send.

Some routes may refuse what is well formed (a password that is easy to guess). Then they say so:
it is not told to be ill-formed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.generation import GenerationMode

from tests.support.schemathesis import MEANING, SYNTAX

# No pattern that all languages understand tells what can be shown.
UNSAYABLE = {"There are characters in it that cannot be shown."}


# What these hold is the business of whoever writes HTTP, not of an operation. Nonsense in them is
# no HTTP, and is refused before there is a request.
FRAMING = {"connection", "content-length", "transfer-encoding", "upgrade"}


@schemathesis.hook
def filter_headers(_: schemathesis.HookContext, headers: Mapping[str, str] | None) -> bool:
    """Leave out what is no HTTP."""
    return not any(name.lower() in FRAMING for name in headers or {})


@schemathesis.check
def refused_for_a_reason(
    ctx: CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Fail where what agrees with its schema is refused for what it is like."""
    name = f"{case.method} {case.operation.path}"
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if is_right and response.status_code == 400 and name not in MEANING:
        told = response.json()
        sentences = {sentence for field in told["details"].values() for sentence in field}
        assert told["code"] not in SYNTAX or sentences == UNSAYABLE, response.text
