"""A message's keys are unique among the rows that have them, and take no room in the others."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYS = {
    "uq_messages_client_id": ("author_id", "client_id"),
    "uq_messages_external_id": ("inbox_id", "external_id"),
    "uq_messages_in_reply_to": ("conversation_id", "in_reply_to", "part"),
}
"""Names of the new indexes, and the columns whose constraint each takes the place of."""


def upgrade() -> None:
    """Swap the constraints for indexes of the same meaning: code that knows the constraints runs on."""
    for name, columns in _KEYS.items():
        # The column that a row without the key leaves empty.
        where = sa.text(f"{columns[1]} IS NOT NULL")
        op.create_index(name, "messages", list(columns), unique=True, sqlite_where=where, postgresql_where=where)
    with op.batch_alter_table("messages", table_kwargs={"sqlite_with_rowid": False}) as messages:
        for columns in _KEYS.values():
            messages.drop_constraint(f"uq_messages_{'_'.join(columns)}", type_="unique")
