"""Job handlers: the work of each kind of job, and how a job is run.

A job is enqueued in the transaction that makes it necessary, so it is never
lost; it may run more than once, so every handler is idempotent.

A handler of long work is a generator that yields after every short step (well
below a second), so that a worker can alternate between the jobs of several
namespaces; its state between two steps is kept in memory. It may yield how many
bytes it has to read at least from now on: those with less to do go first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import attrs

from entrepot.catalog import Lock
from entrepot.catalog.files import xet_files
from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import LANES as LANES
from entrepot.catalog.jobs.jobs import STATES as STATES
from entrepot.catalog.jobs.jobs import Job as Job
from entrepot.catalog.jobs.jobs import JobArgs
from entrepot.catalog.repos import refs, repositories
from entrepot.errors import EntrepotError, Refused
from entrepot.hub.community import discussion_notices, trends
from entrepot.hub.context import HubContext
from entrepot.hub.conversions import conversions
from entrepot.hub.files import file_scrubbing, rechunking, xorb_scrubbing
from entrepot.hub.jobs import cards, indexing, maintenance
from entrepot.hub.jobs.job_owners import has_ended
from entrepot.hub.jobs.job_owners import new_owner as new_owner
from entrepot.hub.scanning import scan_jobs
from entrepot.hub.webhooks import delivery

LEASE_MS = 120_000
MAX_ATTEMPTS = 8
_FIRST_RETRY_MS = 1_000
_ERROR_LENGTH = 2_000
_DAY_MS = 86_400_000

Handler = Callable[[HubContext, JobArgs], Iterator[int | None] | None]


def index_history(hub: HubContext, args: JobArgs) -> Iterator[int | None]:
    """Record the paths that the new commits of a repository changed, step by step."""
    repo_id = args["repo"]
    with hub.read() as tx:
        heads = {oid for _, oid in refs.everything(tx, repo_id)}
    for head in heads:
        yield from indexing.index_steps(hub, repo_id, head)
    indexing.adopt_lineage(hub, repo_id)


def index_card(hub: HubContext, args: JobArgs) -> None:
    """Index the card of a repository."""
    cards.index(hub, args["repo"])


def chunk_files(hub: HubContext, args: JobArgs) -> Iterator[int | None]:
    """Split the large files of a repository into chunks, step by step."""
    yield from rechunking.chunk_steps(hub, args["repo"])
    with hub.write(Lock.nothing()) as tx:
        scan_jobs.plan(hub, tx, args["repo"])  # the contents have other names now


def verify_claims(hub: HubContext, args: JobArgs) -> Iterator[int | None]:
    """Verify the claimed sha256 of files uploaded to a repository as chunks, step by step."""
    return rechunking.verify_steps(hub, repo_id=args["repo"])


def scan_files(hub: HubContext, args: JobArgs) -> Iterator[int | None]:
    """Scan the files at the heads of a repository, step by step."""
    return scan_jobs.scan_steps(hub, args["repo"])


def convert(hub: HubContext, args: JobArgs) -> Iterator[int | None]:
    """Convert a dataset to Parquet, step by step."""
    return conversions.convert_steps(hub, args["repo"])


def rescan(hub: HubContext, _args: JobArgs) -> Iterator[None]:
    """Enqueue the scan of every repository, and schedule the next run for tomorrow."""
    return scan_jobs.rescan_steps(hub)


def reverify(hub: HubContext, _args: JobArgs) -> None:
    """Enqueue the verification of claims that could not be verified yet, and schedule the next run for tomorrow."""
    with hub.read() as tx:
        left = xet_files.repos_with_claims(tx)
    for repo_id in left:
        with hub.write(Lock.nothing()) as tx:
            jobs.enqueue(tx, "verify", {"repo": repo_id}, hub.now_ms(), dedup_key=f"verify:{repo_id}")
    _plan_reverifying(hub)


def _plan_reverifying(hub: HubContext) -> None:
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "reverify", {}, hub.now_ms(), dedup_key="reverify", delay_ms=_DAY_MS)


def repack_mirror(hub: HubContext, args: JobArgs) -> None:
    """Repack the mirror of a large repository, so that clones cost less."""
    with hub.read() as tx:
        row = repositories.by_id(tx, args["repo"])
    if row is not None:
        hub.mirrors.repack(row.uid)


def scrub(hub: HubContext, _args: JobArgs) -> Iterator[None]:
    """Check some stored chunks and raw files, delete leftovers of uploads, and schedule the next round."""
    yield from xorb_scrubbing.scrub_steps(hub)
    read = yield from file_scrubbing.scrub_steps(hub)
    maintenance.sweep_leftovers(hub)
    xorb_scrubbing.schedule_scrub(hub, rounds=max(1, -(-read // xorb_scrubbing.PACE_BYTES)))


def sweep(hub: HubContext, _args: JobArgs) -> Iterator[None]:
    """Delete unreferenced data as ``entrepot gc`` does, one deletion after the other."""
    for _deleted in maintenance.gc(hub):
        yield


def plan_recurring(hub: HubContext) -> None:
    """Schedule the recurring jobs: scrubbing, verifying, trends, deleting deliveries and notifications, scans."""
    xorb_scrubbing.schedule_scrub(hub)
    _plan_reverifying(hub)
    delivery.plan_forgetting(hub)
    discussion_notices.plan_forgetting(hub)
    trends.plan(hub)
    scan_jobs.plan_daily(hub)


SWEEP = "sweep"
"""The kind, and the key, of the job that an administrator asks for."""

HANDLERS: Mapping[str, Handler] = {
    "chunk": chunk_files,
    "verify": verify_claims,
    "scrub": scrub,
    "mirror": repack_mirror,
    "history": index_history,
    "card": index_card,
    "trends": trends.refresh,
    "deliver": delivery.deliver,
    "forget-deliveries": delivery.forget_old,
    "reverify": reverify,
    "scan": scan_files,
    "rescan": rescan,
    "convert": convert,
    discussion_notices.JOB: discussion_notices.notify_steps,
    discussion_notices.FORGETTING: discussion_notices.forget_old,
    SWEEP: sweep,
}


@attrs.frozen
class Outcome:
    """The result of a job."""

    job: Job
    error: str | None


def claim(
    hub: HubContext,
    owner: str,
    *,
    dedup_key: str | None = None,
    lane: str | None = None,
    excluded: Collection[int] = (),
) -> Job | None:
    """Claim the next due job under a lease of :data:`LEASE_MS`; return None if no job is due.

    Args:
        owner: from :func:`new_owner`; the claimer, who must then run the job or put it back, or loses the lease.
        dedup_key: only a job with this key.
        lane: only a job of this lane.
        excluded: namespaces whose jobs are skipped.
    """
    with hub.write(Lock.nothing()) as tx:
        return jobs.claim(tx, owner, hub.now_ms(), LEASE_MS, dedup_key=dedup_key, lane=lane, excluded=excluded)


def put_back(hub: HubContext, owner: str, job: Job, *, delay_ms: int = 0) -> None:
    """Release a claimed job that is not finished; the attempt does not count."""
    with hub.write(Lock.nothing()) as tx:
        jobs.put_back(tx, job.id, owner, hub.now_ms() + delay_ms)


def run(hub: HubContext, owner: str, job: Job) -> Outcome:
    """Run a claimed job to its end and store the result; see :class:`Run`."""
    current = Run(hub, owner, job)
    while current.step():
        pass
    assert current.outcome is not None
    return current.outcome


class Run:
    """A claimed job that is being run, step by step.

    Guarantees: any failure is recorded as the job's error. The job
    runs again after a pause that grows fourfold; after ``MAX_ATTEMPTS``
    attempts, including those of workers that died, it is dead.
    """

    def __init__(self, hub: HubContext, owner: str, job: Job) -> None:
        """Prepare; nothing runs before the first :meth:`step`."""
        self.job = job
        self.outcome: Outcome | None = None
        self.left_bytes: int | None = None
        """How many bytes the job has to read at least, as its handler told last."""
        self._hub = hub
        self._owner = owner
        self._steps: Iterator[int | None] | None = None

    def step(self) -> bool:
        """Run the next step; return False if the job has ended, with ``outcome`` set.

        Raises:
            An exception of the handler that is not an EntrepotError: a programming
            error, which must be reported; it is recorded as the job's error too.
        """
        if self.job.attempts > MAX_ATTEMPTS:
            self._end(self.job.error or "every worker that ran it died or was stopped")
            return False
        try:
            if self._steps is None:
                self._steps = self._begin()
            left_bytes = next(self._steps)
            if left_bytes is not None:
                self.left_bytes = left_bytes
        except StopIteration:
            self._end(None)
        except EntrepotError as error:
            self._end(f"{type(error).__name__}: {error}")
        except BaseException as mistake:
            self._end(f"{type(mistake).__name__}: {mistake}"[:_ERROR_LENGTH])
            raise
        return self.outcome is None

    def put_back(self, *, delay_ms: int = 0) -> None:
        """Stop between two steps and release the job, to be started again after a delay."""
        close = getattr(self._steps, "close", None)
        if close is not None:
            close()
        put_back(self._hub, self._owner, self.job, delay_ms=delay_ms)

    def _begin(self) -> Iterator[int | None]:
        job, handler = self.job, HANDLERS.get(self.job.kind)
        if handler is None:
            raise Refused(f"this version knows no job of kind {job.kind!r}")
        return handler(self._hub, job.args) or iter(())

    def _end(self, error: str | None) -> None:
        self.outcome = _conclude(self._hub, self._owner, self.job, error)


def renew(hub: HubContext, owner: str, job: Job) -> bool:
    """Extend the lease of a running job to :data:`LEASE_MS` from now; return False if it was lost."""
    with hub.write(Lock.nothing()) as tx:
        return jobs.renew(tx, job.id, owner, hub.now_ms() + LEASE_MS)


def pause_ms(hub: HubContext, lane: str | None = None) -> int | None:
    """Return the time until the next job of a lane (None: of any) is due; 0 if one is, None if none is waiting."""
    with hub.read() as tx:
        turn = jobs.next_run(tx, lane)
    return None if turn is None else max(0, turn - hub.now_ms())


def run_now(hub: HubContext, dedup_key: str) -> None:
    """Run a waiting job immediately in this thread, unless a worker has claimed it.

    A busy database is not an error here: the change that enqueued the job
    has succeeded, and the job is still in the queue.
    """
    owner = new_owner()
    with contextlib.suppress(EntrepotError):
        job = claim(hub, owner, dedup_key=dedup_key)
        if job is not None:
            run(hub, owner, job)


def list_jobs(
    hub: HubContext,
    *,
    states: Sequence[str] = STATES,
    lanes: Sequence[str] = LANES,
    before: int | None = None,
    limit: int = 100,
) -> list[Job]:
    """Return jobs in these states and lanes, newest first; ``before`` is the last id of the previous page."""
    with hub.read() as tx:
        return jobs.find(tx, states=states, lanes=lanes, before=before, limit=limit)


def take_over(hub: HubContext) -> None:
    """Make those jobs due immediately whose worker process on this machine has ended, for example in a crash.

    Jobs of other machines wait for the end of their lease.
    """
    with hub.read() as tx:
        dead = [owner for owner in jobs.owners(tx) if has_ended(owner)]
    if dead:
        now = hub.now_ms()
        with hub.write(Lock.nothing()) as tx:
            for owner in dead:
                jobs.end_leases(tx, owner, now)
        hub.job_added.set()


def _conclude(hub: HubContext, owner: str, job: Job, error: str | None) -> Outcome:
    now = hub.now_ms()
    with hub.write(Lock.nothing()) as tx:
        if error is None:
            jobs.finish(tx, job.id, owner, now)
        else:
            delay = _FIRST_RETRY_MS * 4 ** (job.attempts - 1)
            jobs.fail(tx, job.id, owner, error, now + delay if job.attempts < MAX_ATTEMPTS else None, now)
    return Outcome(job, error)
