"""Pages for browsers: HTML made on the server from the same use cases as the API.

A page is a function that calls use cases and returns a template with its values
(:mod:`~entrepot.server.pages.frames`). Rights are checked by the use cases only.
"""

from __future__ import annotations

from entrepot.server.pages import (
    admin,
    api_reference,
    blobs,
    cards,
    histories,
    home,
    listings,
    profiles,
    sign_in,
    static_files,
    trees,
)
from entrepot.server.pages.accounts import confirmations, devices, passkeys, second_steps, sso, themes
from entrepot.server.pages.community import discussion_forms, discussions, likes, notifications, subscriptions
from entrepot.server.pages.creating import folders, organisations, repos
from entrepot.server.pages.editing import edits, uploads
from entrepot.server.pages.repositories import (
    archives,
    blames,
    buckets,
    comparisons,
    found_files,
    lineage,
    metrics,
    refs,
    storage,
    viewer,
)
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.searching import collection_forms, collections, searches
from entrepot.server.pages.settings import (
    avatars,
    folder_sharing,
    org_audit,
    org_members,
    passwords,
    repo_access,
    repo_branches,
    repo_general,
    repo_publishers,
    repo_requests,
    security,
    sessions,
    tokens,
    webhooks,
)
from entrepot.server.pages.settings import profiles as own_profiles


def routes() -> list[PageRoute]:
    """Return the routes of all pages, to be matched after those of the API."""
    return [
        PageRoute("/-/static/{version}/{file:path}", static_files.send_static),
        *api_reference.routes(),
        *home.routes(),
        *listings.routes(),
        *searches.routes(),
        *collection_forms.routes(),
        *collections.routes(),
        *sign_in.routes(),
        *second_steps.routes(),
        *confirmations.routes(),
        *passkeys.routes(),
        *devices.routes(),
        *sso.routes(),
        *themes.routes(),
        *own_profiles.routes(),
        *avatars.routes(),
        *passwords.routes(),
        *security.routes(),
        *tokens.routes(),
        *sessions.routes(),
        *webhooks.routes(),
        *admin.routes(),
        *org_members.routes(),
        *org_audit.routes(),
        *folders.routes(),
        *folder_sharing.routes(),
        *repo_general.routes(),
        *repo_branches.routes(),
        *repo_publishers.routes(),
        *repo_access.routes(),
        *repo_requests.routes(),
        *repos.routes(),
        *organisations.routes(),
        *discussions.routes(),
        *discussion_forms.routes(),
        *likes.routes(),
        *notifications.routes(),
        *subscriptions.routes(),
        *edits.routes(),
        *uploads.routes(),
        *viewer.routes(),
        *lineage.routes(),
        *metrics.routes(),
        *storage.routes(),
        *comparisons.routes(),
        *refs.routes(),
        *found_files.routes(),
        *archives.routes(),
        *blames.routes(),
        *blobs.routes(),
        *trees.routes(),
        *histories.routes(),
        *cards.routes(),
        *buckets.routes(),
        *profiles.routes(),
    ]
