"""Settings of a repository: protected branches, immutable tags, and whether files may change."""

from __future__ import annotations

from entrepot.hub import file_mutability
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import protections, repo_rights, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from entrepot.server.pages.forms import Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.settings.repo_frame import repo_form, repo_settings_page, show_repo


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        *repo_pages("/settings/branches", show_repo(build), has_short=False),
        *repo_pages("/settings/branches", repo_form(_protect, build), ["POST"], has_short=False),
        *repo_pages("/settings/branches/strict", repo_form(_make_strict, build), ["POST"], has_short=False),
    ]


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the page of the protections.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    repo_rights.check_manage(hub, caller, ref)
    row = repo_rights.of(hub, caller, ref).row
    values = {"form": form, "present": protections.of(row), "mutability": row.settings.get(file_mutability.KEY)}
    return repo_settings_page(hub, caller, ref, "branches", values)


def _protect(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    patterns = [line.strip() for line in form.text("branches").split("\n") if line.strip()]
    options: dict[str, object] = {protections.BRANCHES: patterns, protections.TAGS: form.has("tags")}
    repositories.configure(hub, caller, ref, RepoChanges(options=options))
    return "/branches?done=saved"


def _make_strict(hub: HubContext, caller: MaybeCaller, ref: RepoRef, _form: Form) -> str:
    options = {file_mutability.KEY: file_mutability.STRICT}
    repositories.configure(hub, caller, ref, RepoChanges(options=options))
    return "/branches?done=saved"
