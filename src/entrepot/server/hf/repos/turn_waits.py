"""Writes that wait for those who push, without a thread.

While somebody has a turn in a repository (:mod:`entrepot.hub.repos.push_turns`), any number of writers may
have to wait there for seconds. In threads, they would keep these from all other requests of the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.push_turns import TurnHeld, TurnWaiter
from entrepot.server.handlers import app_state, call_hub_slow
from entrepot.server.threads import line_of

T = TypeVar("T")


async def call_hub_in_peace(request: Request, use_case: Callable[[HubContext, MaybeCaller, TurnWaiter], T]) -> T:
    """Call a use case that moves a ref, as :func:`entrepot.server.handlers.call_hub_slow`, when nobody pushes.

    It begins again after each wait; it must not matter that it began before.
    """
    state, waiter = app_state(request), TurnWaiter(blocks=False)
    while True:
        try:
            return await call_hub_slow(request, use_case, waiter)
        except TurnHeld as held:
            repo_id = held.repo_id

        async def still_held(repo_id: int = repo_id) -> bool:
            return await state.threads.run_short(waiter.look, state.hub, repo_id, line=line_of(request.scope))

        await waiter.wait(still_held)
