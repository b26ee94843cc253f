"""Routes of the HTTP API of the Hugging Face Hub."""

from __future__ import annotations

from starlette.routing import BaseRoute

from entrepot.server.hf import audits, hub_reports, jobs, spaces, telemetry
from entrepot.server.hf.accounts import (
    administration,
    follows,
    invitations,
    orgs,
    quotas,
    sign_ins,
    tokens,
    users,
    whoami,
)
from entrepot.server.hf.community import access_requests, collections, discussions, likes, notifications
from entrepot.server.hf.files import (
    attachments,
    bucket_files,
    buckets,
    bulk_downloads,
    bulk_uploads,
    cell_media,
    croissants,
    dataset_queries,
    dataset_searches,
    dataset_viewer,
    files,
    large_files,
    parquet_files,
    preuploads,
    tensor_headers,
    xet_tokens,
)
from entrepot.server.hf.repos import (
    admin_reports,
    aliases,
    cards,
    commits,
    comparisons,
    folders,
    histories,
    infos,
    lineage,
    lookups,
    metrics,
    publishers,
    refs,
    replacements,
    repo_lists,
    repositories,
    restrictions,
    staged,
    storage_costs,
    trees,
)
from entrepot.server.hf.search import searches, tags
from entrepot.server.hf.webhooks import webhooks


def routes() -> list[BaseRoute]:
    """Return all routes of this API."""
    return [
        *bucket_files.routes(),
        *buckets.routes(),
        *files.routes(),
        *access_requests.routes(),
        *cards.routes(),
        *commits.routes(),
        *folders.routes(),
        *discussions.routes(),
        *notifications.routes(),
        *attachments.routes(),
        *bulk_downloads.routes(),
        *bulk_uploads.routes(),
        *large_files.routes(),
        *histories.routes(),
        *comparisons.routes(),
        *lineage.routes(),
        *metrics.routes(),
        *publishers.routes(),
        *dataset_viewer.routes(),
        *cell_media.routes(),
        *parquet_files.routes(),
        *croissants.routes(),
        *dataset_queries.routes(),
        *dataset_searches.routes(),
        *xet_tokens.routes(),
        *preuploads.routes(),
        *tensor_headers.routes(),
        *refs.routes(),
        *lookups.routes(),
        *replacements.routes(),
        *staged.routes(),
        *trees.routes(),
        *whoami.routes(),
        *sign_ins.routes(),
        *tokens.routes(),
        *repositories.routes(),
        *repo_lists.routes(),
        *likes.routes(),
        *collections.routes(),
        *searches.routes(),
        *users.routes(),
        *follows.routes(),
        *orgs.routes(),
        *invitations.routes(),
        *tags.routes(),
        *storage_costs.routes(),
        *spaces.routes(),  # after all others of the same paths: it refuses every method
        *telemetry.routes(),
        *webhooks.routes(),
        *_of_administrators(),
        *quotas.routes(),
        *infos.routes(),
    ]


def _of_administrators() -> list[BaseRoute]:
    """Return the routes for administrators of the hub."""
    return [
        *administration.routes(),
        *audits.routes(),
        *jobs.routes(),
        *hub_reports.routes(),
        *aliases.routes(),
        *restrictions.routes(),
        *admin_reports.routes(),
    ]
