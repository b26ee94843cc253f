"""Large files of a repository: list them, delete them permanently, share them with another repository.

Source: docs/protocols/hf_api.md, section 1A.5.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import InvalidName, LimitExceeded, Malformed, ThingNotFound
from entrepot.hub.repos import lfs_files
from entrepot.hub.repos.lfs_files import MAX_SHARED, LargeFile
from entrepot.names import RepoRef, Sha256, parse_repo_type, parse_sha256, parse_uid, short_name
from entrepot.server.handlers import (
    call_hub,
    call_hub_slow,
    json_response,
    lookup_id,
    next_link,
    query_flag,
    query_int,
    read_json,
)
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.files.large_files import (
    DeletionsRequest,
    LargeFileEntry,
    LargeFilePusher,
    SharedFile,
    ShareFailure,
    ShareRequest,
    ShareResponse,
)
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

PAGE = 1_000


def routes() -> list[BaseRoute]:
    """Return the routes of large files, for all types of repositories."""
    return [
        *repo_routes("GET", "lfs-files", list_files),
        *repo_routes("POST", "lfs-files/batch", delete_files),
        *repo_routes("POST", "lfs-files/duplicate", share_files),
        *repo_routes("DELETE", "lfs-files/{tail:path}", delete_file),
    ]


async def list_files(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET lfs-files``: a page of the large files that commits reference, for callers who may write."""
    limit = query_int(request, "limit", PAGE, low=1, high=PAGE)
    after = _cursor(request)
    found = await call_hub(request, lfs_files.list_files, ref, after=after, limit=limit + 1)
    headers = {}
    if len(found) > limit:
        headers["Link"] = next_link(request, {"cursor": found[limit - 1].link.uid})
    return json_response([_entry(item) for item in found[:limit]], headers=headers)


async def delete_files(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST lfs-files/batch``: permanently delete files by id."""
    wanted = (await read_json(request, DeletionsRequest)).deletions
    rewrites = bool(wanted.rewrite_history)
    await call_hub_slow(request, lfs_files.delete, ref, wanted.sha, rewrites_history=rewrites)
    return json_response({"success": True})


async def delete_file(request: Request, ref: RepoRef) -> Response:
    """Handle ``DELETE lfs-files/{sha256}``: permanently delete one file."""
    text = tail_of(request)
    try:
        sha256 = parse_sha256(text)
    except InvalidName:
        raise ThingNotFound("large file", text) from None
    rewrites = query_flag(request, "rewriteHistory")
    await call_hub_slow(request, lfs_files.delete_content, ref, sha256, rewrites_history=rewrites)
    return json_response({"success": True})


async def share_files(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST lfs-files/duplicate``: allow another repository to commit files of this one."""
    body = await read_json(request, ShareRequest)
    if len(body.files) > MAX_SHARED:
        raise LimitExceeded("the number of files in one call", MAX_SHARED, "send several smaller requests")
    target = RepoRef(parse_repo_type(body.target.type), lookup_id(body.target.name))
    wanted = [sha256 for file in body.files if (sha256 := _possible(file.sha256)) is not None]
    shared = await call_hub_slow(request, lfs_files.share, ref, target, wanted)
    failed = [_failure(file) for file in body.files if file.sha256 not in shared]
    answer = ShareResponse(
        success=not failed,
        processed=len(body.files),
        succeeded=len(body.files) - len(failed),
        failed=failed,
    )
    return json_response(answer, 207 if failed else 200)


def _cursor(request: Request) -> str | None:
    text = request.query_params.get("cursor")
    try:
        return parse_uid(text) if text else None
    except InvalidName:
        raise Malformed("parameter 'cursor'", "use the cursor in the Link header of the previous page") from None


def _entry(item: LargeFile) -> LargeFileEntry:
    link = item.link
    return LargeFileEntry(
        file_oid=link.uid,
        filename=legible(link.path or ""),
        oid=link.sha256,
        pushed_at=format_ms(link.linked_ms),
        size=link.size,
        ref=legible(short_name(link.ref)) if link.ref else None,
        pusher=LargeFilePusher(name=item.pusher.name) if item.pusher else None,
    )


def _possible(text: str) -> Sha256 | None:
    try:
        return parse_sha256(text)
    except InvalidName:
        return None


def _failure(file: SharedFile) -> ShareFailure:
    error = "no commit of the source names this file, or its content does not have this sha256"
    return ShareFailure(sha256=file.sha256, xet_hash=file.xet_hash, error=error)
