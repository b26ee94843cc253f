"""Limits of attempts to sign in: for each account from one address, and for each address.

After five failures within a minute for one account and address, or twenty from
one address, further attempts wait; the wait doubles with every failure after it,
up to an hour. An account is never locked for all addresses: anyone could do that
to anyone. Counts are kept in memory, in each server process.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import attrs

WAIT_S, MOST_WAIT_S = 60.0, 3600.0
PER_ACCOUNT, PER_ADDRESS = 5, 20
AT_A_TIME = 2
"""Passwords checked at a time: each check takes 64 MiB of memory, on purpose."""

_REMEMBERED = 10_000


@attrs.define
class _Failures:
    count: int
    last_s: float
    free_at_s: float = 0.0


class SignInLimits:
    """Counts of failed attempts. Thread-safe, but for ``checking``, which belongs to the event loop.

    ``checking``: to be held while a password is checked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, bytes], _Failures] = OrderedDict()
        self.checking = asyncio.Semaphore(AT_A_TIME)

    def begin(self, account: str, network: bytes) -> int:
        """Return how many seconds an attempt has to wait; if 0, it may be made now.

        An attempt that may be made counts as failed until :meth:`note_success`, so that many at
        a time are limited too.
        """
        now = self._clock()
        with self._lock:
            found = [self._failures.get(key) for key in _keys(account, network)]
            waits = [math.ceil(item.free_at_s - now) for item in found if item and item.free_at_s > now]
            if waits:
                return max(waits)
            for key, most in zip(_keys(account, network), (PER_ACCOUNT, PER_ADDRESS), strict=True):
                item = self._failures.get(key)
                if (
                    item is None
                    or (item.count < most and now - item.last_s >= WAIT_S)
                    or now - item.last_s > MOST_WAIT_S
                ):
                    item = self._failures[key] = _Failures(0, now)
                item.count, item.last_s = item.count + 1, now
                if item.count >= most:
                    item.free_at_s = now + min(WAIT_S * 2 ** (item.count - most), MOST_WAIT_S)
                self._failures.move_to_end(key)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

        return 0

    def note_success(self, account: str, network: bytes) -> None:
        """Forget the failed attempts for an account from an address, and the last one of the address."""
        own, shared = _keys(account, network)
        with self._lock:
            self._failures.pop(own, None)
            item = self._failures.get(shared)
            if item is not None:
                item.count, item.free_at_s = max(item.count - 1, 0), 0.0


def _keys(account: str, network: bytes) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return (f"account {account.lower()[:100]}", network), ("", network)
