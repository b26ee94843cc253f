"""Doors for large files: Git LFS batches, and the signed links that the bytes travel on.

Source: hf_api, section 2.3; git-lfs, docs/api/.
"""

from __future__ import annotations

from starlette.routing import Route

from entrepot.names import RepoType
from entrepot.server.lfs import batches, downloads, uploads
from entrepot.server.lfs.failures import explained


def routes() -> list[Route]:
    """The LFS routes of all repository types, and those of the bytes."""
    found = [
        Route(
            f"/{kind.prefix}{{namespace}}/{{name}}.git/info/lfs/objects/{action}",
            explained(handler(kind), challenges=True),
            methods=["POST"],
        )
        for kind in RepoType
        for action, handler in (("batch", batches.batch_door), ("verify", batches.verify_door))
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
