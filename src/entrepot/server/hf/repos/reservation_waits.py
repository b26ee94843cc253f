"""Writes that wait for those who push, without a thread.

While a repository is reserved for somebody who pushes (:mod:`entrepot.hub.repos.push_reservations`), any number of
writers may have to wait for seconds. In threads, they would keep these from all other requests of the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.push_reservations import RepositoryReserved, ReservationWaiter
from entrepot.server.handlers import app_state, call_hub_slow
from entrepot.server.threads import line_of

T = TypeVar("T")


async def call_hub_unreserved(
    request: Request, use_case: Callable[[HubContext, MaybeCaller, ReservationWaiter], T]
) -> T:
    """Call a use case that moves a ref, as :func:`entrepot.server.handlers.call_hub_slow`, when nobody pushes.

    It begins again after each wait; it must not matter that it began before.
    """
    state, waiter = app_state(request), ReservationWaiter(blocks=False)
    while True:
        try:
            return await call_hub_slow(request, use_case, waiter)
        except RepositoryReserved as held:
            repo_id = held.repo_id

        async def still_held(repo_id: int = repo_id) -> bool:
            return await state.threads.run_short(waiter.look, state.hub, repo_id, line=line_of(request.scope))

        await waiter.wait(still_held)
