"""Reservations for git pushes that compete with writers over HTTP.

The hub applies a commit over HTTP to whatever the head is. A commit of git is made on the client, on the
head that it has fetched: one commit of another writer between fetch and push, and the push is refused.
Beside busy writers, it would be refused again and again.

So an account whose push has failed gets a reservation in the repository, with its next try or when a ref turns out
to have moved. While it lasts, commits over HTTP wait: the head stays, until the account has fetched, rebased and
pushed. Other accounts that want to push wait too, and get reservations of their own afterwards, one at a time;
otherwise they would move the head for each other.

All sides are bounded. A reservation ends with a push, some seconds after the last sign of the account, or
after :data:`LONGEST_MS`. The next one of the account begins not earlier than :data:`REST_MS` after it began, and
that of another account not earlier than :data:`BREATH_MS` after it ended, so that writers get a turn in between.
A writer waits at most :data:`PATIENCE_S`, and a push :data:`PUSH_PATIENCE_S`, before it is told where the refs are.
After that it no longer waits, and refs move by compare-and-swap as always.

Guarantees: reservations are rows that are written, and read before a ref moves, under the lock of the repository, so
they hold for all servers of a hub.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs

from entrepot.catalog import Announcement, Lock, Read, Write
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

PUSH_PATIENCE_S = 30.0
"""Less than the minute after which proxies give up by default; git waits without limit."""

BREATH_MS = 1_500
"""Time between the reservations of two accounts, in which writers that wait notice it, and write."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
_FORGET_MS = 3_600_000
_ATTEMPTS = 200


class RepositoryReserved(Exception):
    """A repository is reserved for a pusher: wait with ``waiter``, then run the use case again."""

    def __init__(self, waiter: Waiter, repo_id: int) -> None:
        super().__init__()
        self.waiter, self.repo_id = waiter, repo_id


class Waiter(abc.ABC):
    """A use case that waits while others have a reservation, for a limited total time."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s

    @abc.abstractmethod
    def look(self, hub: HubContext, repo_id: int) -> bool:
        """Return whether it still has to wait."""

    async def wait(self, still_held: Callable[[], Awaitable[bool]]) -> None:
        """Wait without a thread until ``still_held`` returns False or the time is up, polling at growing intervals."""
        began, pause_s = time.monotonic(), _PAUSE_S
        while (left := self._patience_s - (time.monotonic() - began)) > 0:
            await asyncio.sleep(min(pause_s, left))
            if not await still_held():
                break
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._patience_s -= time.monotonic() - began


class ReservationWaiter(Waiter):
    """A writer that waits while others have a reservation."""

    def __init__(self, *, patience_s: float | None = None, blocks: bool = True) -> None:
        """Create a waiter that has not waited yet.

        Args:
            patience_s: the total time it may wait; :data:`PATIENCE_S` if not given.
            blocks: its thread may wait. A server has few threads: a few commits to a reserved repository
                would keep them from all other requests, so a server waits without one.
        """
        super().__init__(PATIENCE_S if patience_s is None else patience_s)
        self._blocks = blocks
        self._was_held = False
        self._has_begun_before = False

    @classmethod
    def impatient(cls) -> ReservationWaiter:
        """Return a writer that never waits, for forms: people send them, and a program does not repeat them."""
        return cls(patience_s=0)

    def persist(self, hub: HubContext, repo_id: int, ref: RefName, attempt: Callable[[], T | None]) -> T:
        """Return the first result of ``attempt``, which is called under the lock of a branch until there is one.

        Args:
            attempt: tries to move the branch; None says that another writer was faster, or that :meth:`is_held`.

        Raises:
            Busy: other writers kept moving the branch first.
            RepositoryReserved: someone pushes, and this thread may not wait.
        """
        with hub.branch_locks.take((repo_id, ref), before_waiting=hub.catalog.check_may_wait):
            for _ in range(_ATTEMPTS):
                result = attempt()
                if result is not None:
                    return result
                self.pause(hub, repo_id)
        raise Busy("the branch")

    def ahead_of(self, repo_id: int, others: Announcement) -> Announcement:
        """Return an announcement with what :meth:`is_held` reads too."""

        def announce(tx: Read) -> None:
            others(tx)
            if self._patience_s > 0:
                rows.ask_ahead(tx, repo_id)

        return announce

    def is_held(self, hub: HubContext, tx: Read, repo_id: int) -> bool:
        """Return whether the writer has to wait; call it in the transaction that moves a ref, before it does.

        If it has to, :meth:`pause` waits.
        """
        self._was_held = self._patience_s > 0 and rows.end_of(tx, repo_id) > hub.now_ms()
        return self._was_held

    def pause(self, hub: HubContext, repo_id: int) -> None:
        """After :meth:`is_held` returned True, wait until no one has a reservation or the time is up.

        Call it outside of transactions.

        Raises:
            RepositoryReserved: someone has a reservation, and this thread may not wait.
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


