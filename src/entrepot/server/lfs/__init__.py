"""Doors for large files: Git LFS batches and locks, and the signed links that the bytes travel on.

Source: hf_api, section 2.3; git-lfs, docs/api/.
"""

from __future__ import annotations

from starlette.routing import Route

from entrepot.names import RepoType
from entrepot.server.lfs import batches, downloads, locks, uploads
from entrepot.server.lfs.failures import explained

_DOORS = (
    ("objects/batch", batches.batch_door, "POST"),
    ("objects/verify", batches.verify_door, "POST"),
    ("locks", locks.create_door, "POST"),
    ("locks", locks.list_door, "GET"),
    ("locks/verify", locks.verify_door, "POST"),
    ("locks/{lock}/unlock", locks.unlock_door, "POST"),
)


def routes() -> list[Route]:
    """The LFS routes of all repository types, and those of the bytes."""
    found = [
        Route(
            f"/{kind.prefix}{{namespace}}/{{name}}.git/info/lfs/{place}",
            explained(handler(kind), challenges=True),
            methods=[method],
        )
        for kind in RepoType
        for place, handler, method in _DOORS
    ]
    whole, part, upload = "/_lfs/objects/{oid}", "/_lfs/uploads/{upload}/{number}", "/_lfs/uploads/{upload}"
    return [
        *found,
        Route(whole, explained(downloads.fetch), methods=["GET"]),  # and HEAD
        Route(whole, explained(uploads.put_whole), methods=["PUT"]),
        Route(whole, explained(uploads.confirm_whole), methods=["POST"]),
        Route(part, explained(uploads.put_part), methods=["PUT"]),
        Route(upload, explained(uploads.complete), methods=["POST"]),
    ]
