"""Limits of attempts to sign in: for each account from one address, and for each address.

After five failures within a minute for one account and address, or twenty from
one address, further attempts wait; the wait doubles with every failure after it,
up to an hour. An account is never locked for all addresses: anyone could do that
to anyone. Counts are kept in memory, in each server process.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import attrs

WAIT_S, MOST_WAIT_S = 60.0, 3600.0
PER_ACCOUNT, PER_ADDRESS = 5, 20
_REMEMBERED = 10_000


@attrs.define
class _Failures:
    count: int
    last_s: float
    free_at_s: float = 0.0


class SignInLimits:
    """Counts of failed attempts. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, bytes], _Failures] = OrderedDict()

    def wait_s(self, account: str, network: bytes) -> int:
        """Return how many seconds the next attempt has to wait; 0 if it may be made now."""
        now = self._clock()
        with self._lock:
            found = [self._failures.get(key) for key in _keys(account, network)]
        return max((math.ceil(item.free_at_s - now) for item in found if item and item.free_at_s > now), default=0)

    def note_failure(self, account: str, network: bytes) -> None:
        """Count a failed attempt."""
        now = self._clock()
        with self._lock:
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

    def note_success(self, account: str, network: bytes) -> None:
        """Forget the failed attempts for an account from an address."""
        with self._lock:
            self._failures.pop(_keys(account, network)[0], None)


def _keys(account: str, network: bytes) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return (account.lower()[:100], network), ("", network)
