"""Limits of sign-in attempts, for each account from one address and for each address, shared by all servers.

After five failures within a minute for one account and address, or twenty from
one address, further attempts have to wait; the wait doubles with every further failure,
up to an hour. An account is never locked for all addresses, because then anyone could
lock out anyone. Counts are rows, which outlive a restart.
"""

from __future__ import annotations

import hashlib
from typing import Final

from entrepot.catalog import Lock, Read, limit_counts
from entrepot.catalog.limit_counts import LimitCount
from entrepot.hub.context import HubContext

WAIT_MS, MAX_WAIT_MS = 60_000, 3_600_000
PER_ACCOUNT, PER_ADDRESS = 5, 20

_KEPT_MS: Final = 2 * MAX_WAIT_MS


def begin(hub: HubContext, kind: str, account: str, network: bytes) -> int:
    """Return how many seconds an attempt has to wait; if 0, it may be made now.

    An attempt that may be made counts as failed until :func:`note_success`, so that many at
    a time are limited too. One that has to wait costs no write.

    Args:
        kind: what is attempted; each kind has counts of its own.
    """
    keys, now = _keys(kind, account, network), hub.now_ms()
    with hub.read() as tx:
        wait_ms = _wait(tx, keys, now)
    if not wait_ms:
        with hub.write(*map(Lock.job, keys)) as tx:
            wait_ms = _wait(tx, keys, now)
            for key, most in zip(keys, (PER_ACCOUNT, PER_ADDRESS), strict=True) if not wait_ms else ():
                limit_counts.put(tx, key, _more(limit_counts.find(tx, key), most, now), now + _KEPT_MS)
    return -(-wait_ms // 1000)


def note_success(hub: HubContext, kind: str, account: str, network: bytes) -> None:
    """Forget the failed attempts for an account from an address, and the last one of the address."""
    own, shared = _keys(kind, account, network)
    now = hub.now_ms()
    with hub.write(Lock.job(own), Lock.job(shared)) as tx:
        limit_counts.remove(tx, [own])
        item = limit_counts.find(tx, shared)
        if item is not None:
            limit_counts.put(tx, shared, LimitCount(max(item.count - 1, 0), item.last_ms), now + _KEPT_MS)
        limit_counts.forget(tx, now)


def _wait(tx: Read, keys: tuple[str, str], now: int) -> int:
    found = [limit_counts.find(tx, key) for key in keys]
    return max(0, *(0 if item is None else item.free_ms - now for item in found))


def _more(item: LimitCount | None, most: int, now: int) -> LimitCount:
    """Return a count after one more attempt."""
    is_over = item is not None and (
        (item.count < most and now - item.last_ms >= WAIT_MS) or now - item.last_ms > MAX_WAIT_MS
    )
    count = 1 if item is None or is_over else item.count + 1
    wait = min(WAIT_MS * 2 ** min(count - most, 20), MAX_WAIT_MS) if count >= most else 0
    return LimitCount(count, now, now + wait if wait else 0)


def _keys(kind: str, account: str, network: bytes) -> tuple[str, str]:
    """Return the digests of an account with an address, and of the address."""
    names = (f"{kind} account {account.lower()[:100]}", f"{kind} address")
    own, shared = (hashlib.blake2b(name.encode() + b"\0" + network, digest_size=16).hexdigest() for name in names)
    return own, shared
