"""Settings of an account: its webhooks, and what was delivered to them."""

from __future__ import annotations

import json

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.events import DOMAINS
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import Delivery, WebhookChanges, WebhookDraft, WebhookRow
from entrepot.server.handlers import query_int
from entrepot.server.pages.forms import FRESH, Form, FormAction, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler, PageRoute
from entrepot.server.pages.settings.sections import own_page
from entrepot.server.raw_path import decode_segment
from entrepot.wire.texts import one_line

SHOWN = 50
"""Deliveries on a page."""

LABELS = {"repo": "commits, branches, tags and settings", "discussion": "discussions and pull requests"}
"""What a page calls the scopes of events."""

_MAX_ANSWER = 300
_BASE = "/settings/webhooks"
_PREFIXES = {"datasets/": "dataset", "spaces/": "space", "models/": "model", "users/": "user"}


@attrs.frozen
class ShownDelivery:
    """A delivery in the list. ``next_ms``: of the next attempt, None if there is none."""

    uid: str
    what: str
    repo: str
    state: str
    attempts: int
    status: int | None
    answer: str
    created_ms: int
    next_ms: int | None


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    one = f"{_BASE}/{{id}}"
    return [
        PageRoute(_BASE, show_all),
        PageRoute(_BASE, create, ["POST"]),
        PageRoute(one, show_one),
        PageRoute(one, _form(_change), ["POST"]),
        PageRoute(f"{one}/deliveries/{{delivery}}", show_delivery),
        PageRoute(f"{one}/switch", _form(_switch), ["POST"]),
        PageRoute(f"{one}/delete", _form(_delete), ["POST"]),
        PageRoute(f"{one}/replay", _form(_replay), ["POST"]),
        PageRoute(f"{one}/ping", _form(_ping), ["POST"]),
    ]


async def show_all(request: Request) -> Response:
    """Serve the webhooks of the account, without secrets."""
    return await show_page(request, lambda hub, caller: build_all(hub, caller, FRESH))


async def show_one(request: Request) -> Response:
    """Serve the settings and the deliveries of a webhook."""
    uid, before = _id(request), query_int(request, "before", 0, low=0, high=2**62)
    return await show_page(request, lambda hub, caller: build_one(hub, caller, FRESH, uid, before=before))


async def show_delivery(request: Request) -> Response:
    """Serve a delivery: what is sent, and what the receiver answered."""
    uid, delivery = _id(request), decode_segment(request.path_params["delivery"])
    return await show_page(request, lambda hub, caller: build_delivery(hub, caller, uid, delivery))


