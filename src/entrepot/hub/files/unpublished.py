"""Objects that a write has stored before it is published, and which are deleted again if it is refused.

They count in the quota, and the sweeper would delete them only after its grace period.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import refs
from entrepot.errors import Busy, EntrepotError
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.context import HubContext
from entrepot.names import Oid


@attrs.define
class Unpublished:
    """The new objects of one write to a repository. Not thread-safe."""

    _hub: HubContext
    _repo_id: int
    _quota: Allowance
    _stored: dict[int, list[Oid]] = attrs.field(factory=dict, init=False)
    _expected: int = attrs.field(default=0, init=False)

    def expect(self, size: int) -> None:
        """Count bytes of objects that the write is about to store, until they are discarded.

        Raises:
            QuotaExceeded: they exceed the quota; nothing was counted.
        """
        self._quota.spend(size)
        self._expected += size

    def put(self, tx: Write, rows: Sequence[ObjectRow]) -> None:
        """Store objects, and note those that are new."""
        now_ms = self._hub.now_ms()
        there = objects.present(tx, self._repo_id, [row.oid for row in rows])
        new = [row for row in rows if row.oid not in there]
        objects.put(tx, self._repo_id, [row for row in rows if row.oid in there], now_ms)
        # A millisecond earlier than any other writer touches them: so its own date says that no one else uses them.
        objects.put(tx, self._repo_id, new, now_ms - 1)
        self._stored.setdefault(now_ms - 1, []).extend(row.oid for row in new)

    def discard(self) -> None:
        """Delete what was new, unless a ref has moved since or another writer uses it: that is left to the sweeper.

        What was expected no longer counts, unless it is left to the sweeper.
        """
        if any(self._stored.values()):
            with self._hub.write(Lock.repo(self._repo_id)) as tx:
                if refs.has_moved_since(tx, self._repo_id, min(self._stored)):
                    return
                for touched_ms, oids in self._stored.items():
                    objects.remove_untouched(tx, self._repo_id, oids, touched_ms=touched_ms)
            self._stored.clear()
        expected, self._expected = self._expected, 0
        self._quota.refund(expected)


@contextlib.contextmanager
def discarding(hub: HubContext, repo_id: int, quota: Allowance) -> Iterator[Unpublished]:
    """Provide a place for new objects of a write, which are deleted again if the block refuses it.

    They stay if the same write will be tried again, or if the database fails.
    """
    found = Unpublished(hub, repo_id, quota)
    try:
        yield found
    except Busy:
        raise
    except EntrepotError:
        with contextlib.suppress(EntrepotError):  # the first error counts
            found.discard()
        raise
