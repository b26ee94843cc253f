"""Guesses: how often the hub guesses which chunks an upload may need, for each account.

Each upload may have one guess, but clients name their uploads as they like. Therefore the account counts: it has a
burst of guesses, then one every few seconds, and the accounts take turns.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import attrs

AT_ONCE = 60
"""The burst: uploads of an account that get a guess before it must wait for the refill."""

REFILL_S = 2.0
"""Seconds after which an account may have one more."""

_LONGEST_NAME = 100
_UPLOADS = 1_000
_ACCOUNTS = 10_000


@attrs.define
class _Account:
    left: float
    counted_s: float
    begun: OrderedDict[str, None] = attrs.field(factory=OrderedDict)


class Guesses:
    """Which uploads are answered with a guess, in the memory of one process.

    Guarantees: what one account does changes nothing for others, as long as fewer than 10,000 accounts upload.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without uploads."""
        self._clock = clock
        self._accounts: OrderedDict[int, _Account] = OrderedDict()

    def take(self, account: int, upload: str | None) -> bool:
        """Take a guess for a new upload, named by its client; return False if it or its account has none left."""
        if not upload or len(upload) > _LONGEST_NAME:
            return False
        now_s = self._clock()
        found = self._accounts.pop(account, None) or _Account(AT_ONCE, now_s)
        self._accounts[account] = found
        if len(self._accounts) > _ACCOUNTS:
            self._accounts.popitem(last=False)
        found.left = min(AT_ONCE, found.left + (now_s - found.counted_s) / REFILL_S)
        found.counted_s = now_s
        if upload in found.begun or found.left < 1:
            return False
        found.left -= 1
        found.begun[upload] = None
        if len(found.begun) > _UPLOADS:
            found.begun.popitem(last=False)
        return True
