"""The button with which a visitor likes a repository, and stops liking it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import likes
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repo_rights
from entrepot.names import RepoRef
from entrepot.server.handlers import app_state
from entrepot.server.pages.cards import build_card
from entrepot.server.pages.forms import Form, answer_form, way_back
from entrepot.server.pages.frames import WebPage, endpoint_of
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.public_urls import path_prefix


def routes() -> list[PageRoute]:
    """Return the routes of this form."""
    return repo_pages("/like", choose, ["POST"], has_short=False)


async def choose(request: Request, ref: RepoRef) -> Response:
    """Like or unlike a repository, and redirect to the page with the button."""
    endpoint, root = endpoint_of(request), path_prefix(app_state(request).hub.settings)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        change = likes.like if form.yes_or_no("liked") else likes.unlike
        found = repo_rights.of(hub, caller, ref).row.ref
        change(hub, caller, found)
        return way_back(form, root, f"/{found.path}")

    def again(hub: HubContext, caller: MaybeCaller, _form: Form) -> WebPage:
        return build_card(hub, caller, ref, endpoint, root)

    return await answer_form(request, act, again)
