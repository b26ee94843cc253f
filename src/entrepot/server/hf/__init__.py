"""Doors that speak the HTTP API of the Hugging Face Hub."""

from __future__ import annotations

from starlette.routing import BaseRoute

from entrepot.server.hf import (
    attachments,
    audits,
    cards,
    collections,
    commits,
    contents,
    discussions,
    files,
    follows,
    gates,
    identity,
    infos,
    invitations,
    large_files,
    likes,
    lists,
    logs,
    orgs,
    passes,
    preuploads,
    quotas,
    refs,
    repos,
    searches,
    spaces,
    storage,
    tags,
    telemetry,
    tokens,
    trees,
    users,
    webhooks,
)


def routes() -> list[BaseRoute]:
    """All routes of this dialect."""
    return [
        *files.routes(),
        *gates.routes(),
        *cards.routes(),
        *commits.routes(),
        *discussions.routes(),
        *attachments.routes(),
        *contents.routes(),
        *large_files.routes(),
        *logs.routes(),
        *passes.routes(),
        *preuploads.routes(),
        *refs.routes(),
        *trees.routes(),
        *identity.routes(),
        *tokens.routes(),
        *repos.routes(),
        *lists.routes(),
        *likes.routes(),
        *collections.routes(),
        *searches.routes(),
        *users.routes(),
        *follows.routes(),
        *orgs.routes(),
        *invitations.routes(),
        *tags.routes(),
        *spaces.routes(),
        *storage.routes(),
        *telemetry.routes(),
        *webhooks.routes(),
        *audits.routes(),
        *quotas.routes(),
        *infos.routes(),  # the last: its ids of one segment would take other words for names
    ]
