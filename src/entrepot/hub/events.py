"""Events of repositories: recorded for the webhooks that watch, in the transaction of the change.

Source of the payload's keys: docs/protocols/hf_api.md, section 1B.5 (version 3). URLs in a
payload are paths until it is sent, because only the sender knows the origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.webhooks import deliveries, webhooks
from entrepot.catalog.webhooks.webhooks import Listener
from entrepot.hub.context import HubContext
from entrepot.names import MAIN, Oid, RefName

DOMAINS = ("repo", "discussion")
"""Scopes that a webhook may subscribe to; ``repo`` covers ``repo.content`` and so on."""


@attrs.frozen
class RefChange:
    """A ref that moved from one commit to another; None: it was created or deleted."""

    ref: RefName
    old: Oid | None
    new: Oid | None


def emit(
    hub: HubContext, tx: Write, row: RepoRow, scope: str, action: str, details: Mapping[str, Any] | None = None
) -> None:
    """Record an event for the webhooks that watch the name of a repository or of its namespace.

    Call it in the transaction that makes the change; it costs one query if no
    webhook is subscribed. Events of a private repository go only to webhooks whose
    owners may see it.

    Args:
        scope: ``repo``, ``repo.content``, ``repo.config``, ``discussion`` or ``discussion.comment``.
        action: ``create``, ``update``, ``delete`` or ``move``.
        details: further keys of the payload, such as ``updatedRefs``.
    """
    listeners = [it for it in webhooks.listening(tx, row.id, row.namespace_id, row.ref) if _concerns(it, row, scope)]
    if not listeners:
        return
    now = hub.now_ms()
    payload = {"event": {"action": action, "scope": scope}, "repo": _describe(tx, row, scope), **(details or {})}
    event_id = deliveries.add_event(tx, row.id, row.namespace_id, scope, payload, now)
    for listener in listeners:
        deliveries.add(tx, listener.webhook_id, event_id, row.id, now)
        schedule_delivery(tx, listener.webhook_id, row.id, now, owner_id=listener.owner_id)
    hub.job_added.set()


def ask_ahead(tx: Read, row: RepoRow) -> None:
    """Announce that :func:`emit` will be called for a repository."""
    webhooks.ask_ahead_listening(tx, row.id, row.namespace_id, row.ref)


def has_listeners(tx: Read) -> bool:
    """Return whether the hub has any enabled webhook; else there is nothing to emit about many repositories."""
    return webhooks.is_any_enabled(tx)


def emit_content(hub: HubContext, tx: Write, row: RepoRow, moves: Sequence[RefChange]) -> None:
    """Record the event that refs of a repository moved."""
    if moves:
        updated = [{"ref": move.ref, "oldSha": move.old, "newSha": move.new} for move in moves]
        emit(hub, tx, row, "repo.content", "update", {"updatedRefs": updated})


def schedule_delivery(
    tx: Write, webhook_id: int, repo_id: int, now_ms: int, *, owner_id: int, delay_ms: int = 0
) -> None:
    """Enqueue the job that delivers a webhook's waiting events about a repository, for the webhook's owner.

    A job that waits for a later time is brought forward: while a delivery is sent, another worker leaves one that would
    run after the longest time that this can take, and new events must not wait for it.
    """
    args, key = {"webhook": webhook_id, "repo": repo_id}, f"deliver:{webhook_id}:{repo_id}"
    jobs.enqueue(tx, "deliver", args, now_ms, namespace_id=owner_id, dedup_key=key, delay_ms=delay_ms, hastens=True)


def _concerns(listener: Listener, row: RepoRow, scope: str) -> bool:
    return scope.partition(".")[0] in listener.domains and (listener.is_insider or not row.is_private)


def _describe(tx: Read, row: RepoRow, scope: str) -> dict[str, Any]:
    owner = accounts.by_ids(tx, [row.owner_id]).get(row.owner_id)
    repo: dict[str, Any] = {
        "type": row.type.value,
        "name": str(row.ref.id),
        "id": row.uid,
        "private": row.is_private,
        "url": {"web": f"/{row.ref.path}", "api": f"/api/{row.type.plural}/{row.ref.id}"},
        "owner": {"id": owner.uid if owner else ""},
    }
    head = refs.find(tx, row.id, MAIN) if scope.startswith("repo") else None
    return repo | ({"headSha": head} if head else {})
