"""Routes of Git LFS: batches, locks, and transfers over signed URLs.

Source: docs/protocols/hf_api.md, section 2.3; git-lfs, docs/api/.
"""

from __future__ import annotations

from starlette.routing import Route

from entrepot.names import VERSIONED_TYPES
from entrepot.server.lfs import batches, downloads, locks, uploads
from entrepot.server.lfs.lfs_errors import with_lfs_errors

_DOORS = (
    ("objects/batch", batches.batch, "POST"),
    ("objects/verify", batches.verify, "POST"),
    ("locks", locks.create, "POST"),
    ("locks", locks.list_locks, "GET"),
    ("locks/verify", locks.verify, "POST"),
    ("locks/{lock}/unlock", locks.unlock, "POST"),
)


def routes() -> list[Route]:
    """Return the LFS routes of all repository types, and those of transfers."""
    found = [
        Route(
            f"/{kind.prefix}{{namespace}}/{{name}}.git/info/lfs/{place}",
            with_lfs_errors(handler(kind), challenges=True),
            methods=[method],
        )
        for kind in VERSIONED_TYPES
        for place, handler, method in _DOORS
    ]
    whole, part, upload = "/_lfs/objects/{oid}", "/_lfs/uploads/{upload}/{number}", "/_lfs/uploads/{upload}"
    return [
        *found,
        Route(whole, with_lfs_errors(downloads.fetch), methods=["GET"]),  # and HEAD
        Route(whole, with_lfs_errors(uploads.put_whole), methods=["PUT"]),
        Route(whole, with_lfs_errors(uploads.confirm_whole), methods=["POST"]),
        Route(part, with_lfs_errors(uploads.put_part), methods=["PUT"]),
        Route(upload, with_lfs_errors(uploads.complete), methods=["POST"]),
    ]
