"""The request of a delivery: its body and its headers. Source: docs/webhooks.md, "The payload"."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.catalog.webhooks.deliveries import Delivery
from entrepot.catalog.webhooks.webhooks import WebhookRow
from entrepot.errors.redactions import spellings_of
from entrepot.settings import Settings

PROOFS = ("X-Webhook-Secret", "X-Webhook-Signature-256")
"""The headers that prove who sends a request: the secret, and the signature that is made with it."""

_PREFIX = "sha256="


def body_of(settings: Settings, webhook: WebhookRow, delivery: Delivery) -> bytes:
    """Return the body as it is sent, in ASCII: URLs have the origin of the hub, which the stored payload lacks."""
    sent = _with_origin(delivery.payload, _origin(settings)) | {"webhook": {"id": webhook.uid, "version": 3}}
    return json.dumps(sent, separators=(",", ":")).encode()


def headers_of(webhook: WebhookRow, delivery: Delivery) -> dict[str, str]:
    """Return the headers, without those that prove who sends the request (:func:`proofs_of`)."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "entrepot-webhook/3",
        "X-Webhook-Id": webhook.uid,
        "X-Webhook-Delivery": delivery.uid,
    }


def proofs_of(webhook: WebhookRow, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sends a body, which are never shown; empty without a secret."""
    if not webhook.secret:
        return {}
    return dict(zip(PROOFS, (webhook.secret, sign(webhook.secret, body)), strict=True))


def spellings(proofs: Mapping[str, str]) -> Sequence[str]:
    """Return how a receiver that repeats its request may spell the values of :func:`proofs_of`.

    A signature is also known without its prefix.
    """
    words = {word for value in proofs.values() for word in (value, value.removeprefix(_PREFIX))}
    return sorted({spelling for word in words if word for spelling in spellings_of(word)})


def sign(secret: str, body: bytes) -> str:
    """Return the value of ``X-Webhook-Signature-256``: HMAC-SHA256 of the body under the webhook's secret."""
    return _PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _origin(settings: Settings) -> str:
    """Return where receivers reach the hub: ``base_url``, else as for a request that names no host."""
    if settings.base_url:
        return settings.base_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://[{host}]:{settings.port}" if ":" in host else f"{scheme}://{host}:{settings.port}"


def _with_origin(payload: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return the same values, with the origin before every path in a ``url``."""
    found: dict[str, Any] = {}
    for key, value in payload.items():
        if key == "url" and isinstance(value, dict):
            found[key] = {name: f"{origin}{path}" for name, path in value.items()}
        else:
            found[key] = _with_origin(value, origin) if isinstance(value, dict) else value
    return found