async def create(request: Request) -> Response:
    """Create a webhook."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        draft = WebhookDraft(form.text("url").strip(), _watched(form), form.all("domains"), form.text("secret") or None)
        return f"{_BASE}/{webhooks.create(hub, caller, draft).uid}?done=created"

    return await answer_form(request, act, build_all)


def build_all(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
    """Return the page of the caller's webhooks.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or lacks the permission.
    """
    rows = webhooks.list_webhooks(hub, caller)
    last = webhooks.last_results(hub, caller, rows)
    found = [(row, _names(row), last.get(row.id)) for row in rows]
    values = {"form": form, "found": found, "labels": LABELS, "chosen": _chosen(form, DOMAINS)}
    return own_page("webhooks", {**values, "api": "/api/settings/webhooks"})


def build_one(hub: HubContext, caller: MaybeCaller, form: Form, uid: str, *, before: int = 0) -> WebPage:
    """Return the page of one webhook; its secret is never shown.

    Args:
        before: deliveries older than this number, 0 for the newest.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: no access.
    """
    row = webhooks.get(hub, caller, uid)
    found = webhooks.list_deliveries(hub, caller, uid, before=before or None, limit=SHOWN)
    values = {
        "form": form,
        "hook": attrs.evolve(row, secret=None),
        "has_secret": row.secret is not None,
        "watched": form.text("watched", "\n".join(_names(row))),
        "labels": LABELS,
        "chosen": _chosen(form, row.domains),
        "deliveries": [_shown(item) for item in found.items],
        "more": found.next,
        "base": f"{_BASE}/{row.uid}",
    }
    page = own_page("webhooks", {**values, "api": f"/api/settings/webhooks/{row.uid}"})
    return attrs.evolve(page, template="settings_webhook.html", title="Webhook")


def build_delivery(hub: HubContext, caller: MaybeCaller, uid: str, delivery: str) -> WebPage:
    """Return the page of one delivery, without the secret of the webhook.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: no access.
    """
    row, sent = webhooks.get(hub, caller, uid), webhooks.get_delivery(hub, caller, uid, delivery)
    is_whole = sent.size <= webhooks.MAX_BODY
    values = {
        "url": row.url,
        "sent": sent,
        "item": _shown(sent.delivery),
        "body": _readable_json(sent.body) if is_whole else sent.body,
        "headers": "\n".join(f"{name}: {value}" for name, value in sent.headers.items()),
        "is_whole": is_whole,
        "answer": sent.delivery.answer or "",
        "base": f"{_BASE}/{row.uid}",
        "api": f"/api/settings/webhooks/{row.uid}/deliveries/{sent.delivery.uid}",
    }
    return attrs.evolve(own_page("webhooks", values), template="settings_delivery.html", title="Delivery")


def _readable_json(body: str) -> str:
    """Return the same value in indented lines; only what cannot be printed is escaped, or changes the direction."""
    text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    if all(map(str.isprintable, text.split("\n"))):
        return text
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _form(act: FormAction) -> PageHandler:
    """Return the handler of a form of one webhook, whose id the form gets as its field ``id``."""

    async def endpoint(request: Request) -> Response:
        uid = _id(request)

        def run(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
            return act(hub, caller, Form({**form.fields, "id": [uid]}))

        return await answer_form(request, run, lambda hub, caller, form: build_one(hub, caller, form, uid))

    return endpoint


def _change(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    uid, secret = form.text("id"), "" if form.has("no_secret") else form.text("secret") or None
    changes = WebhookChanges(form.text("url").strip(), _watched(form), form.all("domains"), secret)
    webhooks.update(hub, caller, uid, changes)
    return f"{_BASE}/{uid}?done=saved"


def _switch(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    uid = form.text("id")
    webhooks.switch(hub, caller, uid, is_disabled=form.text("to") == "off")
    return f"{_BASE}/{uid}?done=saved"


def _delete(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    webhooks.delete(hub, caller, form.text("id"))
    return f"{_BASE}?done=removed"


def _replay(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    uid = form.text("id")
    webhooks.replay(hub, caller, uid, form.text("delivery"))
    return f"{_BASE}/{uid}?done=repeated"


def _ping(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
    uid = form.text("id")
    webhooks.ping(hub, caller, uid)
    return f"{_BASE}/{uid}?done=pinged"


def _id(request: Request) -> str:
    return decode_segment(request.path_params["id"])


def _chosen(form: Form, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(form.all("domains")) if form.fields else otherwise


def _watched(form: Form) -> list[tuple[str, str]]:
    """Return the names in the lines of a form, as pairs of kind and name.

    Raises:
        Malformed: there are none.
    """
    found = [_subject(line.strip("/")) for line in form.lines("watched")]
    if not found:
        raise Malformed("webhook", "name at least one repository, user or organisation, one per line")
    return found


def _subject(line: str) -> tuple[str, str]:
    prefix = next((prefix for prefix in _PREFIXES if line.startswith(prefix)), "")
    name = line.removeprefix(prefix)
    return (_PREFIXES.get(prefix, "model"), name) if prefix or "/" in name else ("org", name)


def _names(row: WebhookRow) -> list[str]:
    """Return the watched names of a webhook in the form in which its owner types them."""
    prefixes = {kind: prefix for prefix, kind in _PREFIXES.items()} | {"model": "", "org": ""}
    return [f"{prefixes[watch.kind]}{watch.name}" for watch in row.watched]


def _shown(item: Delivery) -> ShownDelivery:
    event, repo = item.payload["event"], item.payload["repo"]
    return ShownDelivery(
        item.uid,
        f"{event['scope']}: {event['action']}",
        repo["name"],
        item.state,
        item.attempts,
        item.status,
        one_line(item.answer or "", _MAX_ANSWER),
        item.created_ms,
        item.next_ms if item.state == "pending" else None,
    )
