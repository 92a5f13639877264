"""Changes of the schema, one file a step under ``versions``; see :mod:`models.migrate`."""
