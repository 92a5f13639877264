"""What Alembic runs: the steps on the connection, and in the transaction, that :mod:`models.migrate` holds."""

from alembic import context

from models.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
with context.begin_transaction():
    context.run_migrations()
