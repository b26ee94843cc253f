"""Pages for administrators of the hub; for everyone else, their addresses do not exist."""

from __future__ import annotations

from entrepot.server.pages.admin import accounts, first_start, mirrors, namespaces, overview, records, scans
from entrepot.server.pages.routing import PageRoute


def routes() -> list[PageRoute]:
    """Return the routes of these pages, and of the one that makes the first account."""
    return [
        *first_start.routes(),
        *overview.routes(),
        *accounts.routes(),
        *records.routes(),
        *scans.routes(),
        *mirrors.routes(),
        *namespaces.routes(),
    ]
