"""Who may occupy how many of the threads: calls of one sender never hold all of them.

A use case may take seconds for one request. Without a limit for each sender,
a dozen such requests of one account would make everyone else's small ones wait.
"""

from __future__ import annotations

from starlette.types import Scope

from entrepot.server.client_addresses import client_address, network_of
from entrepot.server.fair_slots import FairSlots
from entrepot.settings import Settings

_REMEMBERED = 20_000


class FairCalls:
    """The slots of short and of long calls, and for whom a request counts.

    Requests with credentials count for the account behind them once that is
    known, so that several tokens give nobody more room; all others count for
    their address, so that made-up tokens do not either. Belongs to one event loop.
    """

    def __init__(self, settings: Settings) -> None:
        """Let one sender hold half of the threads of each pool."""
        self._settings = settings
        self.short = _half_each(settings.short_threads)
        self.transfers = _half_each(settings.transfer_threads)
        self._accounts: dict[int, str] = {}

    def sender_of(self, scope: Scope) -> str:
        """Return for whom a request counts."""
        known = self._accounts.get(_credentials_of(scope)) if self._accounts else None
        return known or network_of(client_address(scope, self._settings)).hex()

    def learn(self, scope: Scope, account: str) -> None:
        """Note whose credentials came with a request; safe to call from any thread."""
        if len(self._accounts) >= _REMEMBERED:
            self._accounts.clear()
        self._accounts[_credentials_of(scope)] = f"@{account}"


def _half_each(threads: int) -> FairSlots:
    return FairSlots(threads, per_caller=max(1, threads // 2))


def _credentials_of(scope: Scope) -> int:
    """Return a number for the credentials of a request: no secret is kept, and equal numbers would only share slots."""
    return hash(next((value for name, value in scope["headers"] if name == b"authorization"), b""))
