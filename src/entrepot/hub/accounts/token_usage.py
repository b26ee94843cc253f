"""Record when tokens are used, without a database write for each request."""

from __future__ import annotations

import threading

from entrepot.catalog import Lock
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.tokens import Token
from entrepot.hub.context import HubContext

EVERY_MS = 3_600_000
"""A use within this time after a recorded one is not recorded."""


class TokenUsage:
    """Collects uses in memory; :meth:`flush` writes at most one an hour for each token. Thread-safe.

    ``has_first``: the first use of a token has been collected since the last flush. It is to be written soon: until
    then the token looks like one that nothing uses.
    """

    def __init__(self) -> None:
        self.has_first = False
        self._lock = threading.Lock()
        self._noted: dict[str, int] = {}

    def note(self, token: Token, now_ms: int) -> None:
        """Record that a token came with a request."""
        if token.used_ms is None or now_ms - token.used_ms >= EVERY_MS:
            with self._lock:
                self._noted[token.uid] = now_ms
                self.has_first = self.has_first or token.used_ms is None

    def flush(self, hub: HubContext) -> None:
        """Write the recorded uses to the catalog; keep those that cannot be written now."""
        with self._lock:
            noted, self._noted = self._noted, {}
            self.has_first = False
        if not noted:
            return
        is_written = False
        try:
            with hub.write(Lock.hub()) as tx:
                for uid, now_ms in noted.items():
                    token_rows.note_use(tx, uid, now_ms, every_ms=EVERY_MS)
            is_written = True
        finally:
            if not is_written:
                with self._lock:
                    self._noted = noted | self._noted
