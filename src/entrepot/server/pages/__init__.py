"""Pages for browsers: HTML made on the server from the same use cases as the API.

A page is a function that calls use cases and returns a template with its values
(:mod:`~entrepot.server.pages.frames`). Rights are judged by the use cases only.
"""

from __future__ import annotations

from entrepot.server.pages import blobs, cards, histories, home, listings, profiles, sign_in, static_files, trees
from entrepot.server.pages.community import discussion_forms, discussions
from entrepot.server.pages.creating import organisations, repos
from entrepot.server.pages.editing import edits, uploads
from entrepot.server.pages.repositories import comparisons, lineage, storage, viewer
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.searching import collections, searches


def routes() -> list[PageRoute]:
    """Return the routes of all pages, to be matched after those of the API."""
    return [
        PageRoute("/-/static/{version}/{file:path}", static_files.send_static),
        *home.routes(),
        *listings.routes(),
        *searches.routes(),
        *collections.routes(),
        *sign_in.routes(),
        *repos.routes(),
        *organisations.routes(),
        *discussions.routes(),
        *discussion_forms.routes(),
        *edits.routes(),
        *uploads.routes(),
        *viewer.routes(),
        *lineage.routes(),
        *storage.routes(),
        *comparisons.routes(),
        *blobs.routes(),
        *trees.routes(),
        *histories.routes(),
        *cards.routes(),
        *profiles.routes(),
    ]
