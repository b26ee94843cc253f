"""Requests that wait for pushes without holding a thread.

While a repository is reserved for a pusher (:mod:`entrepot.hub.repos.push_reservations`), any number of
writers and of others who push may have to wait for seconds. In threads, they would keep these from all other requests
of the hub.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.push_reservations import PushWaiter, RepositoryReserved, ReservationWaiter
from entrepot.hub.revisions import Announcement
from entrepot.server.handlers import app_state, call_hub, call_hub_slow, call_hub_slow_together
from entrepot.server.threads import line_of

T = TypeVar("T")


async def call_hub_unreserved(
    request: Request, use_case: Callable[[HubContext, MaybeCaller, ReservationWaiter], T]
) -> T:
    """Call a use case that moves a ref, as :func:`entrepot.server.handlers.call_hub_slow`, while no push is reserved.

    It begins again after each wait; it must not matter that it began before.
    """
    waiter = ReservationWaiter(blocks=False)
    return await _call_until_free(request, lambda: call_hub_slow(request, use_case, waiter))


async def call_hub_unreserved_together(
    request: Request, ahead: Announcement, use_case: Callable[[HubContext, MaybeCaller, ReservationWaiter], T]
) -> T:
    """As :func:`call_hub_unreserved`, reading as :func:`entrepot.server.handlers.call_hub_slow_together`."""
    waiter = ReservationWaiter(blocks=False)
    return await _call_until_free(request, lambda: call_hub_slow_together(request, ahead, use_case, waiter))


async def call_hub_before_push(request: Request, use_case: Callable[[HubContext, MaybeCaller, PushWaiter], T]) -> T:
    """Call a use case that begins a push, as :func:`entrepot.server.handlers.call_hub`, when no one else pushes.

    It begins again after each wait; it must not matter that it began before.
    """
    waiter = PushWaiter()
    return await _call_until_free(request, lambda: call_hub(request, use_case, waiter))


async def _call_until_free(request: Request, call: Callable[[], Awaitable[T]]) -> T:
    """Call a use case, and again after each wait for which it asks."""
    state = app_state(request)
    while True:
        try:
            return await call()
        except RepositoryReserved as held:
            waiter, repo_id = held.waiter, held.repo_id

        async def still_held(look: Callable[[HubContext, int], bool] = waiter.look, repo_id: int = repo_id) -> bool:
            return await state.threads.run_short(look, state.hub, repo_id, line=line_of(request.scope))

        await waiter.wait(still_held)
