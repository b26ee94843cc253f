"""Pages of files that name the commit of each line."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import LimitExceeded, Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.comparisons import blames
from entrepot.hub.comparisons.blames import Blame
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import RepoPath, RepoRef
from entrepot.server.handlers import app_state
from entrepot.server.pages.file_previews import view_file
from entrepot.server.pages.forms import as_sentence, sentence
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.last_versions import show_or_last
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.commit_lines import CommitLine, commit_line
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.raw_path import split_revision
from entrepot.wire.texts import legible


@attrs.frozen
class BlameGroup:
    """Consecutive lines of one commit; ``commit``: None if older than the compared commits; ``first``: from 1."""

    commit: CommitLine | None
    first: int
    lines: Sequence[str]


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/blame/{tail:path}", show)


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve the lines of a file with their commits."""
    revision, tail = split_revision(request.path_params["tail"])
    path = path_of(tail)
    turns = app_state(request).viewers
    page = show_page(request, lambda hub, caller: build(hub, caller, ref, revision, path), turns=turns)
    return await show_or_last(page, request, ref, revision, path)


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> WebPage:
    """Return the page; a file whose lines have no history is explained on it.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the file does not exist.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    header, found = describe_header(hub, caller, located.repo.ref, revision)
    note, groups = "", list[BlameGroup]()
    try:
        groups = groups_of(hub, blames.blame(hub, caller, located.repo.ref, located.commit, path))
    except Malformed as error:
        note = as_sentence(error.reason)
    except LimitExceeded as error:
        note = sentence(error)
    values = {
        "section": found.info.row.type.plural,
        "repo": header,
        "tab": "files",
        "path": path,
        "crumbs": crumbs(path),
        "note": note,
        "groups": groups,
    }
    return WebPage("blame.html", f"Blame of {legible(path)} · {header.id}", values)


def groups_of(hub: HubContext, found: Blame) -> list[BlameGroup]:
    """Return the lines that the page of the file shows, in groups of one commit each."""
    with contextlib.closing(found.located.open(hub)) as content:
        lines = view_file(found.located.path.rpartition("/")[2], content).lines
    commits = {oid: commit_line(logged) for oid, logged in found.commits.items()}
    groups, first = list[BlameGroup](), 1
    pairs = zip(found.origins, lines, strict=False)
    for origin, run in itertools.groupby(pairs, key=lambda pair: pair[0]):
        texts = [text for _, text in run]
        groups.append(BlameGroup(None if origin is None else commits[origin], first, texts))
        first += len(texts)
    return groups
