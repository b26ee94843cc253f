"""Calls about the caller's notifications, an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import JSON, Call, ResultPage, json_as, json_body, nothing, page_of, pairs
from entrepot.names import RepoRef
from entrepot.wire.community.notifications import (
    MarkedNotifications,
    MutedDiscussion,
    NotificationList,
    NotificationMarks,
    OwnSubscription,
    SubscriptionChange,
)

_ROOT = "/api/notifications"
_SUBJECT = "the list of your notifications"


def listing(*, shows_all: bool = False, limit: int = 50) -> Call[NotificationList]:
    """Build the call that lists the newest unread notifications, or the newest of all; at most 100."""
    query = pairs(readStatus="all" if shows_all else "unread", limit=str(limit))
    return Call("GET", _ROOT, json_as(NotificationList), query=query, subject=_SUBJECT)


def subscriptions() -> Call[ResultPage[OwnSubscription]]:
    """Build the call that lists the subscriptions of the caller, page by page."""
    return Call("GET", f"{_ROOT}/subscriptions", page_of(json_as(list[OwnSubscription])), subject=_SUBJECT)


def choose(ref: RepoRef, level: str, num: int | None = None) -> Call[None]:
    """Build the call that sets which notifications of a repository the caller gets, or (``num``) mutes a discussion."""
    path = f"/api/{ref.type.plural}/{ref.id}"
    if num is None:
        path, body = f"{path}/subscription", json_body(SubscriptionChange(level=level))
    else:
        path, body = f"{path}/discussions/{num}/subscription", json_body(MutedDiscussion(muted=level == "none"))
    return Call("PUT", path, nothing, body=body, media_type=JSON, subject=str(ref))


def mark_read(ids: Sequence[str] | None) -> Call[MarkedNotifications]:
    """Build the call that marks notifications as read; None marks all."""
    marks = NotificationMarks(all=True) if ids is None else NotificationMarks(ids=list(ids))
    body = json_body(marks)
    return Call("POST", f"{_ROOT}/read", json_as(MarkedNotifications), body=body, media_type=JSON, subject=_SUBJECT)
