"""Bulk uploads: many small LFS files in one request, for clients that upload whole folders.

An extension specific to this hub (``docs/compatibility.md``), the counterpart
of ``server/hf/files/bulk_downloads.py``.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import LimitExceeded
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import bulk_uploads
from entrepot.hub.files.bulk_uploads import UploadedFile
from entrepot.names import RepoRef, Sha256
from entrepot.server.bodies import read_small
from entrepot.server.handlers import call_hub, call_hub_slow, json_response, query_flag
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.files.bulk_uploads import MAX_BODY, MAX_BYTES, MAX_FILE, MAX_FILES, BulkUploadResponse, read_upload

_CURE = "send the others in further requests, and larger files through LFS"


def routes() -> list[BaseRoute]:
    """Return the route for all types of repositories."""
    return repo_routes("POST", "files/{tail:path}", receive_files)


async def receive_files(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST files/{branch}``: store large files that a later commit to this branch may reference."""
    revision = None if query_flag(request, "create_pr") else tail_of(request)
    await call_hub(request, bulk_uploads.check, ref, revision)  # before a body of megabytes is received
    body = await read_small(request, MAX_BODY)

    def deliver(hub: HubContext, caller: MaybeCaller) -> list[Sha256]:
        return bulk_uploads.receive_files(hub, caller, ref, _files(body), revision=revision)

    return json_response(BulkUploadResponse(list(await call_hub_slow(request, deliver))))


def _files(body: bytes) -> list[UploadedFile]:
    """Return the files in a body.

    Raises:
        Malformed: the body is not a bulk upload.
        LimitExceeded: it holds too many or too large files.
    """
    found = read_upload(body)
    if len(found) > MAX_FILES:
        raise LimitExceeded("the number of files in one request", MAX_FILES, _CURE)
    if sum(file.size for file, _ in found) > MAX_BYTES:
        raise LimitExceeded("the size of the content of one request in bytes", MAX_BYTES, _CURE)
    if any(file.size > MAX_FILE for file, _ in found):
        raise LimitExceeded("the size of a file of one request in bytes", MAX_FILE, _CURE)
    return [UploadedFile(Sha256(file.sha256), data) for file, data in found]
