"""Forms of discussions: open, comment, change, close, merge."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.git import MergeSide
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repo_rights
from entrepot.hub.repos.pulls import conflicts, merges, openings
from entrepot.hub.repos.pulls.conflicts import Resolution
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.names import RepoRef
from entrepot.server.pages.community.discussions import MAX_CHOICES, build_discussion, build_new, number_of
from entrepot.server.pages.forms import Form, answer_form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute, RepoPageHandler, repo_pages

Change = Callable[[HubContext, MaybeCaller, RepoRef, int, Form], object]
"""Calls the use case of a form about one discussion."""

_SIDES = {"pull": MergeSide.OURS, "base": MergeSide.THEIRS}
_NO_TEXT = "_No description._"


def routes() -> list[PageRoute]:
    """Return the routes of these forms."""
    forms: dict[str, tuple[Change, str]] = {
        "comment": (_comment, ""),
        "edit": (_edit, ""),
        "hide": (_hide, ""),
        "title": (_rename, "saved"),
        "status": (_set_status, ""),
        "pin": (_pin, ""),
        "lock": (_lock, ""),
        "merge": (_merge, "merged"),
        "resolve": (_resolve, "committed"),
    }
    return [
        *repo_pages("/discussions/new", create, ["POST"], has_short=False),
        *repo_pages("/discussions/{num}/delete", delete, ["POST"], has_short=False),
        *(
            route
            for action, (change, done) in forms.items()
            for route in repo_pages(f"/discussions/{{num}}/{action}", _handler(change, done), ["POST"], has_short=False)
        ),
    ]


async def create(request: Request, ref: RepoRef) -> Response:
    """Open a discussion, or a pull request: with the commits of a branch, or without changes; redirect to its page."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
        if form.has("preview"):
            return build_new(hub, caller, ref, form)
        found = repo_rights.of(hub, caller, ref).row.ref
        title, text = form.text("title"), form.text("text") if form.text("text").strip() else _NO_TEXT
        source = form.text("head").strip()
        if form.text("kind") != "pull_request":
            made = discussions.create(hub, caller, found, title, text)
        elif source:
            base = form.text("base").strip() or "main"
            made = openings.open_from_branch(hub, caller, found, title, text, source=source, base=base)
        else:
            made = openings.open_draft(hub, caller, found, title, text)
        return f"/{found.path}/discussions/{made.num}"

    return await answer_form(request, act, lambda hub, caller, form: build_new(hub, caller, ref, form))


async def delete(request: Request, ref: RepoRef) -> Response:
    """Delete a discussion with its comments, and redirect to the list."""
    num = number_of(request)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        if form.text("confirm").strip() != str(num):
            raise Malformed("confirmation", f"type {num}, the number of the discussion, to delete it")
        found = repo_rights.of(hub, caller, ref).row.ref
        discussions.delete(hub, caller, found, num)
        return f"/{found.path}/discussions?done=removed"

    return await answer_form(request, act, lambda hub, caller, form: build_discussion(hub, caller, ref, num, form))


def _handler(change: Change, done: str) -> RepoPageHandler:
    async def endpoint(request: Request, ref: RepoRef) -> Response:
        num = number_of(request)

        def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
            if form.has("preview"):
                return build_discussion(hub, caller, ref, num, form)
            found = repo_rights.of(hub, caller, ref).row.ref
            change(hub, caller, found, num, form)
            return f"/{found.path}/discussions/{num}" + (f"?done={done}" if done else "")

        def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
            return build_discussion(hub, caller, ref, num, form)

        return await answer_form(request, act, again, is_slow=True)

    return endpoint


def _comment(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.comment(hub, caller, ref, num, form.text("text"))


def _edit(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.edit_comment(hub, caller, ref, num, form.text("event"), form.text("new"))


def _hide(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.hide_comment(hub, caller, ref, num, form.text("event"))


def _rename(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.rename(hub, caller, ref, num, form.text("title"))


def _set_status(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.set_status(hub, caller, ref, num, form.text("status"), form.text("text"))


def _pin(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.pin(hub, caller, ref, num, is_pinned=form.yes_or_no("pinned"))


def _lock(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    discussions.lock(hub, caller, ref, num, is_locked=form.yes_or_no("locked"))


def _merge(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    said, is_squash = form.text("message") or None, form.has("squash")
    merges.merge(hub, caller, ref, num, text=said, is_squash=is_squash, waiter=ReservationWaiter.impatient())


def _resolve(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> None:
    words = [form.text(f"side-{at}") for at in range(MAX_CHOICES)]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    conflicts.resolve(hub, caller, ref, num, Resolution(form.text("base"), form.text("head"), sides))
