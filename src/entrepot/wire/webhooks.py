"""JSON of webhooks. Source: docs/protocols/hf_api.md, section 1B.5; deliveries are an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType


class WatchedSubject(msgspec.Struct, frozen=True):
    """A name that a webhook watches, even if it is not taken; ``type`` is user, org, model, dataset or space."""

    type: str
    name: str


class WebhookInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook; fields that a hub omits are ``UNSET``."""

    id: str
    watched: Sequence[WatchedSubject]
    domains: Sequence[str]
    disabled: bool = False
    url: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET

    def __repr__(self) -> str:
        return f"WebhookInfo({self.id!r}, url={self.url!r})"


class WebhookResponse(msgspec.Struct, frozen=True):
    """Response of every request about one webhook."""

    webhook: WebhookInfo


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Body that creates or changes a webhook; absent fields are unchanged."""

    url: str | None = None
    watched: Sequence[WatchedSubject] | None = None
    domains: Sequence[str] | None = None
    secret: str | None = None
    job_source_id: str | None = None


class DeliveryEvent(msgspec.Struct, frozen=True):
    """The event of a delivery: ``action`` is create, update, delete or move; ``scope`` says what it applies to."""

    action: str
    scope: str


class DeliveryInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One delivery: ``state`` is pending, sending, done or failed; ``status`` is that of the receiver's response."""

    id: str
    state: str
    event: DeliveryEvent
    repo: WatchedSubject
    attempts: int
    created_at: str
    status: int | None = None
    answer: str | None = None
    finished_at: str | None = None
    next_attempt_at: str | None = None


class DeliveryDetail(DeliveryInfo, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A delivery with its request: headers without secret and signature, the start of the body and its whole size."""

    headers: dict[str, str]
    body: str
    body_size: int