class PushWaiter(Waiter):
    """A push that waits for the turn of its account before the refs are advertised to it."""

    def __init__(self, account_id: int | None = None) -> None:
        """Create a waiter that has not waited yet."""
        super().__init__(PUSH_PATIENCE_S)
        self._account_id = account_id
        self._has_waited = False

    def note_try(self, hub: HubContext, repo_id: int, account_id: int) -> None:
        """Record that an account requests the refs for a push; reserve the repository if an earlier attempt failed.

        Raises:
            RepositoryReserved: it has to wait for the reservation of another account, or its own next one.
        """
        self._account_id = account_id
        must_wait = False

        def renew(found: _Standing) -> PushReservation | None:
            nonlocal must_wait
            # A push that has waited for another one has lost this race already.
            is_repeated = self._has_waited or found.has_tried
            begins_ms = found.begins_ms if is_repeated else found.others_end_ms
            must_wait = self._patience_s > 0 and begins_ms > found.now_ms
            if must_wait:
                return None
            return found.renewed() if is_repeated else found.tried()

        _change(hub, repo_id, account_id, renew)
        if must_wait:
            self._has_waited = True
            raise RepositoryReserved(self, repo_id)

    def look(self, hub: HubContext, repo_id: int) -> bool:
        """Return whether the account can have no reservation yet."""
        if self._account_id is None:
            return False
        with hub.read() as tx:
            found = _standing(tx, repo_id, self._account_id, hub.now_ms())
        return found.begins_ms > found.now_ms


def note_loss(hub: HubContext, repo_id: int, account_id: int) -> None:
    """Reserve the repository for an account whose push found a ref moved, if it is its turn."""
    _change(hub, repo_id, account_id, lambda found: found.renewed())


def note_pack(hub: HubContext, repo_id: int, account_id: int) -> None:
    """Renew the reservation of an account that begins to send objects, if it has one."""
    with hub.read() as tx:
        is_held = _standing(tx, repo_id, account_id, hub.now_ms()).is_held
    if is_held:
        _change(hub, repo_id, account_id, lambda found: found.renewed() if found.is_held else None)


def end(tx: Write, repo_id: int, account_id: int, now_ms: int) -> None:
    """End the reservation of an account that has pushed, and forget its failed attempts."""
    before = rows.find(tx, repo_id, account_id)
    if before is not None:
        rows.put(tx, repo_id, account_id, PushReservation(0, 0, min(before.until_ms, now_ms)))


@attrs.frozen
class _Standing:
    """What an account that pushes has had, and when the last reservation of another account ends or has ended."""

    now_ms: int
    own: PushReservation
    others_end_ms: int

    @property
    def has_tried(self) -> bool:
        """Whether the account has tried to push a short time ago, without success."""
        return self.now_ms - self.own.tried_ms <= MEMORY_MS

    @property
    def is_held(self) -> bool:
        """Whether the account has a reservation."""
        return self.own.until_ms > self.now_ms

    @property
    def begins_ms(self) -> int:
        """The earliest time at which the account can have a reservation; one that it has can be renewed now."""
        if self.is_held:
            return 0
        is_over = self.now_ms - self.own.began_ms >= LONGEST_MS
        rested_ms = self.own.began_ms + REST_MS if self.own.began_ms and is_over else 0
        return max(rested_ms, self.others_end_ms + BREATH_MS if self.others_end_ms else 0)

    def tried(self) -> PushReservation:
        """Return the reservation after a try that does not change it."""
        return attrs.evolve(self.own, tried_ms=self.now_ms)

    def renewed(self) -> PushReservation:
        """Return a reservation that has begun or goes on, if the account can have one."""
        now, began = self.now_ms, self.own.began_ms
        if self.begins_ms > now:
            return self.tried()
        if began and now - began < LONGEST_MS:
            until = min(now + SIGN_MS, began + LONGEST_MS)
            return PushReservation(now, began, max(until, self.own.until_ms))
        return PushReservation(now, now, now + SIGN_MS)


def _standing(tx: Read, repo_id: int, account_id: int, now_ms: int) -> _Standing:
    own = rows.find(tx, repo_id, account_id) or PushReservation(0)
    return _Standing(now_ms, own, rows.end_of_others(tx, repo_id, account_id))


def _change(
    hub: HubContext, repo_id: int, account_id: int, renew: Callable[[_Standing], PushReservation | None]
) -> None:
    """Replace the reservation of an account in a repository that exists; None changes nothing.

    A busy or full database is no error here: a push may succeed without a reservation, or has ended already.
    """
    with contextlib.suppress(Unavailable), hub.write(Lock.repo(repo_id)) as tx:
        if repositories.by_id(tx, repo_id) is None:
            return
        now = hub.now_ms()
        found = _standing(tx, repo_id, account_id, now)
        if not found.own.tried_ms:
            rows.forget(tx, repo_id, now - _FORGET_MS)
        reservation = renew(found)
        if reservation is not None:
            rows.put(tx, repo_id, account_id, reservation)
