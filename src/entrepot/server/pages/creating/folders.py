"""The page that creates a folder of models or datasets."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub import folder_access
from entrepot.hub.callers import MaybeCaller, Role, require_login
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderDraft
from entrepot.names import RepoType
from entrepot.server.pages.creating.repos import owners_of
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.forms import Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute

PATH = "/-/folders/new"
"""The address of this page."""


def routes() -> list[PageRoute]:
    """Return the routes of this page, to be matched before those of folders."""
    return [PageRoute(PATH, show_new_folder), PageRoute(PATH, create_folder, ["POST"])]


async def show_new_folder(request: Request) -> Response:
    """Serve the form of a new folder; ``owner`` and ``type`` in the query are filled in."""
    fields = {key: [request.query_params[key]] for key in ("owner", "type") if key in request.query_params}
    return await show_page(request, lambda hub, caller: build_new_folder(hub, caller, Form(fields)))


async def create_folder(request: Request) -> Response:
    """Create a folder, and redirect to its page."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        draft = FolderDraft(
            _kind(form),
            form.text("name").strip(),
            form.text("owner").strip() or None,
            form.lines("labels"),
            form.text("description").strip(),
        )
        return f"/{quoted(folders.create(hub, caller, draft).row.namespace)}?done=created"

    return await answer_form(request, act, build_new_folder)


def build_new_folder(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
    """Return the form of a new folder.

    Raises:
        LoginRequired: the visitor has not signed in.
    """
    del hub
    known = require_login(caller)
    values = {
        "form": form,
        "owners": owners_of(known, Role.WRITE),
        "owner": form.text("owner", known.account.name),
        "kinds": folder_access.KINDS,
        "kind": form.text("type", RepoType.MODEL.value),
    }
    return WebPage("new_folder.html", "New folder", values)


def _kind(form: Form) -> RepoType:
    kind = next((kind for kind in folder_access.KINDS if kind.value == form.text("type")), None)
    if kind is None:
        raise Malformed("form", "expected type: model or dataset")
    return kind
