"""Limits of attempts to sign in, as requests meet them; :mod:`entrepot.hub.accounts.attempts` counts."""

from __future__ import annotations

import asyncio

from entrepot.hub.accounts import attempts
from entrepot.hub.context import HubContext

AT_A_TIME = 2
"""Passwords checked at a time: each check takes 64 MiB of memory, on purpose."""


class SignInLimits:
    """Attempts of one kind. Call :meth:`begin` and :meth:`note_success` in a thread.

    ``checking``: to be held on the event loop while a password is checked.
    """

    def __init__(self, hub: HubContext, kind: str) -> None:
        self._hub = hub
        self._kind = kind
        self.checking = asyncio.Semaphore(AT_A_TIME)

    def begin(self, account: str, network: bytes) -> int:
        """Return how many seconds an attempt has to wait; if 0, it may be made now, and counts as failed."""
        return attempts.begin(self._hub, self._kind, account, network)

    def note_success(self, account: str, network: bytes) -> None:
        """Forget the failed attempts for an account from an address, and the last one of the address."""
        attempts.note_success(self._hub, self._kind, account, network)
