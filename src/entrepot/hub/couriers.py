"""News brought to webhooks: at least once each, in order for each webhook and repository.

A delivery that is not welcome is tried again, after pauses that grow, and the
later news of the same repository wait behind it; so a receiver that was away
gets everything, in order, when it is back. Only after the setting
``webhook_patience_s`` is one given up, and the next one tried.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from entrepot.catalog import deliveries, jobs, repos, webhooks
from entrepot.catalog.deliveries import Delivery
from entrepot.catalog.webhooks import WebhookRow
from entrepot.hub import events, postings
from entrepot.hub.house import Hub
from entrepot.hub.postings import Posted

SENDING_MS = 20_000
"""How long a delivery may be under way before whoever sends it counts as dead."""

_DAY_MS = 86_400_000

KEPT_MS = 30 * _DAY_MS
"""How long the log of deliveries reaches back."""

_IN_ONE_TURN = 50
_FIRST_PAUSE_MS = 5_000
_LONGEST_PAUSE_MS = 3_600_000


def deliver(hub: Hub, args: Mapping[str, Any]) -> None:
    """Bring what waits for a webhook about a repository, until nothing does or the receiver refuses."""
    webhook_id, repo_id = int(args["webhook"]), int(args["repo"])
    for _ in range(_IN_ONE_TURN):
        taken = _take(hub, webhook_id, repo_id)
        if taken is None:
            return
        webhook, delivery = taken
        posted = _send(hub, webhook, delivery)
        if not _conclude(hub, delivery, posted):
            return
    with hub.write() as tx:
        events.call_courier(tx, webhook_id, repo_id, hub.now_ms())


def forget_old(hub: Hub, _args: Mapping[str, Any]) -> None:
    """Shorten the log of deliveries, and plan to do so again tomorrow."""
    with hub.write() as tx:
        deliveries.forget(tx, hub.now_ms() - KEPT_MS)
    plan_forgetting(hub)


def plan_forgetting(hub: Hub) -> None:
    """See to it that the log of deliveries is shortened tomorrow."""
    with hub.write() as tx:
        jobs.enqueue(tx, "forget-deliveries", {}, hub.now_ms(), dedup_key="forget-deliveries", delay_ms=_DAY_MS)


def sign(secret: str, body: bytes) -> str:
    """The value of ``X-Webhook-Signature-256``: HMAC-SHA256 of the body under the webhook's secret."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _take(hub: Hub, webhook_id: int, repo_id: int) -> tuple[WebhookRow, Delivery] | None:
    """The delivery whose turn it is, marked as being sent; None when there is none now."""
    now = hub.now_ms()
    with hub.write() as tx:
        webhook, delivery = webhooks.by_id(tx, webhook_id), deliveries.first(tx, webhook_id, repo_id)
        if webhook is None or delivery is None or webhook.is_disabled:
            return None
        if delivery.next_ms > now:
            # Not its time yet, or somebody else has it: look again then.
            events.call_courier(tx, webhook_id, repo_id, now, delay_ms=delivery.next_ms - now)
            return None
        row = repos.by_id(tx, repo_id)
        heard = webhooks.listening(tx, repo_id, delivery.namespace_id)
        listener = next((it for it in heard if it.webhook_id == webhook_id), None)
        is_private = row.is_private if row is not None else bool(delivery.payload["repo"]["private"])
        is_insider = listener is not None and listener.is_insider
        if is_private and not is_insider:
            deliveries.conclude(tx, delivery.id, "failed", None, "the webhook's owner no longer sees this", now)
            events.call_courier(tx, webhook_id, repo_id, now)
            return None
        deliveries.take(tx, delivery.id, now + SENDING_MS)
    return webhook, delivery


def _send(hub: Hub, webhook: WebhookRow, delivery: Delivery) -> Posted:
    body = json.dumps(_absolute(hub, webhook, delivery.payload), separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "entrepot-webhook/3",
        "X-Webhook-Id": webhook.uid,
        "X-Webhook-Delivery": delivery.uid,
    }
    if webhook.secret:
        headers |= {"X-Webhook-Secret": webhook.secret, "X-Webhook-Signature-256": sign(webhook.secret, body)}
    target = postings.parse_target(webhook.url)
    return postings.post(target, body, headers, reaches_private=hub.settings.webhook_private_targets)


def _conclude(hub: Hub, delivery: Delivery, posted: Posted) -> bool:
    """Write down how it went; whether the next one may follow at once."""
    now, attempts = hub.now_ms(), delivery.attempts + 1
    answer = posted.answer[: postings.MAX_ANSWER]
    with hub.write() as tx:
        if posted.is_welcome:
            deliveries.conclude(tx, delivery.id, "done", posted.status, answer, now)
            return True
        if now - delivery.created_ms >= hub.settings.webhook_patience_s * 1000:
            deliveries.conclude(tx, delivery.id, "failed", posted.status, answer, now)
            return True
        pause = min(_FIRST_PAUSE_MS * 3 ** min(attempts - 1, 10), _LONGEST_PAUSE_MS)
        deliveries.conclude(tx, delivery.id, "pending", posted.status, answer, now + pause)
        events.call_courier(tx, delivery.webhook_id, delivery.repo_id, now, delay_ms=pause)
    return False


def _absolute(hub: Hub, webhook: WebhookRow, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as it is sent: URLs with the hub's origin, and the webhook's own id."""
    settings = hub.settings
    origin = settings.base_url or f"http://{settings.host}:{settings.port}"
    return _with_origin(payload, origin) | {"webhook": {"id": webhook.uid, "version": 3}}


def _with_origin(payload: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The same values, with the origin before every path in a ``url``."""
    found: dict[str, Any] = {}
    for key, value in payload.items():
        if key == "url" and isinstance(value, dict):
            found[key] = {name: f"{origin}{path}" for name, path in value.items()}
        else:
            found[key] = _with_origin(value, origin) if isinstance(value, dict) else value
    return found
