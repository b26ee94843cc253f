"""The page on which a visitor asks for access to a gated repository."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import access_requests
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef
from entrepot.server.pages.card_html import CardLinks, render_card
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_repo
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.public_urls import path_prefix

PREFIX = "answer:"
"""What the names of the fields of a card begin with in the form, apart from those of the page itself."""


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        *repo_pages("/access", show, has_short=False),
        *repo_pages("/access", ask, ["POST"], has_short=False),
        *repo_pages("/access/cancel", cancel, ["POST"], has_short=False),
    ]


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve the form of the card, or the state of the visitor's request."""
    return await show_page(request, lambda hub, caller: build(hub, caller, ref, FRESH))


async def ask(request: Request, ref: RepoRef) -> Response:
    """Request access."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        answers: dict[str, object] = {
            name.removeprefix(PREFIX): form.text(name) for name in form.fields if name.startswith(PREFIX)
        }
        made = access_requests.request_access(hub, caller, ref, answers)
        return f"/{ref.path}?done=granted" if made.status == "accepted" else f"/{ref.path}/access?done=requested"

    return await answer_form(request, act, lambda hub, caller, form: build(hub, caller, ref, form))


async def cancel(request: Request, ref: RepoRef) -> Response:
    """Withdraw the visitor's request, and the access that it gave."""

    def act(hub: HubContext, caller: MaybeCaller, _form: Form) -> str:
        access_requests.cancel(hub, caller, ref)
        return f"/{ref.path}/access?done=removed"

    return await answer_form(request, act, lambda hub, caller, form: build(hub, caller, ref, form))


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the page of the gate, as a visitor sees it.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    header, may = describe_repo(hub, caller, ref)
    gate = access_requests.describe(hub, caller, ref)
    root = path_prefix(hub.settings)
    links = CardLinks(f"{root}/{header.path}/blob/main/", f"{root}/{header.path}/resolve/main/", root)
    values = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "card",
        "gate": gate,
        "prompt": None if gate.form.prompt is None else render_card(gate.form.prompt, links),
        "form": form,
        "prefix": PREFIX,
    }
    return WebPage("repo_access.html", f"Access to {header.id}", values)
