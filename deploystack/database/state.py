"""What is known about the database at one moment, and what a request is told in each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ApiError
from .binding import Binding
from .problems import DatabaseProblem
from .target import Dialect, Target

Phase = Literal["unconfigured", "unreadable", "waiting", "ready"]

Told = tuple[Phase, Target | None, str | None]
"""What the log tells of a state."""


@dataclass(frozen=True)
class State:
    """What is known at one moment.

    Attributes:
        phase: ``unconfigured`` (nothing chosen), ``unreadable`` (chosen, but the choice cannot
            be read), ``waiting`` (chosen, not usable now) or ``ready``.
        seen: what the files looked like when this was established.
        target: the chosen database.
        problem: why it cannot be used, while waiting or unreadable.
        binding: what units of work lease, when ready.
    """

    phase: Phase
    seen: object
    target: Target | None = None
    problem: DatabaseProblem | None = None
    binding: Binding | None = None

    @property
    def told(self) -> Told:
        """The phase, the database, and the code of what is wrong: a change of these is logged."""
        return self.phase, self.target, self.problem.code if self.problem else None

    @property
    def dialect(self) -> Dialect | None:
        """The kind of database, once one is chosen and the choice is readable."""
        return self.target.dialect if self.target else None

    def error(self) -> ApiError:
        """Return the 503 that a request for data gets in this state."""
        if self.problem:
            return self.problem.as_api_error(503)
        return ApiError(
            503,
            "not_configured",
            "No database has been chosen yet. Set one up with POST /api/db/setup, then try again.",
            {"setup_url": "/api/db/setup"},
            {"Retry-After": "5"},
        )
