"""Doors for large files: Git LFS batches and locks, and the signed links that the bytes travel on.

Source: docs/protocols/hf_api.md, section 2.3; git-lfs, docs/api/.
"""

from __future__ import annotations

from starlette.routing import Route

from entrepot.names import RepoType
from entrepot.server.lfs import batches, downloads, locks, uploads
from entrepot.server.lfs.lfs_errors import explained

_DOORS = (
    ("objects/batch", batches.batch, "POST"),
    ("objects/verify", batches.verify, "POST"),
    ("locks", locks.create, "POST"),
    ("locks", locks.list_locks, "GET"),
    ("locks/verify", locks.verify, "POST"),
    ("locks/{lock}/unlock", locks.unlock, "POST"),
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
