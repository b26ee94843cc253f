"""The page of notifications, and the forms that change a visitor's subscriptions."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import notification_lists, subscriptions
from entrepot.hub.community.notification_lists import Notification
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repo_rights
from entrepot.names import RepoRef
from entrepot.server.handlers import app_state, query_choice
from entrepot.server.hf.community.notification_json import path_of, sentence
from entrepot.server.hf.pages import After, after_of, render_cursor
from entrepot.server.pages.community.discussions import build_discussion, number_of
from entrepot.server.pages.forms import FRESH, Form, answer_form, way_back
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.rows import ICONS
from entrepot.server.public_urls import path_prefix
from entrepot.wire.texts import legible

SHOWN = 50
"""Notifications on a page."""

_REASONS = {"mention": "mentioned", "author": "yours", "participating": "taking part", "watching": "watching"}

_ICONS = {"webhook": "link", "folder-grant": "folder"}


@attrs.frozen
class NotificationLine:
    """A notification as the page shows it; ``about``: what it is about, ``what``: the sentence."""

    uid: str
    icon: str
    path: str
    about: str
    title: str
    what: str
    reason: str
    is_read: bool
    at_ms: int


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute("/notifications", show),
        PageRoute("/notifications", mark, ["POST"]),
        *repo_pages("/watch", choose, ["POST"], has_short=False),
        *repo_pages("/discussions/{num}/mute", mute, ["POST"], has_short=False),
    ]


async def show(request: Request) -> Response:
    """Serve the visitor's notifications, newest first."""
    shows_all, after = query_choice(request, "show", ("unread", "all"), "unread") == "all", after_of(request)
    return await show_page(request, lambda hub, caller: build(hub, caller, FRESH, shows_all=shows_all, after=after))


async def mark(request: Request) -> Response:
    """Mark one notification, or all of them."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        is_one = form.has("id")
        if is_one == form.has("all"):
            raise Malformed("form", "expected the id of a notification, or all")
        uids = [form.text("id")] if is_one else None
        notification_lists.mark(hub, caller, uids, is_read=form.text("read", "yes") == "yes")
        return "/notifications" + ("?show=all" if form.text("show") == "all" else "")

    return await answer_form(request, act, build)


async def choose(request: Request, ref: RepoRef) -> Response:
    """Set which notifications about a repository the visitor gets, and redirect to the page with the button."""
    root = path_prefix(app_state(request).hub.settings)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        found = repo_rights.of(hub, caller, ref).row.ref
        subscriptions.choose(hub, caller, found, form.text("level"))
        return way_back(form, root, f"/{found.path}/discussions?done=saved")

    # Only a page of this hub sends it, whose choices are all valid: a mistake shows the notifications instead.
    return await answer_form(request, act, build)


async def mute(request: Request, ref: RepoRef) -> Response:
    """Mute a discussion for the visitor, or end that."""
    num = number_of(request)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        is_muted = form.yes_or_no("muted")
        found = repo_rights.of(hub, caller, ref).row.ref
        subscriptions.mute(hub, caller, found, num, is_muted=is_muted)
        return f"/{found.path}/discussions/{num}?done=saved"

    return await answer_form(request, act, lambda hub, caller, form: build_discussion(hub, caller, ref, num, form))


def build(
    hub: HubContext, caller: MaybeCaller, form: Form, *, shows_all: bool = False, after: After | None = None
) -> WebPage:
    """Return a page of notifications.

    Raises:
        LoginRequired, NotAllowed: the visitor is anonymous, or uses a fine-grained token.
    """
    page = notification_lists.list_page(hub, caller, is_unread=not shows_all, after=after, limit=SHOWN)
    values = {
        "form": form,
        "lines": [_line(item) for item in page.items],
        "show": "all" if shows_all else "unread",
        "next": "" if page.after is None else render_cursor(page.after),
        "is_first": after is None,
        "api": "/api/notifications" + ("?readStatus=all" if shows_all else ""),
        "is_personal": True,
    }
    return WebPage("notifications.html", "Notifications", values)


def _line(item: Notification) -> NotificationLine:
    row, repo, discussion = item.row, item.repo, item.discussion
    about = "" if repo is None else str(repo.ref.id)
    icon = "org" if repo is None else ICONS[repo.type.value]
    if discussion is not None:
        about, icon = f"{about} #{discussion.num}", "pull" if discussion.is_pull else "chat"
    elif row.kind in _ICONS:
        icon = _ICONS[row.kind]
    what, title = sentence(item), "" if discussion is None else legible(discussion.title)
    reason = _REASONS.get(row.reason, "")
    if reason and reason in what:  # "bob mentioned you" says it
        reason = ""
    return NotificationLine(row.uid, icon, path_of(item), about, title, what, reason, row.is_read, row.happened_ms)
