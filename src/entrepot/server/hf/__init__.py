"""Doors that speak the HTTP API of the Hugging Face Hub."""

from __future__ import annotations

from starlette.routing import BaseRoute

from entrepot.server.hf import (
    cards,
    commits,
    contents,
    files,
    identity,
    infos,
    large_files,
    lists,
    logs,
    parcels,
    passes,
    preuploads,
    refs,
    repos,
    spaces,
    storage,
    tags,
    telemetry,
    trees,
    users,
)


def routes() -> list[BaseRoute]:
    """All routes of this dialect."""
    return [
        *files.routes(),
        *cards.routes(),
        *commits.routes(),
        *contents.routes(),
        *parcels.routes(),
        *large_files.routes(),
        *logs.routes(),
        *passes.routes(),
        *preuploads.routes(),
        *refs.routes(),
        *trees.routes(),
        *identity.routes(),
        *repos.routes(),
        *lists.routes(),
        *users.routes(),
        *tags.routes(),
        *spaces.routes(),
        *storage.routes(),
        *telemetry.routes(),
        *infos.routes(),  # the last: its ids of one segment would take other words for names
    ]
