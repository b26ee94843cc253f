"""Notices of new jobs to the other processes of a hub, so that idle workers do not wait until they poll again.

Notices only save time: a worker that misses one finds the job within seconds. They are sent by a
thread of their own after the transaction that adds the job, at most a few in a second, because
transactions that send notices commit one after the other.
"""

from __future__ import annotations

import secrets
import threading
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.hub.context import HubContext

_TOGETHER_S: Final = 0.05
"""Jobs that are added within this time are announced together."""
_WAIT_S: Final = 30.0
_AFTER_FAILURE_S: Final = 2.0
_STOP_S: Final = 5.0


class JobNotices:
    """A service of one process: sends notices of its jobs and, if it runs jobs, receives those of others.

    It does nothing on a database that carries no messages.
    """

    def __init__(self, hub: HubContext, *, receives: bool) -> None:
        """Prepare; :meth:`start` begins."""
        self._signal = hub.job_added
        self._notices = hub.catalog.notices()
        self._own = secrets.token_hex(8)
        self._stopping = threading.Event()
        works = (self._send, self._receive) if receives else (self._send,)
        self._threads = [threading.Thread(target=work, name="job-notices", daemon=True) for work in works]

    def start(self) -> None:
        """Start sending and receiving; returns immediately."""
        if self._notices is not None:
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Stop, and return when both threads have ended, or after some seconds without a database."""
        self._stopping.set()
        self._signal.wake()
        if self._notices is None or self._threads[0].ident is None:
            return
        self._announce()  # ends the wait of the receiver
        for thread in self._threads:
            thread.join(_STOP_S)

    def _send(self) -> None:
        announced = self._signal.added
        while not self._stopping.is_set():
            self._signal.wait_for_added(announced, _WAIT_S)
            added = self._signal.added
            if added != announced:
                announced = added
                self._announce()
                self._stopping.wait(_TOGETHER_S)

    def _announce(self) -> None:
        assert self._notices is not None
        try:
            self._notices.send(self._own)
        except EntrepotError:
            return  # logged where it was raised; the workers look at the queue anyway

    def _receive(self) -> None:
        assert self._notices is not None
        while not self._stopping.is_set():
            try:
                senders = self._notices.receive(_WAIT_S)
            except EntrepotError:
                self._stopping.wait(_AFTER_FAILURE_S)
            else:
                if senders - {self._own}:
                    self._signal.wake()
        self._notices.close()
