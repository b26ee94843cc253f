"""Notifications and subscriptions: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import notification_lists, subscriptions
from entrepot.hub.community.notification_lists import Notification
from entrepot.hub.community.subscriptions import OwnChoice, Subscription
from entrepot.hub.context import HubContext
from entrepot.hub.pages import Page
from entrepot.names import RepoRef
from entrepot.server.handlers import call_hub, json_response, query_int, read_json
from entrepot.server.hf.community.discussions import number_of
from entrepot.server.hf.community.notification_json import render
from entrepot.server.hf.pages import After, after_of, link_to
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.wire.community.notifications import (
    MarkedNotifications,
    MutedDiscussion,
    MutedTopic,
    NotificationList,
    NotificationMarks,
    NotifiedRepo,
    OwnSubscription,
    SubscriptionChange,
    SubscriptionInfo,
)
from entrepot.wire.texts import legible

_PAGE, _MAX_LIMIT = 50, 100
_STATUSES = {"": True, "unread": True, "all": False}


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    muted = "discussions/{num}/subscription"
    return [
        Route("/api/notifications", list_own),
        Route("/api/notifications/read", mark, methods=["POST"]),
        Route("/api/notifications/subscriptions", list_choices),
        *repo_routes("GET", "subscription", show),
        *repo_routes("PUT", "subscription", choose),
        *repo_routes("GET", muted, show_muted),
        *repo_routes("PUT", muted, mute),
    ]


async def list_own(request: Request) -> Response:
    """Serve the caller's notifications, newest first."""
    status = request.query_params.get("readStatus", "")
    if status not in _STATUSES:
        raise Malformed("parameter 'readStatus'", "expected unread or all")
    limit = query_int(request, "limit", _PAGE, low=1, high=_MAX_LIMIT)
    page, unread = await call_hub(request, _list, is_unread=_STATUSES[status], after=after_of(request), limit=limit)
    found = NotificationList(notifications=[render(item) for item in page.items], unread=unread)
    return json_response(found, headers=link_to(request, page.after))


async def mark(request: Request) -> Response:
    """Mark notifications as read, or as unread again."""
    body = await read_json(request, NotificationMarks)
    if body.all == (body.ids is not None):
        raise Malformed("body", "send either the ids of notifications, or all: true")
    changed = await call_hub(request, notification_lists.mark, None if body.all else body.ids, is_read=body.read)
    return json_response(MarkedNotifications(changed=changed))


async def list_choices(request: Request) -> Response:
    """Serve a page of the caller's subscriptions: repositories, and muted discussions."""
    limit, after = query_int(request, "limit", subscriptions.PAGE, low=1, high=subscriptions.PAGE), after_of(request)
    page = await call_hub(request, subscriptions.list_own, after=after, limit=limit)
    return json_response([_choice(item) for item in page.items], headers=link_to(request, page.after))


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve which notifications about a repository the caller gets."""
    return json_response(_subscription(await call_hub(request, subscriptions.of_repo, ref)))


async def choose(request: Request, ref: RepoRef) -> Response:
    """Set which notifications about a repository the caller gets."""
    body = await read_json(request, SubscriptionChange)
    return json_response(_subscription(await call_hub(request, subscriptions.choose, ref, body.level)))


async def show_muted(request: Request, ref: RepoRef) -> Response:
    """Serve whether the caller has muted a discussion."""
    return json_response(
        MutedDiscussion(muted=await call_hub(request, subscriptions.is_muted, ref, number_of(request)))
    )


async def mute(request: Request, ref: RepoRef) -> Response:
    """Mute a discussion for the caller, or end that."""
    body = await read_json(request, MutedDiscussion)
    await call_hub(request, subscriptions.mute, ref, number_of(request), is_muted=body.muted)
    return json_response(body)


def _list(
    hub: HubContext, caller: MaybeCaller, *, is_unread: bool, after: After | None, limit: int
) -> tuple[Page[Notification], int]:
    page = notification_lists.list_page(hub, caller, is_unread=is_unread, after=after, limit=limit)
    return page, notification_lists.count_unread(hub, caller)


def _choice(item: OwnChoice) -> OwnSubscription:
    repo = NotifiedRepo(type=item.repo.type.value, name=str(item.repo.ref.id))
    topic = None if item.num is None else MutedTopic(num=item.num, title=legible(item.title))
    return OwnSubscription(repo=repo, level=item.level, discussion=topic)


def _subscription(found: Subscription) -> SubscriptionInfo:
    return SubscriptionInfo(level=found.level, chosen=found.is_chosen)
