"""Trees and paths: the entries of a folder, the entry at a path, the size of a folder.

Source: docs/protocols/hf_api.md, section 1A.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import EntryNotFound, InvalidPath, LimitExceeded, Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents, infos
from entrepot.hub.repos.contents import DescribedEntry, TreePage
from entrepot.hub.scanning import results
from entrepot.hub.scanning.results import FileScan
from entrepot.hub.search.paths import FoundPaths, find_paths
from entrepot.names import RepoPath, RepoRef, parse_folder
from entrepot.server.bodies import read_small
from entrepot.server.handlers import (
    MAX_JSON,
    app_state,
    call_hub,
    call_hub_in_turn,
    call_hub_slow,
    decode_json,
    json_response,
    left_out_header,
    next_link,
    query_flag,
    query_int,
)
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.hf.repos.scan_json import security_of
from entrepot.server.hf.repos.tree_cursors import Cursor, encode_cursor, parse_cursor
from entrepot.server.raw_path import split_revision
from entrepot.wire.repos.trees import LastCommit, LfsInfo, PathMatches, PathsRequest, TreeEntry, TreeSize
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

PAGE = 1_000
PAGE_WITH_COMMITS = 50
"""Maximum number of entries on a page; clients rely on the second number."""

MAX_PATHS = 1_000
MAX_FOUND = 1_000
"""Files that one search returns."""


def routes() -> list[BaseRoute]:
    """Return the routes of trees, for all types of repositories."""
    return [
        *repo_routes("GET", "tree/{tail:path}", list_tree),
        *repo_routes("POST", "paths-info/{tail:path}", describe_paths),
        *repo_routes("GET", "treesize/{tail:path}", measure_tree),
        *repo_routes("GET", "find/{tail:path}", find_files),
    ]


@attrs.frozen
class _Listing:
    """A request for a page of a tree."""

    ref: RepoRef
    revision: str
    path: str
    is_deep: bool
    with_commits: bool
    limit: int
    after: RepoPath | None

    def run(self, hub: HubContext, caller: MaybeCaller) -> tuple[TreePage, Mapping[RepoPath, FileScan]]:
        """List the page, with the results of scans if commits are wanted too; called in a thread."""
        page = self._list(hub, caller)
        if not self.with_commits:
            return page, {}
        return page, results.describe_files(hub, caller, self.ref, [item.listed for item in page.entries])

    def _list(self, hub: HubContext, caller: MaybeCaller) -> TreePage:
        return contents.list_tree(
            hub,
            caller,
            self.ref,
            self.revision,
            _folder(hub, caller, self.ref, self.revision, self.path),
            is_deep=self.is_deep,
            with_commits=self.with_commits,
            limit=self.limit,
            after=self.after,
        )


async def list_tree(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET tree/{revision}[/{path}]``: a page of a folder, folders first."""
    revision, path = split_revision(request.path_params["tail"])
    with_commits = query_flag(request, "expand")
    text = request.query_params.get("cursor")
    cursor = parse_cursor(text) if text else None
    most = PAGE_WITH_COMMITS if with_commits else PAGE
    limit = query_int(request, "limit", most, low=1, high=most)
    pinned = cursor.commit if cursor and cursor.commit else revision
    after = cursor.after if cursor else None
    listing = _Listing(ref, pinned, path, query_flag(request, "recursive"), with_commits, limit, after)
    page, scans = await (call_hub_slow if with_commits else call_hub)(request, listing.run)
    headers = {"X-Repo-Commit": page.commit, **left_out_header(page.left_out)}
    if page.after is not None:
        headers["Link"] = next_link(request, {"cursor": encode_cursor(Cursor(page.after, page.commit))})
    return json_response([entry_of(item, scans.get(item.listed.path)) for item in page.entries], headers=headers)


