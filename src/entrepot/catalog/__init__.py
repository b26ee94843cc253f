"""All mutable state, in SQL: rows and queries, no decisions.

Each module is about one kind of row and contains plain functions whose first
argument is a :class:`Read` or :class:`Write` transaction. Only ``hub`` opens
transactions, and names what each writing one locks (:class:`Lock`).
"""

from entrepot.catalog.brief_reads import NotBrief
from entrepot.catalog.database import Announcement, Catalog, Read, Write, open_catalog
from entrepot.catalog.named_locks import AnyLock, Lock

__all__ = ["Announcement", "AnyLock", "Catalog", "Lock", "NotBrief", "Read", "Write", "open_catalog"]
