"""What administrators of the hub see and do in its administration: figures, jobs, checks, and a rehearsed sweep.

The same on the machine of the hub are commands of ``entrepot admin``.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence

import attrs

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntrepotError, InvalidName, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts.administration import Actor, find_namespace, require_admin, require_reader
from entrepot.hub.community import moderation
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import handlers, maintenance
from entrepot.hub.jobs.handlers import LANES as LANES
from entrepot.hub.jobs.handlers import STATES as STATES
from entrepot.hub.jobs.handlers import Job as Job
from entrepot.hub.jobs.maintenance import UnreferencedData
from entrepot.hub.pages import NamePage
from entrepot.names import RepoRef
from entrepot.settings import SETTINGS

LOW_DISK = 0.05
"""The part of the disk that should be free."""

LONG_WAIT_MS = 3_600_000
"""How long a due job waits at most if all is well."""

MAX_ITEMS = 200
"""How many deletions a rehearsal lists; more are counted."""


@attrs.frozen
class HubFigures:
    """Numbers of users and organisations, those of :func:`~entrepot.hub.jobs.maintenance.sizes`, and the disk."""

    users: int
    orgs: int
    sizes: dict[str, int]
    disk_free: int
    disk_total: int


@attrs.frozen
class HealthCheck:
    """The result of one check: what was checked, whether all is well, and what was found."""

    name: str
    is_well: bool
    text: str


@attrs.frozen
class EffectiveSetting:
    """A setting as texts of the configuration file: its value and its default, and what it means."""

    name: str
    value: str
    default: str
    sentence: str


@attrs.frozen
class Rehearsal:
    """What a sweep would delete. ``is_complete``: it looked at everything within its time."""

    items: Sequence[UnreferencedData]
    count: int
    size: int
    is_complete: bool


class _OutOfTime(Exception):
    """A rehearsal has run as long as it may."""


def figures(hub: HubContext, by: Actor) -> HubFigures:
    """Return the figures of the hub.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    with hub.read() as tx:
        users, orgs = (accounts.count_kind(tx, kind) for kind in ("user", "org"))
    disk = shutil.disk_usage(hub.settings.data)
    return HubFigures(users, orgs, maintenance.sizes(hub), disk.free, disk.total)


def list_settings(hub: HubContext, by: Actor) -> list[EffectiveSetting]:
    """Return the effective settings of this process; none of them is a secret.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    return [
        EffectiveSetting(
            setting.name,
            setting.reading.render(getattr(hub.settings, setting.name)),
            setting.default,
            setting.sentence,
        )
        for setting in SETTINGS
    ]


def find_accounts(
    hub: HubContext, by: Actor, kind: str, text: str, *, after: str = "", limit: int
) -> NamePage[Account]:
    """Return a page of the accounts of a kind whose names contain all words of a text, by name.

    Args:
        after: the last name of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    with hub.read() as tx:
        found = accounts.named_like(tx, kind, text.split()[:5], limit + 1, after=after)
    return NamePage(found[:limit], found[limit - 1].name if len(found) > limit else None)


def find_account(hub: HubContext, by: Actor, name: str) -> Account:
    """Return a user or an organisation.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: none has this name.
    """
    require_reader(by)
    with hub.read() as tx:
        return find_namespace(tx, name)


def switch_repo(hub: HubContext, by: Actor, ref: RepoRef, reason: str | None) -> RepoRow:
    """Disable a repository for everyone but administrators of the hub, for a reason; None enables it again.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        RepoNotFound, Refused, Malformed, LimitExceeded: as :mod:`entrepot.hub.community.moderation`.
    """
    actor = require_admin(by)
    if reason is None:
        return moderation.enable(hub, ref, by=actor)
    return moderation.disable(hub, ref, reason, by=actor)


def find_repos(hub: HubContext, by: Actor, namespace: str, after: int, limit: int) -> list[RepoRow]:
    """Return repositories of a namespace, or (empty) of the whole hub, also private and disabled ones.

    Args:
        after: the row id of the last one of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the namespace does not exist.
    """
    require_reader(by)
    with hub.read() as tx:
        if namespace:
            return repositories.page_owned_by(tx, find_namespace(tx, namespace).id, after=after, limit=limit)
        return list(repositories.everything(tx, after=after, limit=limit))


