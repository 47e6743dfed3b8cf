"""Alembic's entry point, shared by every history. What it does is in the package."""

from alembic import context

from deploystack.database.migrations.environment import run

run(context)  # type: ignore[arg-type]
