"""Webhooks: events of repositories, posted to a URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from entrepot.client.calls import webhooks
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.shapes.community import WebhookInfo, WebhookWatchedItem, webhook_of
from entrepot.wire.webhooks import WatchedSubject

Watched = Iterable[WebhookWatchedItem | Mapping[str, str]]


class Webhooks(Base):
    """Methods for the caller's webhooks. They raise NotFound for an unknown id."""

    def list_webhooks(self, *, token: str | bool | None = None) -> list[WebhookInfo]:
        """List all webhooks of the caller."""
        return [webhook_of(found) for found in self._hub(token).send(webhooks.listing())]

    def get_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> WebhookInfo:
        """Return a webhook."""
        return webhook_of(self._hub(token).send(webhooks.get(webhook_id)))

    def create_webhook(
        self,
        *,
        url: str,
        watched: Watched,
        domains: list[str] | None = None,
        secret: str | None = None,
        token: str | bool | None = None,
    ) -> WebhookInfo:
        """Create a webhook, which posts events of the watched items to a URL.

        Args:
            watched: users, organisations or repositories, as ``{"type": "model", "name": "namespace/name"}``;
                they need not exist yet.
            domains: ``repo``, ``discussion`` or both; None is both.
            secret: sent to the receiver in the ``X-Webhook-Secret`` header.

        Raises:
            InvalidArgument, Invalid: a watched item lacks its type or name, or the hub refuses an item or the URL.
        """
        call = webhooks.create(url, _watched(watched), domains=domains, secret=secret)
        return webhook_of(self._hub(token).send(call))

    def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        watched: Watched | None = None,
        domains: list[str] | None = None,
        secret: str | None = None,
        token: str | bool | None = None,
    ) -> WebhookInfo:
        """Update a webhook; None leaves a field unchanged."""
        things = _watched(watched) if watched is not None else None
        call = webhooks.change(webhook_id, url=url, watched=things, domains=domains, secret=secret)
        return webhook_of(self._hub(token).send(call))

    def enable_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> WebhookInfo:
        """Enable a webhook that was disabled."""
        return webhook_of(self._hub(token).send(webhooks.enable(webhook_id)))

    def disable_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> WebhookInfo:
        """Disable a webhook; it posts no events until it is enabled."""
        return webhook_of(self._hub(token).send(webhooks.disable(webhook_id)))

    def delete_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> None:
        """Delete a webhook."""
        self._hub(token).send(webhooks.delete(webhook_id))


def _watched(things: Watched) -> list[WatchedSubject]:
    return [_thing(thing) for thing in things]


def _thing(thing: WebhookWatchedItem | Mapping[str, str]) -> WatchedSubject:
    if isinstance(thing, WebhookWatchedItem):
        return WatchedSubject(thing.type, thing.name)
    if not {"type", "name"} <= set(thing):
        raise InvalidArgument("each item of watched needs a 'type' and a 'name'")
    return WatchedSubject(thing["type"], thing["name"])
