"""The loop that runs jobs: claim one, run it, record the outcome, sleep until the next turn."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from entrepot.errors import EntrepotError
from entrepot.hub import followups
from entrepot.hub.followups import Job
from entrepot.hub.house import Hub

_log = logging.getLogger("entrepot.worker")

_LOOK_EVERY_S = 2.0
_AFTER_FAILURE_S = 2.0


class Worker:
    """Threads that run the jobs of a hub, beside a server or alone.

    Any number of workers, in any number of processes, share the jobs: each
    job is run by one of them at a time, because it is claimed under a lease.
    While a job runs, however long, its lease is renewed; when the process
    dies, the lease ends and another worker runs the job again.
    """

    def __init__(
        self, hub: Hub, *, threads: int = 1, grace_s: float = 25.0, renew_every_s: float = followups.LEASE_MS / 3000
    ) -> None:
        """Prepare; :meth:`start` begins.

        Args:
            hub: whose jobs; it must stay open until :meth:`stop` has returned.
            threads: how many jobs run at the same time, at least 1.
            grace_s: seconds that running jobs get to finish after the stop.
            renew_every_s: seconds between two renewals of a lease, well below
                ``followups.LEASE_MS``.
        """
        self._hub = hub
        self._grace_s = grace_s
        self._renew_every_s = renew_every_s
        self._owner = followups.new_owner()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._running: dict[int, Job] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"jobs-{number}", daemon=True) for number in range(threads)
        ]
        self._keeper = threading.Thread(target=self._keep_leases, name="jobs-leases", daemon=True)

    def start(self) -> None:
        """Begin to run jobs; returns at once. Only once in the life of a worker."""
        for thread in (*self._threads, self._keeper):
            thread.start()
        with contextlib.suppress(EntrepotError):  # planned at the next start, at the latest
            followups.take_over(self._hub)
            followups.plan_recurring(self._hub)

    def stop(self) -> None:
        """Claim no more jobs, wait for those that run, at most ``grace_s`` seconds.

        A job that is not finished then ends with the process; its lease runs
        out and another worker runs it again. Harmless when called twice or
        before the start.
        """
        self._stopping.set()
        self._hub.job_added.set()
        deadline = time.monotonic() + self._grace_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        self._ended.set()
        for job in list(self._running.values()):
            _log.warning("job.left id=%d kind=%s", job.id, job.kind)

    def _work(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the look: a job added after it sets the event again.
            self._hub.job_added.clear()
            if self._stopping.is_set():
                break
            try:
                pause_s = self._take_turn()
            except Exception as error:  # noqa: BLE001 - the edge: a database that is away comes back
                _log.error("jobs.not_readable error=%s", type(error).__name__, exc_info=error)
                self._stopping.wait(_AFTER_FAILURE_S)
            else:
                if pause_s:
                    self._hub.job_added.wait(pause_s)
        # This thread may have eaten the call that was to wake another one.
        self._hub.job_added.set()

    def _take_turn(self) -> float:
        """Run one job if one is due; the seconds to sleep afterwards."""
        pause_ms = followups.pause_ms(self._hub)
        if pause_ms != 0:
            # Jobs that other processes add call nobody here: look again soon.
            return _LOOK_EVERY_S if pause_ms is None else min(_LOOK_EVERY_S, pause_ms / 1000)
        job = followups.claim(self._hub, self._owner)
        if job is not None:
            self._run(job)
        return 0.0

    def _run(self, job: Job) -> None:
        began = time.monotonic()
        self._running[job.id] = job
        mistake = None
        try:
            error = followups.run(self._hub, self._owner, job).error
        except Exception as failure:  # noqa: BLE001 - the edge: one failing job must not stop the others
            error, mistake = f"{type(failure).__name__}: {failure}", failure
        finally:
            self._running.pop(job.id, None)
        took_ms = (time.monotonic() - began) * 1000
        line = f"id={job.id} kind={job.kind} attempt={job.attempts} ms={took_ms:.1f}"
        if error is None:
            _log.info("job.done %s", line)
        else:
            _log.warning("job.failed %s error=%r", line, error, exc_info=mistake)

    def _keep_leases(self) -> None:
        while not self._ended.wait(self._renew_every_s):
            for job in list(self._running.values()):
                try:
                    kept = followups.renew(self._hub, self._owner, job)
                except Exception as error:  # noqa: BLE001 - the edge: the next renewal may still be in time
                    _log.error("job.renewal_failed id=%d", job.id, exc_info=error)
                else:
                    if not kept and job.id in self._running:
                        _log.warning("job.lease_lost id=%d kind=%s", job.id, job.kind)
