"""The files of a repository: ``resolve`` gives their content, ``raw`` what git has.

Source: hf_api, sections 0.4 and 2.5.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import attrs
from starlette.requests import Request
from starlette.routing import Route

from entrepot.errors import InvalidPath
from entrepot.git import MAX_POINTER_BYTES, parse_pointer
from entrepot.hub import contents
from entrepot.hub.callers import Anyone
from entrepot.hub.contents import Gathered, Located
from entrepot.hub.house import Hub
from entrepot.names import ROOT, RepoPath, RepoRef, RepoType, parse_path
from entrepot.server.doors import ask, base_url, house_of, repo_of
from entrepot.server.files import TEXT, FileAnswer, describe_content, kept_open, media_type, open_content
from entrepot.server.responders import Content, HeldContent
from entrepot.server.segments import split_revision

_FOREVER = "private, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_FROM_THE_START = re.compile(r"\s*bytes\s*=\s*0-(?!0(?:\D|$))", re.IGNORECASE | re.ASCII)


@attrs.frozen
class Place:
    """A file as the path of a request names it; neither part has been looked up."""

    revision: str
    path: RepoPath


def routes() -> list[Route]:
    """GET and HEAD of ``resolve`` and ``raw`` for all repository types."""
    return [
        Route(f"/{kind.prefix}{{namespace}}/{{name}}/{word}/{{place:path}}", _door(kind, word), methods=["GET"])
        for kind in RepoType
        for word in ("resolve", "raw")
    ]


def read_place(raw: str) -> Place:
    """The revision and the path in the raw tail of a path.

    A path that no file can have stands as the root, which is no file either:
    whoever asks for it learns that there is no such entry.

    Raises:
        Malformed: the encoding is broken.
    """
    revision, tail = split_revision(raw)
    try:
        return Place(revision, parse_path(tail))
    except InvalidPath:
        return Place(revision, ROOT)


@attrs.frozen
class _Errand:
    """What a thread is sent for."""

    ref: RepoRef
    place: Place
    is_raw: bool
    is_head: bool
    opened: list[Content]

    def run(self, hub: Hub, caller: Anyone) -> Located:
        """Find and open the file; a small one is also read."""
        find = contents.locate_raw if self.is_raw else contents.locate
        located = find(hub, caller, self.ref, self.place.revision, self.place.path)
        self.opened.append(self._open(hub, located))
        return located

    def _open(self, hub: Hub, located: Located) -> Content:
        kind = media_type(located.path.rpartition("/")[2])
        # Only the content tells a pointer, so that even HEAD has to look.
        may_be_pointer = self.is_raw and located.size <= MAX_POINTER_BYTES
        if self.is_head and not may_be_pointer:
            return describe_content(located.size, located.etag, kind)
        content = open_content(located.open(hub), located.etag, kind)
        if may_be_pointer and isinstance(content, HeldContent) and parse_pointer(content.data) is not None:
            return attrs.evolve(content, content_type=TEXT)
        return content


def _door(kind: RepoType, word: str) -> Callable[[Request], Awaitable[FileAnswer]]:
    async def send_file(request: Request) -> FileAnswer:
        place = read_place(request.path_params["place"])
        is_head, is_raw = request.method == "HEAD", word == "raw"
        with kept_open() as opened:
            ref = repo_of(request, kind)
            errand = _Errand(ref, place, is_raw, is_head, opened)
            located = await ask(request, errand.run)
            if not is_head and not is_raw:
                _note(request, located)
            name = located.path.rpartition("/")[2]
            return FileAnswer(opened[0], name, house_of(request).threads, _headers(request, ref, place, located))

    return send_file


def _headers(request: Request, ref: RepoRef, place: Place, located: Located) -> list[tuple[str, str]]:
    headers = [
        ("X-Repo-Commit", located.commit),
        # A commit never changes; a branch does, and so may who sees either.
        ("Cache-Control", _FOREVER if place.revision == located.commit else _ASK_AGAIN),
        ("Vary", "Authorization"),
    ]
    if located.lfs is not None:
        headers += [("X-Linked-ETag", f'"{located.etag}"'), ("X-Linked-Size", str(located.size))]
    if located.xet_hash is not None:
        # Where clients that know chunks get a token; everybody else reads the body. Source: hf_api, section 2.6.
        route = f"{base_url(request)}/api/{ref.type.plural}/{located.repo.ref.id}/xet-read-token/{located.commit}"
        headers += [("X-Xet-Hash", located.xet_hash), ("Link", f'<{route}>; rel="xet-auth"')]
    return headers


def _note(request: Request, located: Located) -> None:
    """Count a download, unless the request continues one, probes or asks whether the file has changed."""
    wanted = request.headers.get("range")
    if "if-none-match" in request.headers or (wanted is not None and not _FROM_THE_START.match(wanted)):
        return
    count_download(request, located, located.path)


def count_download(request: Request, found: Located | Gathered, path: RepoPath) -> None:
    """Count a file that a request fetches from its beginning."""
    house = house_of(request)
    client = f"{_address(request)} {request.headers.get('user-agent', '')[:200]}"
    house.downloads.note(found.repo, path, client, house.hub.now_ms())


def _address(request: Request) -> str:
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for")
    if forwarded and house_of(request).hub.settings.trusts(peer):
        return forwarded.rpartition(",")[2].strip()[:100]  # the last one is what our own proxy saw
    return peer
