"""Files of buckets: lists, batches of changes, and contents.

Source: docs/protocols/buckets.md, sections 2 to 4.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence

import attrs
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import LimitExceeded, Malformed
from entrepot.hub.buckets import batches, bucket_contents
from entrepot.hub.buckets.batches import AddToBucket, BucketOperation, CopyToBucket, DeleteFromBucket
from entrepot.hub.buckets.bucket_contents import BucketFile, BucketFolder, LocatedBucketFile
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType
from entrepot.server.bodies import spool_lines
from entrepot.server.browser_sessions import is_own_request
from entrepot.server.files import FileResponse, describe_content, kept_open, media_type, open_content
from entrepot.server.handlers import (
    app_state,
    base_url,
    call_hub,
    call_hub_slow,
    json_response,
    lookup_id,
    next_link,
    query_int,
    read_json,
    repo_of,
)
from entrepot.server.hf.files.buckets import bucket_route
from entrepot.server.hf.files.files import asked_treatment
from entrepot.server.raw_path import decode_segment
from entrepot.server.responders import Content
from entrepot.server.threads import line_of
from entrepot.wire.files.buckets import (
    BucketAddLine,
    BucketBatchResult,
    BucketCopyLine,
    BucketEntry,
    BucketFailure,
    BucketLine,
    BucketPaths,
)
from entrepot.wire.times import format_ms

PAGE = 1_000
MAX_PATHS = 1_000
MAX_BATCH = 32 << 20
"""Maximum size of the body of a batch, in bytes."""

MAX_LINE = 64 << 10
"""Maximum length of an operation, in bytes."""

_LINES: msgspec.json.Decoder[BucketLine] = msgspec.json.Decoder(BucketLine)
_TYPES = {kind.value: kind for kind in RepoType}


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        bucket_route("GET", "/tree", list_tree),
        bucket_route("GET", "/tree/{tail:path}", list_tree),
        bucket_route("POST", "/paths-info", describe_paths),
        bucket_route("POST", "/batch", apply_batch),
        Route("/buckets/{namespace}/{name}/resolve/{tail:path}", send_file, methods=["GET"]),
    ]


async def list_tree(request: Request, ref: RepoRef) -> Response:
    """Serve a page of a folder: all files below it, or with ``recursive=false`` one level."""
    prefix = decode_segment(request.path_params.get("tail", ""))
    is_deep = request.query_params.get("recursive", "true").lower() not in ("false", "0")
    limit = query_int(request, "limit", PAGE, low=1, high=PAGE)
    text = request.query_params.get("cursor")
    after = _parse_cursor(text) if text else None
    page = await call_hub(request, bucket_contents.list_tree, ref, prefix, is_deep=is_deep, limit=limit, after=after)
    headers = None
    if page.after is not None:
        headers = {"Link": next_link(request, {"cursor": base64.urlsafe_b64encode(page.after).decode()})}
    return json_response([_entry(item) for item in page.entries], headers=headers)


async def describe_paths(request: Request, ref: RepoRef) -> Response:
    """Serve the file at each path, without folders and missing files."""
    body = await read_json(request, BucketPaths)
    if len(body.paths) > MAX_PATHS:
        raise LimitExceeded("too many parameters: the number of paths", MAX_PATHS, "send several smaller requests")
    found = await call_hub(request, bucket_contents.paths_info, ref, body.paths)
    return json_response([_entry(item) for item in found])


async def apply_batch(request: Request, ref: RepoRef) -> Response:
    """Apply the operations of a body of lines (NDJSON); 422 if every one of them failed.

    A caller who may not change the bucket is refused before anything is received.
    """
    await call_hub(request, batches.check_target, ref)
    state = app_state(request)
    spooled = await spool_lines(
        request.receive,
        max_line=MAX_LINE,
        max_body=MAX_BATCH,
        threads=state.threads,
        line=line_of(request.scope),
        # The system's folder for temporary files is often a small one in memory.
        folder=state.hub.settings.temporary_folder,
    )
    with spooled:

        def apply(hub: HubContext, caller: MaybeCaller) -> batches.BatchOutcome:
            return batches.apply(hub, caller, ref, _read_lines(spooled.lines()))

        done = await call_hub_slow(request, apply)
    succeeded = done.processed - len(done.failed)
    failed = [BucketFailure(path=one.path, error=one.error) for one in done.failed]
    result = BucketBatchResult(success=not failed, processed=done.processed, succeeded=succeeded, failed=failed)
    return json_response(result, 422 if failed and not succeeded else 200)


@attrs.frozen
class _BucketRequest:
    """The lookup of a file of a bucket, run in a thread."""

    ref: RepoRef
    path: str
    is_head: bool
    opened: list[Content]

    def run(self, hub: HubContext, caller: MaybeCaller) -> LocatedBucketFile:
        """Find and open the file; a small file is also read."""
        located = bucket_contents.locate(hub, caller, self.ref, self.path)
        file, kind = located.file, media_type(self.path.rpartition("/")[2])
        if self.is_head:
            self.opened.append(describe_content(file.size, file.xet_hash, kind))
        else:
            self.opened.append(open_content(located.open(hub), file.xet_hash, kind))
        return located


async def send_file(request: Request) -> FileResponse:
    """Serve the content of a file of a bucket, whole or ranges of it."""
    ref, path = repo_of(request, RepoType.BUCKET), decode_segment(request.path_params["tail"])
    with kept_open() as opened:
        if is_own_request(request):  # a link or an image of a page
            request.scope["state"]["takes_session"] = True
        lookup = _BucketRequest(ref, path, request.method == "HEAD", opened)
        located = await call_hub(request, lookup.run)
        route = f"{base_url(request)}/api/buckets/{located.repo.ref.id}/xet-read-token"
        headers = [
            ("X-Linked-Size", str(located.file.size)),
            ("X-Xet-Hash", located.file.xet_hash),
            ("Link", f'<{route}>; rel="xet-auth"'),
            ("Cache-Control", "no-cache"),
            ("Vary", "Authorization, Cookie" if "session" in request.scope["state"] else "Authorization"),
        ]
        name, threads = path.rpartition("/")[2], app_state(request).threads
        return FileResponse(opened[0], name, threads, headers, asked_treatment(request))


def _read_lines(lines: Iterable[bytes]) -> Sequence[BucketOperation]:
    """Return the operations of a batch.

    Raises:
        Malformed: a line is not an operation.
        LimitExceeded: there are too many.
    """
    found: list[BucketOperation] = []
    for number, line in enumerate(filter(bytes.strip, lines), 1):
        if number > batches.MAX_OPERATIONS:
            raise LimitExceeded("the number of operations", batches.MAX_OPERATIONS, "send several batches")
        try:
            found.append(_operation(_LINES.decode(line)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("batch", f"line {number} is not an operation ({error})") from None
    return found


def _operation(line: BucketLine) -> BucketOperation:
    if isinstance(line, BucketAddLine):
        return AddToBucket(line.path, line.xet_hash, _whole(line.mtime))
    if isinstance(line, BucketCopyLine):
        kind = _TYPES.get(line.source_repo_type)
        source = None if kind is None else RepoRef(kind, lookup_id(line.source_repo_id))
        return CopyToBucket(line.path, line.xet_hash, source, _whole(line.mtime))
    return DeleteFromBucket(line.path)


def _whole(mtime: float | None) -> int | None:
    return None if mtime is None else int(mtime)


def _parse_cursor(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text)
    except (ValueError, binascii.Error):
        raise Malformed("parameter 'cursor'", "use the cursor in the Link header of the previous page") from None


def _entry(item: BucketFile | BucketFolder) -> BucketEntry:
    uploaded = format_ms(item.uploaded_ms)
    if isinstance(item, BucketFolder):
        return BucketEntry(type="directory", path=item.path, uploaded_at=uploaded)
    return BucketEntry(
        type="file",
        path=item.path,
        uploaded_at=uploaded,
        size=item.size,
        xet_hash=item.xet_hash,
        mtime=format_ms(item.mtime_ms),
    )