def list_jobs(
    hub: HubContext,
    by: Actor,
    states: Sequence[str],
    limit: int,
    *,
    lanes: Sequence[str] = LANES,
    before: int | None = None,
) -> list[Job]:
    """Return jobs in these states and lanes, newest first.

    Args:
        before: the id of the last job of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        InvalidName: a state or lane is unknown.
    """
    require_reader(by)
    for what, given, known in (("state", states, STATES), ("lane", lanes, LANES)):
        for name in given:
            if name not in known:
                raise InvalidName(f"{what} of jobs", name, f"expected {', '.join(known)}")
    return handlers.list_jobs(hub, states=states, lanes=lanes, before=before, limit=limit)


def retry_job(hub: HubContext, by: Actor, job_id: int) -> None:
    """Make a dead or waiting job due now, and reset its attempts.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        ThingNotFound: the job does not exist, or is running or done.
    """
    actor = require_admin(by)
    with hub.write(Lock.audit(), by=by) as tx:
        if not jobs.retry(tx, job_id, hub.now_ms()):
            raise ThingNotFound("dead or waiting job", str(job_id))
        audit.record(hub, tx, actor, "job.retry", f"job {job_id}")
    hub.job_added.set()


def cancel_job(hub: HubContext, by: Actor, job_id: int) -> None:
    """Delete a job that is not running; its work is not done.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
        ThingNotFound: the job does not exist, or is running.
    """
    actor = require_admin(by)
    with hub.write(Lock.audit(), by=by) as tx:
        if not jobs.cancel(tx, job_id):
            raise ThingNotFound("dead, waiting or finished job", str(job_id))
        audit.record(hub, tx, actor, "job.cancel", f"job {job_id}")


def rehearse_sweep(
    hub: HubContext, by: Actor, *, within_s: float, clock: Callable[[], float] = time.monotonic
) -> Rehearsal:
    """Return what a sweep would delete, without deleting anything.

    Args:
        within_s: how long it may take; what was found until then is returned.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_admin(by)
    end_s = clock() + within_s

    def check_time(_line: str = "") -> None:
        if clock() >= end_s:
            raise _OutOfTime

    items: list[UnreferencedData] = []
    count = size = 0
    is_complete = True
    try:
        for item in maintenance.gc(hub, is_rehearsal=True, progress=check_time):
            count, size = count + 1, size + item.size
            if len(items) < MAX_ITEMS:
                items.append(item)
            check_time()
    except _OutOfTime:
        is_complete = False
    return Rehearsal(items, count, size, is_complete)


def request_sweep(hub: HubContext, by: Actor) -> None:
    """Add the job that deletes unreferenced data, unless one waits.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    actor = require_admin(by)
    with hub.write(Lock.audit(), by=by) as tx:
        jobs.enqueue(tx, handlers.SWEEP, {}, hub.now_ms(), dedup_key=handlers.SWEEP)
        audit.record(hub, tx, actor, "gc.request", "hub")
    hub.job_added.set()


def is_sweeping(hub: HubContext, by: Actor) -> bool:
    """Return whether the job that deletes unreferenced data waits or runs.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    with hub.read() as tx:
        return jobs.is_pending(tx, handlers.SWEEP)


def check_health(hub: HubContext, by: Actor, known: HubFigures | None = None) -> list[HealthCheck]:
    """Return the results of the checks that are quick enough for a page.

    Args:
        known: the present figures, if they have been read already.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    found = known or figures(hub, by)
    sizes = found.sizes
    git = shutil.which("git")
    waits = {lane: sizes[f"jobs_{lane}_wait_ms"] for lane in LANES}
    slowest = max(waits, key=lambda lane: waits[lane])
    share = found.disk_free / max(found.disk_total, 1)
    return [
        _ready(hub),
        HealthCheck("Disk", share >= LOW_DISK, f"{share:.0%} of the disk with the data folder is free"),
        HealthCheck("Chunks", not sizes["xorbs_damaged"], f"{sizes['xorbs_damaged']:,} of {sizes['xorbs']:,} damaged"),
        HealthCheck("Failed jobs", not sizes["jobs_dead"], f"{sizes['jobs_dead']:,} jobs failed too often"),
        HealthCheck(
            "Waiting jobs",
            waits[slowest] < LONG_WAIT_MS,
            f"the oldest due job waits for {waits[slowest] // 1000:,} seconds, in the lane {slowest}",
        ),
        HealthCheck("git", git is not None, "found" if git else "not found: clones and pushes do not work"),
    ]


def _ready(hub: HubContext) -> HealthCheck:
    try:
        maintenance.check_ready(hub)
    except EntrepotError as error:
        return HealthCheck("Database and store", is_well=False, text=error.message)
    return HealthCheck("Database and store", is_well=True, text="both respond")
