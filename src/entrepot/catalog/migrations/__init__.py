"""Alembic migrations of the catalog, applied in-process."""
