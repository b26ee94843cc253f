"""All mutable state, in SQL: rows and queries, no decisions.

Each module is about one kind of row and contains plain functions whose first
argument is a :class:`Read` or :class:`Write` transaction. Only ``hub`` opens
transactions.
"""

from entrepot.catalog.database import Catalog, Read, Write, open_catalog

__all__ = ["Catalog", "Read", "Write", "open_catalog"]
