"""Only messages that changed after they were stored are in the index of changes: an insertion writes a page less."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CHANGED = sa.text("first_rev IS NULL OR rev <> first_rev")
"""Rows from before, and from code that does not know the column yet, may have changed: they stay in the index."""


def upgrade() -> None:
    """Add what tells changed messages from others, then swap the index."""
    op.add_column("messages", sa.Column("first_rev", sa.Integer(), nullable=True))
    op.create_index(
        "ix_messages_changed", "messages", ["conversation_id", "rev"], sqlite_where=_CHANGED, postgresql_where=_CHANGED
    )
    op.drop_index("ix_messages_rev", "messages")
