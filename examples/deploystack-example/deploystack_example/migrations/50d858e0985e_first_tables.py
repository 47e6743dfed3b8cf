"""first tables

Revision ID: 50d858e0985e
Revises:
Create Date: 2026-01-01 00:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "50d858e0985e"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "example_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_example_item")),
        sa.UniqueConstraint("name", name=op.f("uq_example_item_name")),
    )


def downgrade() -> None:
    op.drop_table("example_item")
