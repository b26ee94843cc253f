"""Files of a repository: ``resolve`` serves their content, ``raw`` the git blob.

Source: docs/protocols/hf_api.md, sections 0.4 and 2.5.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entrepot.errors import InvalidPath
from entrepot.git import MAX_POINTER_BYTES, parse_pointer
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.hub.repos.contents import LocatedFile
from entrepot.hub.repos.infos import RepoRow
from entrepot.hub.search.downloads import is_counted
from entrepot.hub.versioned_cache import Version
from entrepot.names import ROOT, VERSIONED_TYPES, RepoPath, RepoRef, RepoType, parse_path
from entrepot.server.browser_sessions import is_own_request
from entrepot.server.files import TEXT, FileResponse, describe_content, kept_open, media_type, open_content
from entrepot.server.handlers import (
    app_state,
    base_url,
    call_hub_on_revision,
    do_again,
    query_flag,
    remembering,
    repo_of,
)
from entrepot.server.raw_path import split_revision
from entrepot.server.responders import Content, MemoryContent, Treatment

_FOREVER = "private, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_SMALL = 16 * 1024
_FROM_THE_START = re.compile(r"\s*bytes\s*=\s*0-(?!0(?:\D|$))", re.IGNORECASE | re.ASCII)


@attrs.frozen
class FilePath:
    """A file named by the path of a request; neither part has been looked up."""

    revision: str
    path: RepoPath


def routes() -> list[Route]:
    """Return GET and HEAD of ``resolve`` and ``raw`` for all repository types."""
    return [
        Route(f"/{kind.prefix}{{namespace}}/{{name}}/{word}/{{place:path}}", _handler(kind, word), methods=["GET"])
        for kind in VERSIONED_TYPES
        for word in ("resolve", "raw")
    ]


def parse_file_path(raw: str) -> FilePath:
    """Parse the raw tail of a path into revision and file path.

    A path that no file can have becomes the root, which is not a file either:
    the response then says that the entry does not exist.

    Raises:
        Malformed: the encoding is invalid.
    """
    revision, tail = split_revision(raw)
    try:
        return FilePath(revision, parse_path(tail))
    except InvalidPath:
        return FilePath(revision, ROOT)


@attrs.frozen
class _FileRequest:
    """The lookup of a file, run in a thread."""

    path: RepoPath
    is_raw: bool
    is_head: bool
    opened: list[Content]
    version: Version | None

    def run(self, hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> LocatedFile:
        """Find and open the file; a small file is also read."""
        located = contents.locate(hub, caller, ref, revision, self.path, is_raw=self.is_raw, version=self.version)
        self.opened.append(self._open(hub, located))
        return located

    def _open(self, hub: HubContext, located: LocatedFile) -> Content:
        kind = media_type(located.path.rpartition("/")[2])
        # Only the content identifies a pointer, so even HEAD has to read it. What is there anyway is kept for the
        # GET that follows.
        may_be_pointer = self.is_raw and located.size <= MAX_POINTER_BYTES
        if self.is_head and not may_be_pointer and not (located.is_loaded and located.size <= _SMALL):
            return describe_content(located.size, located.etag, kind)
        content = open_content(located.open(hub), located.etag, kind)
        if may_be_pointer and isinstance(content, MemoryContent) and parse_pointer(content.data) is not None:
            return attrs.evolve(content, content_type=TEXT)
        return content


def _handler(kind: RepoType, word: str) -> Callable[[Request], Awaitable[Response | FileResponse]]:
    async def send_file(request: Request) -> FileResponse:
        place = parse_file_path(request.path_params["place"])
        is_head, is_raw = request.method == "HEAD", word == "raw"
        with kept_open() as opened:
            ref = repo_of(request, kind)
            if is_own_request(request):  # a link or an image of a page
                request.scope["state"]["takes_session"] = True
            lookup = _FileRequest(place.path, is_raw, is_head, opened, request.scope["state"].get("version"))
            located = await call_hub_on_revision(request, lookup.run, ref, place.revision)
            if not is_raw and is_counted(located.repo, located.path):
                do_again(request, functools.partial(_note, repo=located.repo, path=located.path))
            name = located.path.rpartition("/")[2]
            headers = _headers(request, ref, place, located)
            return FileResponse(opened[0], name, app_state(request).threads, headers, asked_treatment(request))

    return remembering(send_file)


def asked_treatment(request: Request) -> Treatment:
    """Return ``attachment`` for ``?download=true``, the links with which pages of the public hub save files."""
    return "attachment" if query_flag(request, "download") else "inline"


def _headers(request: Request, ref: RepoRef, place: FilePath, located: LocatedFile) -> list[tuple[str, str]]:
    headers = [
        ("X-Repo-Commit", located.commit),
        # A commit never changes, but branches and read access do.
        ("Cache-Control", _FOREVER if place.revision == located.commit else _ASK_AGAIN),
        ("Vary", "Authorization, Cookie" if "session" in request.scope["state"] else "Authorization"),
    ]
    if located.lfs is not None:
        headers += [("X-Linked-ETag", f'"{located.etag}"'), ("X-Linked-Size", str(located.size))]
    if located.xet_hash is not None:
        # URL at which clients with Xet support get a token; others read the body.
        # Source: docs/protocols/hf_api.md, section 2.6.
        route = f"{base_url(request)}/api/{ref.type.plural}/{located.repo.ref.id}/xet-read-token/{located.commit}"
        headers += [("X-Xet-Hash", located.xet_hash), ("Link", f'<{route}>; rel="xet-auth"')]
    return headers


def _note(request: Request, repo: RepoRow, path: RepoPath) -> None:
    """Count a download, unless the request continues one, probes the file or checks whether it has changed."""
    if request.method == "HEAD":
        return
    wanted = request.headers.get("range")
    if "if-none-match" in request.headers or (wanted is not None and not _FROM_THE_START.match(wanted)):
        return
    count_download(request, repo, path)


def count_download(request: Request, repo: RepoRow, path: RepoPath) -> None:
    """Count a download that began with the first byte of the file."""
    state = app_state(request)
    client = f"{_address(request)} {request.headers.get('user-agent', '')[:200]}"
    state.downloads.note(repo, path, client, state.hub.now_ms())


def _address(request: Request) -> str:
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for")
    if forwarded and app_state(request).hub.settings.trusts(peer):
        return forwarded.rpartition(",")[2].strip()[:100]  # the last entry was written by our own proxy
    return peer
