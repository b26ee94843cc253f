"""Likes, collections, access requests and webhooks."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Literal

from entrepot.client.calls import known
from entrepot.hf.shapes.times import parse_timestamp
from entrepot.wire import webhooks as wire
from entrepot.wire.community.access_requests import AccessRequestInfo
from entrepot.wire.community.collections import CollectionInfo, CollectionItemInfo
from entrepot.wire.community.likes import LikeInfo


@dataclasses.dataclass
class UserLikes:
    """The public repositories that a user likes."""

    user: str
    total: int
    datasets: list[str]
    models: list[str]
    spaces: list[str]
    kernels: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class CollectionItem:
    """An item of a collection; ``item_object_id`` identifies the entry, ``item_id`` the repository or paper."""

    item_object_id: str
    item_id: str
    item_type: str
    position: int
    note: str | None = None


@dataclasses.dataclass
class Collection:
    """A collection; lists return only its first items."""

    slug: str
    title: str
    owner: str
    items: list[CollectionItem]
    last_updated: datetime.datetime
    position: int
    private: bool
    theme: str
    upvotes: int
    description: str | None = None
    endpoint: str = dataclasses.field(default="", repr=False)

    @property
    def url(self) -> str:
        """The URL of the collection's page."""
        return f"{self.endpoint}/collections/{self.slug}"


@dataclasses.dataclass
class AccessRequest:
    """A user's request to read a gated repository; ``fields`` are the submitted form fields."""

    username: str | None
    request_id: str
    fullname: str | None
    email: str | None
    timestamp: datetime.datetime
    status: Literal["pending", "accepted", "rejected"]
    fields: dict[str, Any] | None = None


@dataclasses.dataclass
class WebhookWatchedItem:
    """An item watched by a webhook; ``type`` is user, org, model, dataset or space."""

    type: str
    name: str


@dataclasses.dataclass
class WebhookInfo:
    """A webhook."""

    id: str
    url: str | None
    watched: list[WebhookWatchedItem]
    domains: list[str]
    secret: str | None = dataclasses.field(repr=False)
    disabled: bool


def likes_of(user: str, found: list[LikeInfo]) -> UserLikes:
    """Group the likes of a user by repository type."""
    by_type: dict[str, list[str]] = {}
    for like in found:
        by_type.setdefault(like.repo.type, []).append(like.repo.name)
    return UserLikes(
        user=user,
        total=len(found),
        datasets=by_type.get("dataset", []),
        models=by_type.get("model", []),
        spaces=by_type.get("space", []),
        kernels=by_type.get("kernel", []),
    )


def collection_of(found: CollectionInfo, endpoint: str, *, position: int = 0) -> Collection:
    """Convert a collection; ``position`` is used if the hub sent none, as in lists."""
    place = known(found.position)
    return Collection(
        slug=found.slug,
        title=found.title,
        owner=found.owner.name,
        items=[_item(item) for item in found.items],
        last_updated=parse_timestamp(found.last_updated),
        position=position if place is None else place,
        private=found.private,
        theme=found.theme,
        upvotes=found.upvotes,
        description=known(found.description),
        endpoint=endpoint,
    )


def request_of(found: AccessRequestInfo) -> AccessRequest:
    """Convert an access request."""
    status: Any = found.status
    fields = known(found.fields)
    return AccessRequest(
        username=found.user.user,
        request_id=found.request_id,
        fullname=found.user.fullname,
        email=found.user.email,
        timestamp=parse_timestamp(found.timestamp),
        status=status,
        fields=dict(fields) if fields is not None else None,
    )


def webhook_of(found: wire.WebhookInfo) -> WebhookInfo:
    """Convert a webhook."""
    return WebhookInfo(
        id=found.id,
        url=known(found.url),
        watched=[WebhookWatchedItem(thing.type, thing.name) for thing in found.watched],
        domains=list(found.domains),
        secret=known(found.secret),
        disabled=found.disabled,
    )


def _item(found: CollectionItemInfo) -> CollectionItem:
    note = known(found.note)
    return CollectionItem(
        item_object_id=found.uid,
        item_id=known(found.slug) or found.id,
        item_type=found.type,
        position=found.position,
        note=note.text if note is not None else None,
    )
