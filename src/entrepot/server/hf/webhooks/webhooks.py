"""Webhooks of the caller. Source: docs/protocols/hf_api.md, section 1B.5."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import Malformed
from entrepot.hub.events import DOMAINS
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import Delivery, SentDelivery, WebhookChanges, WebhookDraft, WebhookRow
from entrepot.server.handlers import call_hub, json_response, next_link, query_int, read_json
from entrepot.server.raw_path import decode_segment
from entrepot.wire.times import format_ms
from entrepot.wire.webhooks import (
    DeliveryDetail,
    DeliveryEvent,
    DeliveryInfo,
    WatchedSubject,
    WebhookInfo,
    WebhookRequest,
    WebhookResponse,
)

_BASE = "/api/settings/webhooks"
_PAGE = 100


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    one = f"{_BASE}/{{id}}"
    return [
        Route(_BASE, list_webhooks),
        Route(_BASE, create, methods=["POST"]),
        Route(one, show),
        Route(one, update, methods=["POST"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/enable", enable, methods=["POST"]),
        Route(f"{one}/disable", disable, methods=["POST"]),
        Route(f"{one}/deliveries", list_deliveries),
        Route(f"{one}/deliveries/{{delivery}}", show_delivery),
        Route(f"{one}/replay/{{delivery}}", replay, methods=["POST"]),
        Route(f"{one}/ping", ping, methods=["POST"]),
    ]


async def list_webhooks(request: Request) -> Response:
    """Serve the caller's webhooks, oldest first."""
    return json_response([render(row) for row in await call_hub(request, webhooks.list_webhooks)])


async def create(request: Request) -> Response:
    """Create a webhook."""
    body = await read_json(request, WebhookRequest)
    _refuse_jobs(body)
    if not body.url:
        raise Malformed("setting 'url'", "name the URL to post to")
    domains = DOMAINS if body.domains is None else body.domains
    wish = WebhookDraft(body.url, _pairs(body.watched or ()), domains, body.secret)
    return _answer(await call_hub(request, webhooks.create, wish))


async def show(request: Request) -> Response:
    """Serve one webhook."""
    return _answer(await call_hub(request, webhooks.get, _id(request)))


async def update(request: Request) -> Response:
    """Update a webhook; omitted fields stay unchanged."""
    body = await read_json(request, WebhookRequest)
    _refuse_jobs(body)
    watched = None if body.watched is None else _pairs(body.watched)
    changes = WebhookChanges(body.url, watched, body.domains, body.secret)
    return _answer(await call_hub(request, webhooks.update, _id(request), changes))


async def delete(request: Request) -> Response:
    """Delete a webhook."""
    await call_hub(request, webhooks.delete, _id(request))
    return PlainTextResponse("OK")


async def enable(request: Request) -> Response:
    """Enable a webhook."""
    return _answer(await call_hub(request, webhooks.switch, _id(request), is_disabled=False))


async def disable(request: Request) -> Response:
    """Disable a webhook."""
    return _answer(await call_hub(request, webhooks.switch, _id(request), is_disabled=True))


async def list_deliveries(request: Request) -> Response:
    """Serve the deliveries to a webhook, newest first, in pages."""
    limit = query_int(request, "limit", 50, low=1, high=_PAGE)
    before = query_int(request, "cursor", 0, low=0, high=2**62) or None
    found = await call_hub(request, webhooks.list_deliveries, _id(request), before=before, limit=limit)
    headers = {"Link": next_link(request, {"cursor": str(found.next)})} if found.next is not None else None
    return json_response([render_delivery(item) for item in found.items], headers=headers)


async def show_delivery(request: Request) -> Response:
    """Serve one delivery with its request."""
    delivery = decode_segment(request.path_params["delivery"])
    return json_response(render_request(await call_hub(request, webhooks.get_delivery, _id(request), delivery)))


async def replay(request: Request) -> Response:
    """Repeat one delivery."""
    delivery = decode_segment(request.path_params["delivery"])
    return _answer(await call_hub(request, webhooks.replay, _id(request), delivery))


async def ping(request: Request) -> Response:
    """Send a test event."""
    return _answer(await call_hub(request, webhooks.ping, _id(request)))


def render(row: WebhookRow) -> WebhookInfo:
    """Return a webhook as its owner sees it, including the secret."""
    return WebhookInfo(
        id=row.uid,
        watched=[WatchedSubject(watch.kind, watch.name) for watch in row.watched],
        domains=row.domains,
        disabled=row.is_disabled,
        url=row.url,
        secret=UNSET if row.secret is None else row.secret,
    )


def render_delivery(item: Delivery) -> DeliveryInfo:
    """Return a delivery as the owner of its webhook sees it."""
    event, repo = item.payload["event"], item.payload["repo"]
    return DeliveryInfo(
        id=item.uid,
        state=item.state,
        event=DeliveryEvent(event["action"], event["scope"]),
        repo=WatchedSubject(repo["type"], repo["name"]),
        attempts=item.attempts,
        created_at=format_ms(item.created_ms),
        status=item.status,
        answer=item.answer,
        finished_at=None if item.finished_ms is None else format_ms(item.finished_ms),
        next_attempt_at=format_ms(item.next_ms) if item.state == "pending" else None,
    )


def render_request(sent: SentDelivery) -> DeliveryDetail:
    """Return a delivery with its request."""
    known = render_delivery(sent.delivery)
    return DeliveryDetail(
        **{field: getattr(known, field) for field in known.__struct_fields__},
        headers=dict(sent.headers),
        body=sent.body,
        body_size=sent.size,
    )


def _answer(row: WebhookRow) -> Response:
    return json_response(WebhookResponse(render(row)))


def _id(request: Request) -> str:
    return decode_segment(request.path_params["id"])


def _pairs(watched: Sequence[WatchedSubject]) -> list[tuple[str, str]]:
    return [(thing.type, thing.name) for thing in watched]


def _refuse_jobs(body: WebhookRequest) -> None:
    if body.job_source_id is not None:
        raise Malformed("setting 'jobSourceId'", "this hub runs no jobs for webhooks; name a 'url' to post to")
