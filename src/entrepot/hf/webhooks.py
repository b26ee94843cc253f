"""Webhooks: news of repositories, posted to a URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from entrepot.client.calls import webhooks
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.shapes.community import WebhookInfo, WebhookWatchedItem, webhook_of
from entrepot.wire.webhooks import WatchedSubject

Watched = Iterable[WebhookWatchedItem | Mapping[str, str]]


class Webhooks(Base):
    """Methods about the caller's webhooks. They raise NotFound for an unknown id."""

    def list_webhooks(self, *, token: str | bool | None = None) -> list[WebhookInfo]:
        """All webhooks of the caller."""
        return [webhook_of(found) for found in self._hub(token).send(webhooks.listing())]

    def get_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> WebhookInfo:
        """One webhook."""
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
        """Have news posted to a URL.

        Args:
            watched: users, organisations or repositories, as ``{"type": "model", "name": "namespace/name"}``.
            domains: ``repo`` and ``discussion``; None: both.
            secret: what the receiver finds in the ``X-Webhook-Secret`` header.

        Raises:
            InvalidArgument, Invalid: something watched is no such pair, or the URL cannot be used.
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
        """Change a webhook; None leaves what it is about."""
        things = _watched(watched) if watched is not None else None
        call = webhooks.change(webhook_id, url=url, watched=things, domains=domains, secret=secret)
        return webhook_of(self._hub(token).send(call))

    def enable_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> WebhookInfo:
        """Let a webhook hear again."""
        return webhook_of(self._hub(token).send(webhooks.enable(webhook_id)))

    def disable_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> WebhookInfo:
        """Let a webhook rest."""
        return webhook_of(self._hub(token).send(webhooks.disable(webhook_id)))

    def delete_webhook(self, webhook_id: str, *, token: str | bool | None = None) -> None:
        """Remove a webhook."""
        self._hub(token).send(webhooks.delete(webhook_id))


def _watched(things: Watched) -> list[WatchedSubject]:
    return [_thing(thing) for thing in things]


def _thing(thing: WebhookWatchedItem | Mapping[str, str]) -> WatchedSubject:
    if isinstance(thing, WebhookWatchedItem):
        return WatchedSubject(thing.type, thing.name)
    if not {"type", "name"} <= set(thing):
        raise InvalidArgument("what a webhook watches needs a 'type' and a 'name'")
    return WatchedSubject(thing["type"], thing["name"])
