"""Pages of histories: the commits of a revision, and the changes of one commit."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import RevisionNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import histories
from entrepot.hub.repos.histories import LoggedCommit
from entrepot.names import RepoRef
from entrepot.server.handlers import query_int
from entrepot.server.pages.diffs import parse_diff
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.raw_path import decode_segment

PAGE = 50
"""Commits on a page."""

_LAST_PAGE = 10**7


@attrs.frozen
class CommitLine:
    """A commit in a list."""

    id: str
    title: str
    body: str
    author: str
    at_ms: int
    parents: tuple[str, ...]


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [*repo_pages("/commits/{tail:path}", show_commits), *repo_pages("/commit/{tail:path}", show_commit)]


async def show_commits(request: Request, ref: RepoRef) -> Response:
    """Serve the commits of a revision, newest first."""
    revision = decode_segment(request.path_params["tail"])
    page = query_int(request, "p", 0, low=0, high=_LAST_PAGE)
    return await show_page(request, lambda hub, caller: build_commits(hub, caller, ref, revision, page))


async def show_commit(request: Request, ref: RepoRef) -> Response:
    """Serve a commit with its changes."""
    revision = decode_segment(request.path_params["tail"])
    return await show_page(request, lambda hub, caller: build_commit(hub, caller, ref, revision), is_slow=True)


def build_commits(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, page: int) -> WebPage:
    """Return one page of a history.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
    """
    header, found = describe_header(hub, caller, ref, revision)
    listed = histories.history(hub, caller, found.info.row.ref, revision, offset=page * PAGE, limit=PAGE)
    values = {
        "section": found.info.row.type.plural,
        "repo": header,
        "tab": "commits",
        "commits": [_line(logged) for logged in listed.commits],
        "total": listed.total,
        "page": page,
        "has_more": (page + 1) * PAGE < listed.total,
    }
    return WebPage("commits.html", f"Commits of {header.id}", values)


def build_commit(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> WebPage:
    """Return a commit with its changes against its first parent.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: the commit does not exist.
    """
    header, found = describe_header(hub, caller, ref, revision)
    head = found.info.head
    assert head is not None, "a described revision has a commit"
    row = found.info.row
    listed = histories.history(hub, caller, row.ref, head, offset=0, limit=1)
    if not listed.commits:
        raise RevisionNotFound(revision)
    diff = parse_diff(histories.compare(hub, caller, row.ref, f"{head}^..{head}"))
    values = {
        "section": row.type.plural,
        "repo": header,
        "tab": "commits",
        "commit": _line(listed.commits[0]),
        "diff": diff,
        "added": sum(file.added for file in diff.files),
        "removed": sum(file.removed for file in diff.files),
    }
    return WebPage("commit.html", f"Commit {head[:7]} of {header.id}", values)


def _line(logged: LoggedCommit) -> CommitLine:
    commit = logged.commit
    return CommitLine(
        logged.oid,
        commit.title or "(no message)",
        commit.body,
        commit.author.name,
        commit.committer.time_s * 1000,
        tuple(commit.parents),
    )
