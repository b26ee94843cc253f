"""Follow-up work: what each kind of job does, and how one is run.

A job is written in the transaction that makes it necessary, so it is never
forgotten; it may run more than once, so every handler is idempotent.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from entrepot.catalog import jobs, refs
from entrepot.catalog.jobs import Job
from entrepot.errors import EntrepotError
from entrepot.hub import cards, indexing
from entrepot.hub.house import Hub

LEASE_MS = 120_000
MAX_ATTEMPTS = 8
_FIRST_RETRY_MS = 1_000

Handler = Callable[[Hub, Mapping[str, Any]], None]


def index_history(hub: Hub, args: Mapping[str, Any]) -> None:
    """Record which paths the new commits of a repository changed."""
    repo_id = int(args["repo"])
    with hub.read() as tx:
        heads = {oid for _, oid in refs.everything(tx, repo_id)}
    for head in heads:
        indexing.index_history(hub, repo_id, head)


def index_card(hub: Hub, args: Mapping[str, Any]) -> None:
    """Index what the card of a repository says."""
    cards.index(hub, int(args["repo"]))


HANDLERS: Mapping[str, Handler] = {"history": index_history, "card": index_card}


@attrs.frozen
class Outcome:
    """What became of a job."""

    job: Job
    error: str | None


def run_next(hub: Hub, owner: str) -> Outcome | None:
    """Claim and run the job whose turn it is; None when no job is due."""
    return _run(hub, owner, None)


def attend(hub: Hub, dedup_key: str) -> None:
    """Run a waiting job at once in this thread, unless a worker has it already."""
    _run(hub, new_owner(), dedup_key)


def new_owner() -> str:
    """A name for somebody who claims jobs, unique among all processes and hosts."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


def _run(hub: Hub, owner: str, dedup_key: str | None) -> Outcome | None:
    with hub.write() as tx:
        job = jobs.claim(tx, owner, hub.now_ms(), LEASE_MS, dedup_key=dedup_key)
    if job is None:
        return None
    error = _attempt(hub, job)
    now = hub.now_ms()
    with hub.write() as tx:
        if error is None:
            jobs.finish(tx, job.id, owner, now)
        else:
            delay = _FIRST_RETRY_MS * 4 ** (job.attempts - 1)
            jobs.fail(tx, job.id, owner, error, now + delay if job.attempts < MAX_ATTEMPTS else None, now)
    return Outcome(job, error)


def _attempt(hub: Hub, job: Job) -> str | None:
    """Run the handler; the reason of its failure, or None."""
    handler = HANDLERS.get(job.kind)
    if handler is None:
        return f"this version knows no job of kind {job.kind!r}"
    try:
        handler(hub, job.args)
    except EntrepotError as error:
        return f"{type(error).__name__}: {error}"
    return None
