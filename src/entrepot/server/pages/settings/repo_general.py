"""Settings of a repository: who sees it, its description, its name, whether it is archived, and its deletion."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.folders.visibilities import FOLDER
from entrepot.hub.repos import repo_rights, repositories, storage_costs
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef, parse_repo_id
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.settings.repo_frame import repo_form, repo_settings_page, show_repo

DISCUSSIONS_OFF = "discussionsDisabled"
"""The setting of a repository that disables its discussions."""


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        *repo_pages("/settings", show_repo(build), has_short=False),
        *repo_pages("/settings/general", show_repo(build), has_short=False),
        *repo_pages("/settings/visibility", repo_form(_set_visibility, build), ["POST"], has_short=False),
        *repo_pages("/settings/description", repo_form(_describe, build), ["POST"], has_short=False),
        *repo_pages("/settings/discussions", repo_form(_set_discussions, build), ["POST"], has_short=False),
        *repo_pages("/settings/archive", repo_form(_archive, build), ["POST"], has_short=False),
        *repo_pages("/settings/move", move, ["POST"], has_short=False),
        *repo_pages("/settings/delete", show_deletion, has_short=False),
        *repo_pages("/settings/delete", delete, ["POST"], has_short=False),
    ]


async def show_deletion(request: Request, ref: RepoRef) -> Response:
    """Serve the form that deletes the repository."""
    return await show_page(request, lambda hub, caller: build_deletion(hub, caller, ref, FRESH), is_slow=True)


async def move(request: Request, ref: RepoRef) -> Response:
    """Rename or transfer the repository, and redirect to its new address."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        repo_rights.check_manage(hub, caller, ref)
        target = parse_repo_id(f"{form.text('namespace').strip()}/{form.text('name').strip()}")
        moved = repositories.move(hub, caller, ref, RepoRef(ref.type, target))
        return f"/{moved.ref.path}/settings?done=moved"

    return await answer_form(request, act, lambda hub, caller, form: build(hub, caller, ref, form))


async def delete(request: Request, ref: RepoRef) -> Response:
    """Delete the repository, whose name was typed, and redirect to the page of its namespace."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        repo_rights.check_manage(hub, caller, ref)
        if form.text("confirm").strip() != str(ref.id):
            raise Malformed("confirmation", f"type {ref.id} to delete it")
        repositories.delete(hub, caller, ref)
        return f"/{ref.id.namespace}?done=deleted"

    again = build_deletion
    return await answer_form(request, act, lambda hub, caller, form: again(hub, caller, ref, form), is_slow=True)


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the general settings.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    values = {
        "form": form,
        "folder": FOLDER,
        "off": DISCUSSIONS_OFF,
        "may_archive": repo_rights.may_archive(hub, caller, ref),
    }
    return repo_settings_page(hub, caller, ref, "general", values)


def build_deletion(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the form that deletes the repository, with the bytes that this frees.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    repo_rights.check_manage(hub, caller, ref)
    values = {"form": form, "cost": storage_costs.of_repo(hub, caller, ref)}
    return repo_settings_page(hub, caller, ref, "delete", values)


def _set_visibility(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    repositories.configure(hub, caller, ref, RepoChanges(visibility=form.text("visibility")))
    return "?done=saved"


def _describe(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    changes = RepoChanges(labels=form.lines("labels"), description=form.text("description"))
    repositories.configure(hub, caller, ref, changes)
    return "?done=saved"


def _set_discussions(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    changes = RepoChanges(options={DISCUSSIONS_OFF: not form.has("discussions")})
    repositories.configure(hub, caller, ref, changes)
    return "?done=saved"


def _archive(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    repositories.configure(hub, caller, ref, RepoChanges(archived=form.text("archived") == "yes"))
    return "?done=saved"
