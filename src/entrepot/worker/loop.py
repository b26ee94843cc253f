"""The threads that run jobs: each lane has its own, so that one kind of work does not delay another."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from entrepot.errors import EntrepotError, unexpected
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import handlers
from entrepot.hub.jobs.handlers import Job, Run

_log = logging.getLogger("entrepot.worker")

SLICE_S = 1.0
"""Seconds that a long job runs before others are looked for."""

SHORT_SLICE_S = 0.1
"""Seconds that a new job runs first, and a paused one beside others. A new job that tells more work waits before it."""

BYTES_PER_S = 64 << 20
"""The speed at which jobs are assumed to read what they have to; only the order of jobs depends on it."""

HALF_LIFE_S = 60.0
"""Half of the time that a namespace has used is forgotten after so many seconds."""

MAX_PAUSED = 16
"""Maximum number of paused jobs that one thread keeps."""

LONG_S = 20.0
MAX_LONG = 8
"""Maximum number of paused jobs that have run longer than ``LONG_S`` seconds: other places are for shorter jobs."""

_LOOK_EVERY_S = 2.0
_AFTER_FAILURE_S = 2.0
_NO_ROOM_MS = 10_000
_NEW_FOR_ONE_PAUSED = 4
_MAX_REMEMBERED = 1_000
_NO_ROOM_LONG_MS = 120_000


class Worker:
    """Threads that run the jobs of a hub, beside a server or alone.

    Any number of workers, in any number of processes, share the jobs: each
    job is run by one of them at a time, because it is claimed under a lease.
    While a job runs or is paused, its lease is renewed; if
    the process dies, the lease ends and another worker runs the job again.

    Each lane has its own threads. Within a lane the namespaces are served
    in rotation; none of them uses more than a quarter of the threads (but at
    least one), and a job that takes longer than a slice is paused for the
    jobs of others if its handler works step by step. Of the slices that paused jobs get, every second one goes
    to the job that has waited longest, so each of them goes on. The others go to the job with the least work
    left, as its handler reports it, whose namespace has used the threads least in the last minutes: a job of a
    second ends within some seconds, however many accounts begin endless jobs. The longest jobs, which may
    take hours, keep at most :data:`MAX_LONG` places among the paused ones of a thread.
    """

    def __init__(
        self,
        hub: HubContext,
        *,
        threads: Mapping[str, int] | None = None,
        grace_s: float = 25.0,
        renew_every_s: float = handlers.LEASE_MS / 3000,
    ) -> None:
        """Prepare; :meth:`start` begins.

        Args:
            hub: the hub; it must stay open until :meth:`stop` has returned.
            threads: number of threads for each lane, 0 for a lane that other processes serve;
                None uses the settings of the hub.
            grace_s: seconds that running jobs have to finish after :meth:`stop`.
            renew_every_s: seconds between two renewals of a lease, well below
                ``handlers.LEASE_MS``.
        """
        chosen = threads_of(hub) if threads is None else threads
        self._hub = hub
        self._grace_s = grace_s
        self._renew_every_s = renew_every_s
        self._owner = handlers.new_owner()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._running: dict[int, Job] = {}
        lanes = {name: _Lane(name, count) for name, count in chosen.items() if count}
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"jobs-{lane.name}-{number}", daemon=True)
            for lane in lanes.values()
            for number in range(lane.threads)
        ]
        self._keeper = threading.Thread(target=self._keep_leases, name="jobs-leases", daemon=True)

    def start(self) -> None:
        """Start running jobs; returns immediately. Call it only once."""
        for thread in (*self._threads, self._keeper):
            thread.start()
        with contextlib.suppress(EntrepotError):  # scheduled at the next start, at the latest
            handlers.take_over(self._hub)
            handlers.plan_recurring(self._hub)

    def stop(self) -> None:
        """Claim no more jobs, put back paused ones, and wait at most ``grace_s`` seconds for running ones.

        A job that is not finished then ends with the process; its lease runs
        out and another worker runs it again. Calling it twice or before
        :meth:`start` has no effect.
        """
        self._stopping.set()
        self._hub.job_added.wake()
        deadline = time.monotonic() + self._grace_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        self._ended.set()
        for job in list(self._running.values()):
            _log.warning("job.left id=%d kind=%s", job.id, job.kind)

    def _work(self, lane: _Lane) -> None:
        paused: list[_Slot] = []
        while not self._stopping.is_set():
            # Read before looking for jobs: a job that is added later ends the wait below.
            seen = self._hub.job_added.count
            try:
                pause_s = self._run_slices(lane, paused)
            except Exception as error:  # noqa: BLE001 - the outermost loop: the database may become available again
                _log.error("jobs.not_readable error=%r", _said(error), exc_info=unexpected(error))
                self._stopping.wait(_AFTER_FAILURE_S)
            else:
                if pause_s and not self._stopping.is_set():
                    self._hub.job_added.wait(seen, pause_s)
        for slot in paused:
            self._put_back(lane, slot)

    def _run_slices(self, lane: _Lane, paused: list[_Slot]) -> float:
        """Run a slice of a new job, and one of a paused job; return the seconds to sleep afterwards."""
        pause_ms = handlers.pause_ms(self._hub, lane.name)
        job = None
        if pause_ms == 0:
            with lane.claiming:
                job = handlers.claim(self._hub, self._owner, lane=lane.name, excluded=lane.full())
                if job is not None:
                    lane.begin(job)
        if job is not None:
            self._running[job.id] = job
            self._slice(
                lane, _Slot(Run(self._hub, self._owner, job), lane.took_s.pop(job.id, 0.0)), paused, SHORT_SLICE_S
            )
            if len(paused) > MAX_PAUSED:  # short jobs still run; a long one waits until another has ended
                self._put_back(lane, paused.pop(_least_lost(paused, lane)), delay_ms=_NO_ROOM_MS)
        lane.turns += 1
        if paused and (job is None or lane.turns % _NEW_FOR_ONE_PAUSED == 0):
            lane.resumed += 1
            slot = paused.pop(_next(paused, lane) if lane.resumed % 2 else 0)
            self._slice(lane, slot, paused, SHORT_SLICE_S if job is not None or paused else SLICE_S)
            long = [slot for slot in paused if slot.took_s > LONG_S]
            if len(long) > MAX_LONG:  # the one that loses least of its work
                paused.remove(least := min(long, key=lambda slot: slot.took_s))
                self._put_back(lane, least, delay_ms=_NO_ROOM_LONG_MS)
        if job is not None or paused:
            return 0.0
        # Jobs that other processes add send no signal to this one: check again soon. A due job that was not
        # claimed belongs to a namespace that uses its share of the threads: the end of one wakes this thread.
        return min(_LOOK_EVERY_S, pause_ms / 1000) if pause_ms else _LOOK_EVERY_S

    def _slice(self, lane: _Lane, slot: _Slot, paused: list[_Slot], length_s: float) -> None:
        """Run a job until it ends, or pause it after a slice of some seconds."""
        began = time.monotonic()
        job, mistake, goes_on, is_new = slot.run.job, None, True, slot.left_s is None
        try:
            while goes_on and not self._stopping.is_set():
                goes_on = slot.run.step()
                if time.monotonic() - began >= length_s or (is_new and (slot.left_s or 0.0) > length_s):
                    break
        except Exception as failure:  # noqa: BLE001 - the outermost loop: one failing job must not stop the others
            goes_on, mistake = False, failure
        took_s = time.monotonic() - began
        slot.took_s += took_s
        lane.use(job.namespace_id, took_s)
        if goes_on:
            paused.append(slot)
            return
        self._leave(lane, job)
        error = _said(mistake) if mistake is not None else None
        if slot.run.outcome is not None:
            error = slot.run.outcome.error
        line = f"id={job.id} kind={job.kind} attempt={job.attempts} ms={slot.took_s * 1000:.1f}"
        if error is None:
            _log.info("job.done %s", line)
        else:
            _log.warning("job.failed %s error=%r", line, error, exc_info=mistake and unexpected(mistake))

    def _put_back(self, lane: _Lane, slot: _Slot, *, delay_ms: int = 0) -> None:
        try:
            slot.run.put_back(delay_ms=delay_ms)
        except Exception as error:  # noqa: BLE001 - the outermost loop: the lease expires
            _log.error("job.not_put_back id=%d error=%r", slot.run.job.id, _said(error), exc_info=unexpected(error))
        lane.remember(slot)
        self._leave(lane, slot.run.job)

    def _leave(self, lane: _Lane, job: Job) -> None:
        self._running.pop(job.id, None)
        lane.end(job)
        if lane.threads > 1:
            self._hub.job_added.wake()  # a thread may wait for a job of this namespace

    def _keep_leases(self) -> None:
        while not self._ended.wait(self._renew_every_s):
            with contextlib.suppress(EntrepotError):
                handlers.take_over(self._hub)
            for job in list(self._running.values()):
                try:
                    kept = handlers.renew(self._hub, self._owner, job)
                except Exception as error:  # noqa: BLE001 - the outermost loop: the next renewal may still be in time
                    _log.error("job.renewal_failed id=%d error=%r", job.id, _said(error), exc_info=unexpected(error))
                else:
                    if not kept and job.id in self._running:
                        _log.warning("job.lease_lost id=%d kind=%s", job.id, job.kind)


def _said(error: Exception) -> str:
    """Return an error in one line: its class, and its message, which contains no secret."""
    return f"{type(error).__name__}: {error}"


def threads_of(hub: HubContext) -> dict[str, int]:
    """Return the number of threads for each lane, from the settings of the hub."""
    return {lane: getattr(hub.settings, f"{lane}_job_threads") for lane in handlers.LANES}


class _Slot:
    """A running job, and the seconds it has taken, with those before it was put back."""

    def __init__(self, run: Run, took_s: float) -> None:
        self.run = run
        self.took_s = took_s

    @property
    def left_s(self) -> float | None:
        """The approximate seconds that the work left takes at least; None if the job has not reported it."""
        return None if self.run.left_bytes is None else self.run.left_bytes / BYTES_PER_S


def _next(paused: Sequence[_Slot], lane: _Lane) -> int:
    """Return which paused job goes on before its turn: the least left to do, for a namespace that has used little.

    A job that does not report how much is left is expected to take as long again as it has taken.
    """

    def weight(slot: _Slot) -> float:
        left_s = slot.left_s
        return lane.used_s(slot.run.job.namespace_id) + (slot.took_s if left_s is None else left_s)

    return min(range(len(paused)), key=lambda at: weight(paused[at]))


def _least_lost(paused: Sequence[_Slot], lane: _Lane) -> int:
    """Return which paused job is put back if there are too many; never one of some seconds for one that takes hours.

    If some have told that more than ``LONG_S`` is left, the one that has done least in relation to that. If not, of
    those that took a whole slice the shortest one, or else one of the namespace that has used most recently.
    """
    told = {at: left_s for at, slot in enumerate(paused) if (left_s := slot.left_s) is not None and left_s > LONG_S}
    if told:
        return max(told, key=lambda at: told[at] / (SLICE_S + paused[at].took_s))
    long = [at for at, slot in enumerate(paused) if slot.took_s > SLICE_S]
    if long:
        return min(long, key=lambda at: paused[at].took_s)
    return max(range(len(paused)), key=lambda at: (lane.used_s(paused[at].run.job.namespace_id), paused[at].took_s))


class _Lane:
    """A lane of this process: its threads, and the namespaces that they work for."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self.turns, self.resumed = 0, 0
        """Rounds, and slices of paused jobs: every other one goes to the job that has waited longest."""
        self.took_s = dict[int, float]()
        """Seconds that jobs had taken when they were put back, of the last thousand."""
        self.claiming = threading.Lock()
        """Held while a job is claimed, so that no namespace exceeds its share."""
        self._guard = threading.Lock()
        self._busy: Counter[int] = Counter()
        self._used = dict[int, tuple[float, float]]()
        """Seconds that namespaces have used recently, and when that was noted; the last thousand that used any."""

    def full(self) -> list[int]:
        """Return the namespaces that use their whole share of the threads."""
        share = max(1, self.threads // 4)
        with self._guard:
            return [namespace for namespace, count in self._busy.items() if count >= share and namespace]

    def use(self, namespace_id: int, took_s: float) -> None:
        """Add seconds to those that a namespace has used."""
        used_s = self.used_s(namespace_id) + took_s
        with self._guard:
            self._used.pop(namespace_id, None)
            self._used[namespace_id] = (used_s, time.monotonic())
            while len(self._used) > _MAX_REMEMBERED:
                self._used.pop(next(iter(self._used)), None)

    def used_s(self, namespace_id: int) -> float:
        """Return the seconds that a namespace has used recently; see :data:`HALF_LIFE_S`."""
        used_s, at = self._used.get(namespace_id, (0.0, 0.0))
        return used_s * 0.5 ** ((time.monotonic() - at) / HALF_LIFE_S) if used_s else 0.0

    def remember(self, slot: _Slot) -> None:
        """Note how long a job has taken that is put back: it goes on behind shorter ones."""
        self.took_s[slot.run.job.id] = slot.took_s
        while len(self.took_s) > _MAX_REMEMBERED:
            self.took_s.pop(next(iter(self.took_s)), None)

    def begin(self, job: Job) -> None:
        """Count a claimed job."""
        with self._guard:
            self._busy[job.namespace_id] += 1

    def end(self, job: Job) -> None:
        """Count a job that has ended or was put back."""
        with self._guard:
            self._busy[job.namespace_id] -= 1
            if not self._busy[job.namespace_id]:
                del self._busy[job.namespace_id]