async def describe_paths(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST paths-info/{revision}``: return the entry at each path, without missing ones."""
    revision, body = tail_of(request), await _read_paths(request)
    if len(body.paths) > MAX_PATHS:
        raise LimitExceeded("too many parameters: the number of paths", MAX_PATHS, "send several smaller requests")
    if "" in body.paths:
        raise Malformed("parameter 'paths'", "a path is empty")
    paths = [path for text in body.paths if (path := _possible(text)) is not None]

    def describe(hub: HubContext, caller: MaybeCaller) -> tuple[Sequence[DescribedEntry], Mapping[RepoPath, FileScan]]:
        found = contents.paths_info(hub, caller, ref, revision, paths, with_commits=body.expand)
        listed = [item.listed for item in found]
        return found, results.describe_files(hub, caller, ref, listed) if body.expand else {}

    found, scans = await (call_hub_slow if body.expand else call_hub)(request, describe)
    return json_response([entry_of(item, scans.get(item.listed.path)) for item in found])


async def measure_tree(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET treesize/{revision}[/{path}]``: the total size of all files below a folder."""
    revision, path = split_revision(request.path_params["tail"])

    def measure(hub: HubContext, caller: MaybeCaller) -> int:
        return contents.tree_size(hub, caller, ref, revision, _folder(hub, caller, ref, revision, path))

    size = await call_hub_in_turn(request, app_state(request).viewers, measure)
    return json_response(TreeSize(path=path, size=size))


async def find_files(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET find/{revision}[/{path}]``: the files below a folder whose paths have all words of ``q``."""
    revision, path = split_revision(request.path_params["tail"])
    text = request.query_params.get("q", "")
    limit = query_int(request, "limit", MAX_FOUND, low=1, high=MAX_FOUND)

    def find(hub: HubContext, caller: MaybeCaller) -> FoundPaths:
        return find_paths(hub, caller, ref, revision, _folder(hub, caller, ref, revision, path), text, limit=limit)

    found = await call_hub_slow(request, find)
    files = [entry_of(DescribedEntry(item)) for item in found.files]
    return json_response(
        PathMatches(files=files, is_complete=found.is_complete), headers={"X-Repo-Commit": found.commit}
    )


def entry_of(item: DescribedEntry, scan: FileScan | None = None) -> TreeEntry:
    """Return the JSON value of one entry."""
    listed, logged = item.listed, item.last_commit
    lfs, commit = None, None
    if listed.lfs is not None:
        lfs = LfsInfo(oid=listed.lfs.sha256, size=listed.lfs.size, pointer_size=listed.pointer_size)
    if logged is not None:
        date = format_ms(logged.commit.committer.time_s * 1000)
        commit = LastCommit(id=logged.oid, title=logged.commit.title, date=date)
    return TreeEntry(
        type="directory" if listed.is_folder else "file",
        oid=listed.oid,
        size=listed.size,
        path=legible(listed.path),
        lfs=lfs,
        xet_hash=listed.xet_hash,
        last_commit=commit,
        security_file_status=None if scan is None else security_of(scan),
    )


def _folder(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, text: str) -> RepoPath:
    """Parse the path of a folder; if it is invalid, raise not found after checking repository and revision."""
    try:
        return parse_folder(text)
    except InvalidPath as error:
        found = infos.describe(hub, caller, ref, revision, with_files=False, with_sizes=False)
        raise EntryNotFound(text, found.info.head) from error


def _possible(text: str) -> RepoPath | None:
    try:
        return parse_folder(text)
    except InvalidPath:
        return None


async def _read_paths(request: Request) -> PathsRequest:
    """Return the request as JSON (sent by JavaScript clients) or as form data (Python)."""
    body = await read_small(request, MAX_JSON)
    if "json" in request.headers.get("content-type", "") or body.lstrip().startswith(b"{"):
        return decode_json(body, PathsRequest)
    try:
        form = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=2 * MAX_PATHS, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("form", "it is not UTF-8") from None
    except ValueError:
        raise LimitExceeded(
            "too many parameters: the number of paths", MAX_PATHS, "send several smaller requests"
        ) from None
    expand = form.get("expand", [""])[-1].lower() in ("true", "1")
    return PathsRequest(paths=[*form.get("paths", ()), *form.get("paths[]", ())], expand=expand)
