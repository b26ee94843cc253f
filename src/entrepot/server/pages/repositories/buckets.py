"""Pages of buckets: the files and folders of one level, with links to download them."""

from __future__ import annotations

import base64
import binascii

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import EntryNotFound, Malformed
from entrepot.hub.buckets import bucket_contents, buckets
from entrepot.hub.buckets.bucket_contents import BucketFile, BucketFolder
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType
from entrepot.server.handlers import repo_of
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.trees import crumbs
from entrepot.server.raw_path import decode_segment

PAGE = 200
"""Entries on a page."""


@attrs.frozen
class BucketLine:
    """An entry of a folder of a bucket."""

    name: str
    path: str
    is_folder: bool
    size: int
    changed_ms: int


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    page = "/buckets/{namespace}/{name}"
    return [PageRoute(page, show_bucket), PageRoute(f"{page}/tree/{{tail:path}}", show_bucket)]


async def show_bucket(request: Request) -> Response:
    """Serve the page of a folder of a bucket, or of its top level."""
    ref, path = repo_of(request, RepoType.BUCKET), decode_segment(request.path_params.get("tail", "")).strip("/")
    cursor = request.query_params.get("cursor")
    after = None if cursor is None else _parse_cursor(cursor)
    return await show_page(request, lambda hub, caller: build_bucket(hub, caller, ref, path, after))


def build_bucket(hub: HubContext, caller: MaybeCaller, ref: RepoRef, path: str, after: bytes | None) -> WebPage:
    """Return the page of a folder of a bucket.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed: no access.
        EntryNotFound: the bucket has nothing at this path.
    """
    info = buckets.describe(hub, caller, ref)
    tree = bucket_contents.list_tree(hub, caller, ref, path, is_deep=False, limit=PAGE, after=after)
    if path and after is None and not tree.entries:
        raise EntryNotFound(path)
    row = info.row
    values = {
        "section": "",
        "bucket": row,
        "totals": info.totals,
        "path": path,
        "crumbs": crumbs(path),
        "files": [_line(item) for item in tree.entries],
        "more": None if tree.after is None else base64.urlsafe_b64encode(tree.after).decode(),
        "api": f"/api/buckets/{row.ref.id}/tree{f'/{quoted(path)}' if path else ''}",
        "is_personal": row.is_private,
        "command": f"hf sync hf://{row.ref.path}{f'/{path}' if path else ''} {row.name}",
    }
    return WebPage("bucket.html", f"Files of the bucket {row.ref.id}", values)


def _line(item: BucketFile | BucketFolder) -> BucketLine:
    name = item.path.rpartition("/")[2]
    if isinstance(item, BucketFolder):
        return BucketLine(name, item.path, True, 0, item.uploaded_ms)
    return BucketLine(name, item.path, False, item.size, item.uploaded_ms)


def _parse_cursor(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text)
    except (ValueError, binascii.Error):
        raise Malformed("parameter 'cursor'", "use the link to the next page") from None
