"""What schemathesis loads: a check of our own.

Some routes may refuse what is well formed (a password that is easy to guess). Then they say so:
it is not told to be ill-formed.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.generation import GenerationMode

from tests.support.schemathesis import MEANING, SYNTAX


@schemathesis.check
def refused_for_a_reason(
    ctx: CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Fail where what agrees with its schema is refused for what it is like."""
    name = f"{case.method} {case.operation.path}"
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if is_right and response.status_code == 400 and name not in MEANING:
        assert response.json()["code"] not in SYNTAX, response.text
