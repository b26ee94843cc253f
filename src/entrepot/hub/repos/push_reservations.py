"""Reservations for those who push with git beside writers over HTTP.

The hub applies a commit over HTTP to whatever the head is. A commit of git is made on the client, on the
head that it has fetched: one commit of another writer between fetch and push, and the push is refused.
Beside busy writers, it would be refused again and again.

So an account whose push has failed gets a reservation in the repository, with its next try or when a ref turns out
to have moved. While it lasts, commits over HTTP wait: the head stays, until the account has fetched, rebased and
pushed. Both sides are bounded. A reservation ends with a push, some seconds after the last sign of the account, or
after :data:`LONGEST_MS`; the next one of the account begins not earlier than :data:`REST_MS` after it began; and
a writer waits at most :data:`PATIENCE_S`. Other pushes do not wait, and refs move by compare-and-swap as always.

Guarantees: reservations are rows that are written, and read before a ref moves, under the lock of the repository, so
they hold for all servers of a hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.repos import push_reservations as rows
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.push_reservations import PushReservation
from entrepot.errors import Busy, Unavailable
from entrepot.hub.context import HubContext
from entrepot.names import RefName

T = TypeVar("T")

MEMORY_MS = 60_000
"""How long a try counts: a later one is not regarded as its repetition."""

SIGN_MS = 8_000
"""How long a reservation lasts without a sign of the account."""

LONGEST_MS = 16_000
REST_MS = 25_000
PATIENCE_S = 8.0
"""Less than the ten seconds after which clients give up by default."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_FORGET_MS = 3_600_000
_ATTEMPTS = 200


class RepositoryReserved(Exception):
    """A repository is reserved for someone who pushes: wait as ``waiter`` says, and begin again."""

    def __init__(self, waiter: ReservationWaiter, repo_id: int) -> None:
        super().__init__()
        self.waiter, self.repo_id = waiter, repo_id


class ReservationWaiter:
    """A writer that waits while others have a reservation, for a limited time in all."""

    def __init__(self, *, patience_s: float | None = None, blocks: bool = True) -> None:
        """Start with all of its patience.

        Args:
            patience_s: how long it waits in all, :data:`PATIENCE_S` if not given.
            blocks: its thread may wait. A server has few threads: a few commits to a reserved repository
                would keep them from all other requests, so a server waits without one.
        """
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._blocks = blocks
        self._was_held = False
        self._has_begun_before = False

    @classmethod
    def impatient(cls) -> ReservationWaiter:
        """Return one that never waits: for the forms of pages, which people send, not programs that write all day."""
        return cls(patience_s=0)

    def persist(self, hub: HubContext, repo_id: int, ref: RefName, attempt: Callable[[], T | None]) -> T:
        """Return the first result of ``attempt``, which is called under the lock of a branch until there is one.

        Args:
            attempt: tries to move the branch; None says that another writer was faster, or that :meth:`is_held`.

        Raises:
            Busy: other writers kept moving the branch first.
            RepositoryReserved: someone pushes, and this thread may not wait.
        """
        with hub.branch_locks.take((repo_id, ref)):
            for _ in range(_ATTEMPTS):
                result = attempt()
                if result is not None:
                    return result
                self.pause(hub, repo_id)
        raise Busy("the branch")

    def is_held(self, hub: HubContext, tx: Read, repo_id: int) -> bool:
        """Return whether the writer has to wait; call it in the transaction that moves a ref, before it does.

        If it has to, :meth:`pause` waits.
        """
        self._was_held = self._patience_s > 0 and rows.end_of(tx, repo_id) > hub.now_ms()
        return self._was_held

    def pause(self, hub: HubContext, repo_id: int) -> None:
        """Wait until no one has a reservation, or patience ends, if :meth:`is_held` said so; outside of transactions.

        Raises:
            RepositoryReserved: it said so, and this thread may not wait.
        """
        if self._was_held and not self._blocks:
            self._has_begun_before = True
            raise RepositoryReserved(self, repo_id)
        began = time.monotonic()
        while self._was_held and time.monotonic() - began < self._patience_s:
            time.sleep(_PAUSE_S)
            self.look(hub, repo_id)
        self._patience_s -= time.monotonic() - began

    def once(self, size: int) -> int:
        """Return the bytes to count against a quota: 0 if the use case runs again, as it has counted them before."""
        return 0 if self._has_begun_before else size

    def look(self, hub: HubContext, repo_id: int) -> bool:
        """Return whether someone still has a reservation."""
        with hub.read() as tx:
            self._was_held = rows.end_of(tx, repo_id) > hub.now_ms()
        return self._was_held

    async def wait(self, still_held: Callable[[], Awaitable[bool]]) -> None:
        """Wait as :meth:`pause` does, without a thread; it looks more and more rarely."""
        began, pause_s = time.monotonic(), _PAUSE_S
        while (left := self._patience_s - (time.monotonic() - began)) > 0:
            await asyncio.sleep(min(pause_s, left))
            if not await still_held():
                break
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._patience_s -= time.monotonic() - began


def note_try(hub: HubContext, repo_id: int, account_id: int) -> None:
    """Record that an account asks for the refs in order to push; reserve the repository if an earlier try failed."""

    def renew(before: PushReservation | None, now: int) -> PushReservation:
        is_first = before is None or now - before.tried_ms > MEMORY_MS
        return PushReservation(now) if is_first else _renewed(before, now)

    _change(hub, repo_id, account_id, renew)


def note_loss(hub: HubContext, repo_id: int, account_id: int) -> None:
    """Reserve the repository for an account whose push found a ref moved."""
    _change(hub, repo_id, account_id, _renewed)


def note_pack(hub: HubContext, repo_id: int, account_id: int) -> None:
    """Renew the reservation of an account that begins to send objects, if it has one."""
    with hub.read() as tx:
        before = rows.find(tx, repo_id, account_id)
    if before is not None and before.until_ms > hub.now_ms():
        _change(hub, repo_id, account_id, lambda found, now: None if found is None else _renewed(found, now))


def end(tx: Write, repo_id: int, account_id: int) -> None:
    """End the reservation of an account, which has pushed."""
    rows.remove(tx, repo_id, account_id)


def _change(
    hub: HubContext,
    repo_id: int,
    account_id: int,
    renew: Callable[[PushReservation | None, int], PushReservation | None],
) -> None:
    """Replace the reservation of an account in a repository that exists; None changes nothing.

    A busy or full database is no error here: a push may succeed without a reservation, or has ended already.
    """
    with contextlib.suppress(Unavailable), hub.write(Lock.repo(repo_id)) as tx:
        if repositories.by_id(tx, repo_id) is None:
            return
        now, before = hub.now_ms(), rows.find(tx, repo_id, account_id)
        if before is None:
            rows.forget(tx, repo_id, now - _FORGET_MS)
        reservation = renew(before, now)
        if reservation is not None:
            rows.put(tx, repo_id, account_id, reservation)


def _renewed(before: PushReservation | None, now: int) -> PushReservation:
    """Return a reservation that has begun or goes on, if it is not the account's time to rest."""
    if before is not None and before.began_ms and now - before.began_ms < REST_MS:
        until = min(now + SIGN_MS, before.began_ms + LONGEST_MS)
        return PushReservation(now, before.began_ms, max(until, before.until_ms))
    return PushReservation(now, now, now + SIGN_MS)
