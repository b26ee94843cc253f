"""Shares the bytes that each process has added to namespaces with quotas, about once a second.

Only sums that are slow to compute need this: a process keeps them for a while (:mod:`entrepot.hub.usage_cache`).
"""

from __future__ import annotations

import hashlib
from typing import Final

from entrepot.catalog import Lock, limit_counts
from entrepot.hub.context import HubContext

_KEPT_MS: Final = 3_600_000
_LOCK: Final = "usage"


def share(hub: HubContext) -> None:
    """Send what this process has added and fetch what the others have; do nothing if it has added nothing.

    Raises:
        DatabaseUnavailable, Busy: the additions are kept for the next call.
    """
    now = hub.now_ms()
    sent = hub.usage_cache.take_unsent(now)
    if not sent:
        return
    keys = {_key(namespace_id): namespace_id for namespace_id in sent}
    try:
        with hub.write(Lock.job(_LOCK)) as tx:
            counts = {key: sent[namespace_id] for key, namespace_id in keys.items()}
            totals = limit_counts.add(tx, counts, now, now + _KEPT_MS)
            limit_counts.forget(tx, now)
    except BaseException:
        hub.usage_cache.put_back(sent)
        raise
    hub.usage_cache.learn(sent, {keys[key]: total for key, total in totals.items()})


def _key(namespace_id: int) -> str:
    return hashlib.blake2b(f"usage {namespace_id}".encode(), digest_size=16).hexdigest()
