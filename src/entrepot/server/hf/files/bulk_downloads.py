"""Bulk downloads: many small files in one response, for clients that fetch whole repositories.

An extension specific to this hub (``docs/compatibility.md``): fetching 2,000
small files one by one takes 2,000 requests, and nearly all of that is overhead.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import InvalidPath, LimitExceeded
from entrepot.hub.repos import contents
from entrepot.names import RepoPath, RepoRef, parse_path
from entrepot.server.handlers import call_hub_slow, read_json
from entrepot.server.hf.files.files import count_download
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.files.bulk_downloads import (
    MAX_BYTES,
    MAX_FILE,
    MAX_PATHS,
    MEDIA_TYPE,
    BulkDownloadFile,
    BulkDownloadHeader,
    BulkDownloadRequest,
    encode_contents,
)
from entrepot.wire.texts import legible


def routes() -> list[BaseRoute]:
    """Return the route for all types of repositories."""
    return [*repo_routes("POST", "contents/{tail:path}", send_contents)]


async def send_contents(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST contents/{revision}``: send the bytes of the named files and the names of skipped ones."""
    body, revision = await read_json(request, BulkDownloadRequest), tail_of(request)
    if len(body.paths) > MAX_PATHS:
        raise LimitExceeded("the number of paths", MAX_PATHS, "send several smaller requests")
    wanted = [path for text in dict.fromkeys(body.paths) if (path := _possible(text)) is not None]
    found = await call_hub_slow(
        request, contents.read_small_files, ref, revision, wanted, most_each=MAX_FILE, most_bytes=MAX_BYTES
    )
    for handed in found.files:
        count_download(request, found.repo, handed.path)
    files = [BulkDownloadFile(path=legible(file.path), size=len(file.data), etag=file.etag) for file in found.files]
    there = {file.path for file in files}
    left = [text for text in dict.fromkeys(body.paths) if text not in there]
    head = BulkDownloadHeader(commit=found.commit, files=files, left=left)
    payload = encode_contents(head, [file.data for file in found.files])
    # The response depends on the request body, so caches must not store it.
    headers = {"X-Repo-Commit": found.commit, "Cache-Control": "no-store", "Vary": "Authorization"}
    return Response(payload, headers=headers, media_type=MEDIA_TYPE)


def _possible(text: str) -> RepoPath | None:
    try:
        return parse_path(text)
    except InvalidPath:
        return None
