"""Settings of an account: the repositories and discussions for which the user has chosen other notifications."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import subscriptions
from entrepot.hub.community.subscriptions import OwnChoice
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.server.hf.pages import After, after_of, render_cursor
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import ICONS
from entrepot.server.pages.settings.sections import own_page
from entrepot.wire.texts import legible

BASE = "/settings/notifications"
"""The address of this page."""

LEVELS = {"all": "everything", "participating": "what I take part in, and mentions", "none": "nothing"}
"""The label of each choice on the page."""


@attrs.frozen
class ChoiceLine:
    """A choice as the page shows it. ``num``: of the discussion, empty for a repository."""

    icon: str
    kind: str
    repo: str
    path: str
    num: str
    title: str
    level: str


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute(BASE, show), PageRoute(BASE, choose, ["POST"])]


async def show(request: Request) -> Response:
    """Serve a page of the visitor's subscriptions."""
    after = after_of(request)
    return await show_page(request, lambda hub, caller: build(hub, caller, FRESH, after=after))


async def choose(request: Request) -> Response:
    """Change or remove one subscription."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        kind, num, level = form.text("kind"), form.text("num"), form.text("level")
        if kind not in ICONS or not (num == "" or (num.isascii() and num.isdigit() and len(num) < 10)):
            raise Malformed("form", "expected the kind and id of a repository, and the number of a discussion")
        ref = RepoRef(RepoType(kind), parse_repo_id(form.text("repo")))
        if num:
            subscriptions.mute(hub, caller, ref, int(num), is_muted=level == "none")
        else:
            subscriptions.choose(hub, caller, ref, level)
        return f"{BASE}?done=saved"

    return await answer_form(request, act, build)


def build(hub: HubContext, caller: MaybeCaller, form: Form, *, after: After | None = None) -> WebPage:
    """Return a page of the caller's subscriptions.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    page = subscriptions.list_own(hub, caller, after=after)
    values = {
        "form": form,
        "lines": [_line(item) for item in page.items],
        "levels": LEVELS,
        "here": BASE,
        "after": after is not None,
        "more": "" if page.after is None else render_cursor(page.after),
        "api": "/api/notifications/subscriptions",
    }
    return own_page("notifications", values)


def _line(item: OwnChoice) -> ChoiceLine:
    row = item.repo
    path = f"/{row.ref.path}/discussions{'' if item.num is None else f'/{item.num}'}"
    num = "" if item.num is None else str(item.num)
    icon = ICONS[row.type.value] if item.num is None else "chat"
    return ChoiceLine(icon, row.type.value, str(row.ref.id), path, num, legible(item.title), item.level)
