"""Pages of files and folders that a revision no longer has: where their last version is."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from entrepot.errors import EntrepotError, EntryNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents, histories, repo_rights
from entrepot.names import RepoPath, RepoRef
from entrepot.server.handlers import app_state, call_hub_slow
from entrepot.server.pages.error_pages import LastVersion, show_error
from entrepot.server.pages.formats import quoted, quoted_segment
from entrepot.server.pages.routing import wants_html
from entrepot.server.public_urls import path_prefix


async def show_or_last(
    page: Awaitable[Response], request: Request, ref: RepoRef, revision: str, path: RepoPath, *, is_folder: bool = False
) -> Response:
    """Return a page of a file or folder; if the revision lacks it, an error page that leads to its last version.

    The page of a folder leads to that of the file which has its path, and the other way round.

    Raises:
        as the page; EntryNotFound: also for clients that read no HTML.
    """
    try:
        return await page
    except EntryNotFound as error:
        if not wants_html(request):
            raise
        other = await call_hub_slow(
            request, lambda hub, caller: find_other(hub, caller, ref, revision, path, is_folder=is_folder)
        )
        if other is not None:
            return RedirectResponse(path_prefix(app_state(request).hub.settings) + other, 302, {"vary": "Accept"})
        last = await call_hub_slow(request, lambda hub, caller: find_last(hub, caller, ref, revision, path))
        return show_error(request, error, last)


def find_other(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath, *, is_folder: bool
) -> str | None:
    """Return the page of the file at a path where a folder is wanted, or of the folder where a file is; else None.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound: the revision does not exist.
    """
    found = repo_rights.of(hub, caller, ref).row.ref
    listed = contents.paths_info(hub, caller, found, revision, [path], with_commits=False) if path else []
    has_folder = not path or (listed and listed[0].listed.is_folder)
    if has_folder == is_folder or not (has_folder or listed):
        return None
    return f"/{found.path}/{'tree' if has_folder else 'blob'}/{quoted_segment(revision)}/{quoted(path)}".rstrip("/")


def find_last(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> LastVersion | None:
    """Return where the last version of a path is that a revision lacks; None if the caller may see none.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if not path:
        return None
    found = repo_rights.of(hub, caller, ref).row.ref
    try:
        removed = histories.path_history(hub, caller, found, revision, path, offset=0, limit=1).commits[0]
    except EntrepotError:
        return None
    if not removed.commit.parents:
        return None
    before = removed.commit.parents[0]
    listed = contents.paths_info(hub, caller, found, before, [path], with_commits=False)
    if not listed:
        return None
    action = "tree" if listed[0].listed.is_folder else "blob"
    return LastVersion(
        f"/{found.path}/{action}/{before}/{quoted(path)}",
        f"/{found.path}/commit/{removed.oid}",
        f"/{found.path}/commits/{quoted_segment(revision)}/{quoted(path)}",
    )
