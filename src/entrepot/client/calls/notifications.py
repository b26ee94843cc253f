"""Calls about the caller's notifications, an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import JSON, Call, json_as, json_body, pairs
from entrepot.wire.community.notifications import MarkedNotifications, NotificationList, NotificationMarks

_ROOT = "/api/notifications"
_SUBJECT = "the list of your notifications"


def listing(*, shows_all: bool = False, limit: int = 50) -> Call[NotificationList]:
    """Build the call that lists the newest unread notifications, or the newest of all; at most 100."""
    query = pairs(readStatus="all" if shows_all else "unread", limit=str(limit))
    return Call("GET", _ROOT, json_as(NotificationList), query=query, subject=_SUBJECT)


def mark_read(ids: Sequence[str] | None) -> Call[MarkedNotifications]:
    """Build the call that marks notifications as read; None marks all."""
    marks = NotificationMarks(all=True) if ids is None else NotificationMarks(ids=list(ids))
    body = json_body(marks)
    return Call("POST", f"{_ROOT}/read", json_as(MarkedNotifications), body=body, media_type=JSON, subject=_SUBJECT)
