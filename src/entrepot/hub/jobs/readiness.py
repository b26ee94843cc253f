"""Whether this server should get requests, and whether the database and the store of large files respond.

A load balancer leaves out servers that are not ready. A bucket that no server reaches is therefore no reason:
leaving out all of them would also end what needs no large files. A bucket that other servers reach is one,
for then the fault is here. Without the database nothing can be answered, nor can servers learn of each other.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Final

import attrs

from entrepot.blobs import file_key
from entrepot.catalog import Lock, limit_counts
from entrepot.catalog.limit_counts import LimitCount
from entrepot.errors import EntrepotError, StoreUnavailable
from entrepot.hub.context import HubContext
from entrepot.names import Sha256

_STORE_EVERY_S: Final = 1.0
_NOTICE_EVERY_S: Final = 5.0
_PATIENCE_S: Final = 2.0
_SECOND_PATIENCE_S: Final = 0.2
_SEEN_EVERY_MS: Final = 5_000
_SEEN_FOR_MS: Final = 15_000
_ALONE_AFTER_MS: Final = 5_000
_KEPT_MS: Final = 3_600_000
_LOCK: Final = "readiness"
_SEEN: Final = hashlib.blake2b(b"store seen", digest_size=16).hexdigest()
_TOO_LATE: Final = "it does not respond in time"
_ALONE: Final = "other servers reach the store of large files, and this one does not"


@attrs.frozen
class Dependency:
    """A service that the hub needs: why it cannot be used now, and since when; None if it can be."""

    reason: str | None = None
    since_ms: int | None = None


@attrs.frozen
class Readiness:
    """What was found. ``refusal``: why load balancers should leave this server out; None if they should not."""

    database: Dependency
    store: Dependency
    refusal: str | None


def check_store(hub: HubContext) -> None:
    """Raise unless the store of large files responds, which may take long to find out.

    Raises:
        StoreUnavailable: it does not; the error names no key.
    """
    try:
        hub.store.blobs.stat(file_key(Sha256("0" * 64)))
    except StoreUnavailable as error:
        raise StoreUnavailable("the store of large files", error.reason) from error


class DependencyWatch:
    """Asks a service in a thread of its own, so that an answer is there in time. Thread-safe."""

    def __init__(
        self,
        ask: Callable[[], None],
        now_ms: Callable[[], int],
        *,
        every_s: float = 0.0,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Prepare; the service is asked when someone looks.

        Args:
            ask: raises an error if the service does not respond.
            every_s: it is not asked again earlier.
            patience_s: how long an answer may take.
        """
        self._ask, self._now_ms, self._every_s, self._patience_s = ask, now_ms, every_s, patience_s
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._answered.set()
        self._asked_at = float("-inf")
        self._found = Dependency()

    def begin(self) -> None:
        """Ask, unless it was asked just now or has not answered yet; do not wait."""
        with self._lock:
            if self._answered.is_set() and time.monotonic() - self._asked_at >= self._every_s:
                self._answered.clear()
                self._asked_at = time.monotonic()
                threading.Thread(target=self._work, name="dependency-watch", daemon=True).start()

    def look(self) -> Dependency:
        """Return the current report, after waiting at most the time that an answer may take.

        One that did not respond gets little time, once it was reported: the next look says whether it has come back.
        """
        self.begin()
        with self._lock:
            left_s = self._asked_at + self._patience_s - time.monotonic()
            if self._found.reason is not None:
                left_s = min(left_s, _SECOND_PATIENCE_S)
        if not self._answered.wait(max(0.0, left_s)):
            with self._lock:
                if self._found.reason is None and not self._answered.is_set():
                    self._note(_TOO_LATE)
        with self._lock:
            return self._found

    def _work(self) -> None:
        reason: str | None = "it cannot be asked"
        try:
            self._ask()
            reason = None
        except StoreUnavailable as error:
            reason = error.reason
        except EntrepotError as error:
            reason = error.message
        finally:
            with self._lock:
                self._note(reason)
                self._answered.set()

    def _note(self, reason: str | None) -> None:
        since_ms = None if reason is None else self._found.since_ms or self._now_ms()
        self._found = Dependency(reason, since_ms)


class ReadinessCheck:
    """Judges whether the server of this process is ready. Thread-safe."""

    def __init__(self, hub: HubContext) -> None:
        """Prepare; nothing is asked yet."""
        self._hub = hub
        self._store = DependencyWatch(self._ask_store, hub.now_ms, every_s=_STORE_EVERY_S)
        self._database = DependencyWatch(self._ask_database, hub.now_ms)
        self._notice = DependencyWatch(self._tell_others, hub.now_ms, every_s=_NOTICE_EVERY_S)
        self._reached_ms = self._seen_ms = 0
        """When this server has reached the store, and when any is known to have."""

    def look(self) -> Readiness:
        """Return whether the server is ready, after 2 seconds at most; nothing is raised for what does not respond."""
        self._store.begin()
        database, store = self._database.look(), self._store.look()
        if database.reason is not None:
            is_late = database.reason == _TOO_LATE
            refusal = f"the database cannot be used now: {_TOO_LATE}" if is_late else database.reason
            return Readiness(database, store, refusal)
        settings = self._hub.settings
        if settings.store and settings.database and self._reached_ms - self._seen_ms >= _SEEN_EVERY_MS:
            self._notice.begin()
        return Readiness(database, store, self._refusal(store))

    def _ask_store(self) -> None:
        check_store(self._hub)
        self._reached_ms = self._hub.now_ms()

    def _ask_database(self) -> None:
        """Read when any server has reached the store."""
        with self._hub.read() as tx:
            seen = limit_counts.find(tx, _SEEN)
        self._seen_ms = 0 if seen is None else seen.last_ms

    def _tell_others(self) -> None:
        """Tell the others that this server has reached the store.

        Not part of the question whether the database responds: one that is read-only, full or busy serves reads.
        """
        reached_ms = self._reached_ms
        with self._hub.write(Lock.job(_LOCK)) as tx:
            limit_counts.put(tx, _SEEN, LimitCount(0, reached_ms), reached_ms + _KEPT_MS)
        self._seen_ms = reached_ms

    def _refusal(self, store: Dependency) -> str | None:
        settings = self._hub.settings
        if not settings.store:
            return None if store.reason is None else str(StoreUnavailable("the store of large files", store.reason))
        if not settings.database or store.since_ms is None:
            return None  # there are no other servers, or this one reaches the store
        now, seen_ms = self._hub.now_ms(), self._seen_ms
        # The server that saw the store last stays in rotation, so this rule never takes out all servers.
        is_seen = seen_ms > store.since_ms and now - seen_ms < _SEEN_FOR_MS
        return f"{_ALONE}: {store.reason}" if is_seen and now - store.since_ms >= _ALONE_AFTER_MS else None
