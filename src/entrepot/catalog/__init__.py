"""Everything mutable, in SQL: rows and queries, no decisions.

Each module is about one noun and holds plain functions whose first argument is
a :class:`Read` or :class:`Write` transaction. Only the ``hub`` opens one.
"""

from entrepot.catalog.database import Catalog, Read, Write, open_catalog

__all__ = ["Catalog", "Read", "Write", "open_catalog"]
