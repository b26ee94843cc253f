"""Pages of histories: the commits of a revision, and the changes of one commit."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import histories, repo_rights
from entrepot.hub.repos.pulls import openings
from entrepot.names import RepoPath, RepoRef
from entrepot.server.handlers import query_int
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.changes import changes_of
from entrepot.server.pages.repositories.commit_lines import commit_line
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.raw_path import decode_segment, split_revision
from entrepot.wire.texts import legible

PAGE = 50
"""Commits on a page."""

_LAST_PAGE = 10**7


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        *repo_pages("/commits/{tail:path}", show_commits),
        *repo_pages("/commit/{tail:path}", show_commit),
        *repo_pages("/commit/{tail:path}", revert, ["POST"]),
    ]


async def show_commits(request: Request, ref: RepoRef) -> Response:
    """Serve the commits of a revision, newest first."""
    revision, tail = split_revision(request.path_params["tail"])
    path, page = path_of(tail.strip("/")), query_int(request, "p", 0, low=0, high=_LAST_PAGE)
    return await show_page(request, lambda hub, caller: build_commits(hub, caller, ref, revision, path, page))


async def show_commit(request: Request, ref: RepoRef) -> Response:
    """Serve a commit with its changes."""
    revision = decode_segment(request.path_params["tail"])
    return await show_page(request, lambda hub, caller: build_commit(hub, caller, ref, revision), is_slow=True)


async def revert(request: Request, ref: RepoRef) -> Response:
    """Open a pull request that undoes a commit, and redirect to its page."""
    revision = decode_segment(request.path_params["tail"])

    def act(hub: HubContext, caller: MaybeCaller, _form: Form) -> str:
        found = repo_rights.of(hub, caller, ref).row.ref
        return f"/{found.path}/discussions/{openings.open_revert(hub, caller, found, revision)}"

    def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        return build_commit(hub, caller, ref, revision, form)

    return await answer_form(request, act, again, is_slow=True)


def build_commits(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath, page: int
) -> WebPage:
    """Return one page of a history: of a revision, or of a file or folder there.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
        EntryNotFound: no commit has ever had the path.
    """
    header, found = describe_header(hub, caller, ref, revision)
    window = {"offset": page * PAGE, "limit": PAGE}
    if path:
        listed = histories.path_history(hub, caller, found.info.row.ref, revision, path, **window)
    else:
        listed = histories.history(hub, caller, found.info.row.ref, revision, **window)
    values = {
        "section": found.info.row.type.plural,
        "repo": header,
        "tab": "commits",
        "path": path,
        "crumbs": crumbs(path),
        "commits": [commit_line(logged) for logged in listed.commits],
        "total": listed.total,
        "page": page,
        "has_more": (page + 1) * PAGE < listed.total,
    }
    if not path:
        values["api"] = f"/api/{header.kind}s/{header.id}/commits/{header.segment}?p={page}"
    return WebPage("commits.html", f"Commits of {f'{legible(path)} in ' if path else ''}{header.id}", values)


def build_commit(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, form: Form = FRESH) -> WebPage:
    """Return a commit with its changes against its first parent; ``form``: that of a revert, with its problem.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: the commit does not exist.
    """
    header, found = describe_header(hub, caller, ref, revision)
    head = found.info.head
    assert head is not None, "a described revision has a commit"
    row = found.info.row
    values = {
        "section": row.type.plural,
        "repo": header,
        "tab": "commits",
        "form": form,
        "commit": commit_line(histories.newest_commit(hub, caller, row.ref, head)),
        **changes_of(hub, caller, row.ref, f"{head}^..{head}"),
    }
    return WebPage("commit.html", f"Commit {head[:7]} of {header.id}", values)
