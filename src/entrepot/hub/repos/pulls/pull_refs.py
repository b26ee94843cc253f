"""Refs of pull requests: which the caller may change as branches are changed, and their deletion."""

from __future__ import annotations

import attrs

from entrepot.catalog import Lock
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Refused, RevisionNotFound
from entrepot.hub import access, audit, events, revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussion_rules, pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.events import RefChange
from entrepot.names import Oid, RefName, RepoRef


@attrs.frozen
class ChangeTarget:
    """A branch, or the head of a pull request, and how a caller may change it: directly, or by a pull request."""

    row: RepoRow
    ref: RefName
    head: Oid
    may_commit: bool
    may_propose: bool


def find_target(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> ChangeTarget:
    """Return a branch, or the head of a pull request, whose files the caller may change in some way.

    Raises:
        RevisionNotFound: nothing has this name, or a tag or commit has it.
        Refused: the pull request is closed or merged.
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row, known = pull_request_access.uploader(tx, caller, ref, None)
        found = revisions.branch(tx, row.id, revision)
        if pull_request_access.number_of(found.ref) is not None:
            pull_request_access.get_changeable_ref(tx, known, row.ref, found.ref)
            return ChangeTarget(row, found.ref, found.head, may_commit=True, may_propose=False)
        may_propose = found.ref.startswith("refs/heads/") and discussion_rules.are_enabled(row)
        if not may_propose:
            access.committable(tx, known, row.ref)
        return ChangeTarget(row, found.ref, found.head, access.may_commit(tx, known, row), may_propose)


def delete_ref(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> None:
    """Delete the ref of a closed or merged pull request; commits on no branch are swept after the grace period.

    Raises:
        ThingNotFound: the pull request does not exist.
        Refused: it is neither closed nor merged.
        RevisionNotFound: its ref was deleted before.
        LoginRequired, NotAllowed, RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.write(access.lock(hub, caller, ref, discussion_rules.get_discussion_to_change, num), Lock.audit()) as tx:
        row, known, _ = discussion_rules.get_discussion_to_change(tx, caller, ref, num)
        discussion = discussion_rules.get_pull(tx, row, num)
        name = discussion_rules.head_ref(discussion)
        if discussion.is_alive:
            raise Refused(f"pull request {num} is {discussion.status}: close it first")
        head = refs.find(tx, row.id, name)
        if head is None:
            raise RevisionNotFound(name)
        refs.swap(tx, row.id, name, head, None, hub.now_ms())
        events.emit_content(hub, tx, row, [RefChange(name, head, None)])
        audit.record(hub, tx, known, "pull.delete-ref", access.subject(row), {"num": num, "head": head})
