"""JSON of notifications and subscriptions; these routes are an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class NotifiedRepo(msgspec.Struct, rename="camel", kw_only=True):
    """The repository that a notification is about."""

    type: str
    name: str


class NotifiedDiscussion(msgspec.Struct, rename="camel", kw_only=True):
    """The discussion that a notification is about, as it is now."""

    num: int
    title: str
    status: str
    is_pull_request: bool


class NotificationInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A notification.

    ``kind``: discussion, access-request, access-decision, invitation, invitation-answer,
    membership, folder-grant or webhook; ``reason``: mention, author, participating, watching or personal;
    ``text``: what happened, as a sentence; ``path``: the page about it; ``actor``: who did it,
    null if no account did or it was deleted.
    """

    id: str
    kind: str
    reason: str
    text: str
    path: str
    actor: str | None
    repo: NotifiedRepo | None
    discussion: NotifiedDiscussion | None
    organization: str | None
    read: bool
    updated_at: str


class NotificationList(msgspec.Struct, rename="camel", kw_only=True):
    """A page of notifications; ``unread``: how many are unread in all, at most 100."""

    notifications: Sequence[NotificationInfo]
    unread: int


class NotificationMarks(msgspec.Struct, rename="camel", kw_only=True):
    """Body of ``POST /api/notifications/read``: the ids, or ``all``; ``read`` false marks them as unread."""

    ids: list[str] | None = None
    all: bool = False
    read: bool = True


class MarkedNotifications(msgspec.Struct, rename="camel", kw_only=True):
    """The number of notifications that changed."""

    changed: int


class SubscriptionInfo(msgspec.Struct, rename="camel", kw_only=True):
    """Which notifications of a repository the caller gets: all, participating or none; ``chosen``: not the default."""

    level: str
    chosen: bool


class OwnSubscription(msgspec.Struct, rename="camel", kw_only=True):
    """A choice of the caller about a repository, or about one of its discussions, which is muted (level ``none``)."""

    repo: NotifiedRepo
    level: str
    discussion: MutedTopic | None = None


class MutedTopic(msgspec.Struct):
    """A muted discussion."""

    num: int
    title: str


class SubscriptionChange(msgspec.Struct, rename="camel", kw_only=True):
    """Body of ``PUT /api/{type}/{id}/subscription``."""

    level: str


class MutedDiscussion(msgspec.Struct, rename="camel", kw_only=True):
    """Whether the caller has muted a discussion; also the body that changes it."""

    muted: bool
