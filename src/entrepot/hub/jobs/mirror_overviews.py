"""The mirrors for git clients on this server, for administrators of the hub: their state, and repacking one."""

from __future__ import annotations

import attrs

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import RepoNotFound
from entrepot.hub import access, audit
from entrepot.hub.accounts.administration import Actor, require_admin, require_reader
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef
from entrepot.storage.mirrors import MirrorFacts as MirrorFacts

MAX_SHOWN = 100
"""Maximum number of mirrors in the list: those that were used last."""

_JOB = "mirror"
_MAX_DEAD = 500


@attrs.frozen
class MirrorReport:
    """A mirror and its repository.

    ``is_waiting``: it will be repacked; ``error``: why the last attempt to repack it failed, empty if none did.
    """

    repo: RepoRow
    facts: MirrorFacts
    is_waiting: bool
    error: str


def list_mirrors(hub: HubContext, by: Actor) -> list[MirrorReport]:
    """Return the most recently used mirrors on this server, newest use first.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub.
    """
    require_reader(by)
    found = hub.mirrors.newest(MAX_SHOWN)
    with hub.read() as tx:
        rows = {row.uid: row for row in repositories.by_uids(tx, [facts.uid for facts in found])}
        dead = jobs.find(tx, states=["dead"], limit=_MAX_DEAD)
        errors = {job.args.get("repo"): job.error or "" for job in reversed(dead) if job.kind == _JOB}
        return [
            MirrorReport(row, facts, jobs.is_pending(tx, _key(row)), errors.get(row.id, ""))
            for facts in found
            if (row := rows.get(facts.uid)) is not None
        ]


def request_repack(hub: HubContext, by: Actor, ref: RepoRef) -> None:
    """Queue a job that repacks the mirror of a repository, so that clones cost less; without a mirror it does nothing.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the hub, or the token may only read.
        RepoNotFound: the repository does not exist.
    """
    actor = require_admin(by)
    with hub.write(Lock.repo_at(ref), Lock.audit(), by=by) as tx:
        row = repositories.find(tx, ref)
        if row is None:
            raise RepoNotFound
        jobs.enqueue(tx, _JOB, {"repo": row.id}, hub.now_ms(), dedup_key=_key(row), hastens=True)
        audit.record(hub, tx, actor, "mirror.request", access.subject(row))
    hub.job_added.set()


def _key(row: RepoRow) -> str:
    return f"{_JOB}:{row.id}"
