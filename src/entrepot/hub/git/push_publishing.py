"""Publishes what a push has brought: checks it in quarantine, then moves all refs in one transaction.

The order is the same as for every change of content: check, write bytes, publish.
A push that is refused or interrupted leaves only objects that no ref names.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.community import discussions
from entrepot.catalog.files import files
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import activity, refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, NotAllowed, Refused
from entrepot.git import Kind
from entrepot.git.commands import Command, CommandStatus
from entrepot.hub import access, audit, capabilities, events, file_mutability
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller
from entrepot.hub.community import pull_request_access
from entrepot.hub.conversions import conversions
from entrepot.hub.files import file_scrubbing
from entrepot.hub.files.preparation import store_rows
from entrepot.hub.files.unpublished import Unpublished, discarding
from entrepot.hub.git import push_locks, push_policy, push_warnings
from entrepot.hub.git.push_contents import PushContents, read_push
from entrepot.hub.git.push_locks import PushGuard
from entrepot.hub.git.pushes import Push
from entrepot.hub.jobs import file_metadata, handlers
from entrepot.hub.repos import push_reservations
from entrepot.hub.repos.branches import find_obstacle
from entrepot.hub.repos.publishing import card_job, follow_up, has_moved, link_files
from entrepot.hub.scanning import policies
from entrepot.names import MAIN, Oid, RefName, RepoPath, Sha256
from entrepot.storage import histories
from entrepot.storage import objects as stored
from entrepot.storage.contents import sha256_of

_MOVED = "it was moved in the meantime; fetch and try again"
_IN_ONE_GO = 4_000
_BATCH_ROWS = 1_000
_BATCH_BYTES = 8 << 20


def finish(push: Push) -> list[CommandStatus]:
    """Check the received objects and publish them; return the result of each command, in their order.

    Guarantees: readers see either the old or the new value of each ref, and with
    ``atomic`` that applies to all of them together; a ref never points at
    objects that are not durable.

    Raises:
        LimitExceeded, LargeFileMissing, InvalidOperation, InvalidPath, Malformed: the
            objects are refused, and with them every command.
        QuotaExceeded: they exceed the quota of the namespace.
        RepoNotFound: the repository was deleted in the meantime.
        InvalidCredentials, NotAllowed, GatedRepo, RepoDisabled: the pusher has lost the right in the meantime.
        Busy: a sweep deleted objects that the push needs.
    """
    hub, repo_id, commands = push.hub, push.row.id, push.request.commands
    oids = push.quarantine.oids()
    push.progress.text = f"Checking {len(oids):,} objects"
    found = read_push(push.quarantine, oids, max_file=hub.settings.max_inline_file)
    with hub.read() as tx:
        row, author = capabilities.recheck_push(tx, push.author, push.row, hub.now_ms())
        push_policy.check_history(tx, repo_id, found)
        push_policy.check_names(hub, tx, repo_id, found)
        again = push_policy.find_revived_pointers(hub, tx, repo_id, found)
        may_commit = access.may_commit(tx, author, row)
        guard = push_locks.guard(hub, tx, repo_id, author.account.id, found)
        quota = quotas.allowance(hub, tx, row)
        wanted = {
            command.ref: _lack_of_right(tx, author, row, command)
            or push_policy.find_refusal(tx, row, command, found, guard)
            for command in commands
        }
    if all(wanted.values()):
        return [CommandStatus(ref, reason) for ref, reason in wanted.items()]
    with discarding(hub, repo_id, quota) as fresh:
        fresh.expect(found.size)
        large = push_policy.admit_large(hub, author, row, found, again, quota)
        if any(wanted.values()) and push.request.is_atomic:
            fresh.discard()
            return [CommandStatus(ref, reason or "another ref was refused") for ref, reason in wanted.items()]
        accepted = [command for command in commands if wanted[command.ref] is None]
        prepared = _prepare(push, found, large, fresh)
        try:
            outcome = _publish(push, found, prepared, accepted, quota, guard)
        except _Undone as undone:
            outcome = {ref: undone.reason if ref == undone.ref else "another ref was refused" for ref in wanted}
        except _NoneMoved as refused:
            outcome = refused.outcome
        if all(outcome.values()):
            fresh.discard()
    if may_commit and _MOVED in outcome.values():
        push_reservations.note_loss(hub, repo_id, author.account.id)
    wanted |= outcome
    if all(wanted.values()):
        return [CommandStatus(ref, reason) for ref, reason in wanted.items()]
    _conclude(push, found, wanted)
    accepted = [command for command in accepted if wanted[command.ref] is None]
    push.progress.warnings = push_warnings.warn_of_missing_rules(hub, repo_id, found, accepted)
    return [CommandStatus(ref, reason) for ref, reason in wanted.items()]


class _Undone(Exception):
    """One command of an atomic push failed; raising this rolls back the others."""

    def __init__(self, ref: str, reason: str) -> None:
        super().__init__(reason)
        self.ref = ref
        self.reason = reason


class _NoneMoved(Exception):
    """Every command failed; ``outcome``: the reason of each."""

    def __init__(self, outcome: dict[str, str | None]) -> None:
        super().__init__()
        self.outcome = outcome


@attrs.frozen
class _Prepared:
    """A push that can be published: ids of stored objects, rows of the others, large files."""

    early: Sequence[Oid]
    late: Sequence[ObjectRow]
    large: Sequence[tuple[Sha256, RepoPath]]


def _lack_of_right(tx: Read, author: Caller, row: RepoRow, command: Command) -> str | None:
    """Return why the author may not move a ref, or None; authors may move heads of their pull requests."""
    number = pull_request_access.number_of(command.ref)
    discussion = None if number is None else discussions.find(tx, row.id, number)
    if discussion is not None:
        try:
            pull_request_access.check_proposal(tx, author, row, discussion)
        except (NotAllowed, Refused) as error:
            return error.message
        return None
    if access.may_commit(tx, author, row):
        return None
    return f"you may push to your own pull requests only, refs/pr/N, not to {command.ref}"


def _prepare(
    push: Push, found: PushContents, large: Sequence[tuple[Sha256, RepoPath]], fresh: Unpublished
) -> _Prepared:
    """Store the objects that must be durable before the transaction.

    Commits are stored in the transaction that names them, so a reader who
    finds a commit finds everything that it refers to.
    """
    early: list[Oid] = []
    last = [item for item in found.kept if item.kind in (Kind.COMMIT, Kind.TAG)]
    plain = [item for item in found.kept if item.kind in (Kind.BLOB, Kind.TREE)]
    is_small = not found.left and len(found.kept) <= _IN_ONE_GO
    rows = [stored.row_of(item) for item in plain if is_small and not stored.is_large(item)]
    waiting = (item for item in plain if not is_small or stored.is_large(item))
    for batch in _batches(_all_of(push, waiting, found)):
        early += _store(push, batch, fresh)
        push.progress.text = f"Storing objects: {len(early):,} of {len(found.kept) + len(found.left):,}"
    return _Prepared(early, rows + [stored.row_of(item) for item in last], large)


def _all_of(push: Push, waiting: Iterable[stored.GitObject], found: PushContents) -> Iterator[stored.GitObject]:
    yield from waiting
    longest = dict.fromkeys(Kind, push.hub.settings.max_inline_file)
    for arrived in push.quarantine.read(found.left, longest=longest):
        assert arrived.content is not None
        yield stored.GitObject(arrived.oid, arrived.kind, arrived.content)


def _batches(items: Iterable[stored.GitObject]) -> Iterator[list[stored.GitObject]]:
    batch: list[stored.GitObject] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.content)
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _store(push: Push, batch: Sequence[stored.GitObject], fresh: Unpublished) -> list[Oid]:
    """Store objects that no ref names yet; bytes of large ones first."""
    hub = push.hub
    large = {item.oid: sha256_of(item.content) for item in batch if stored.is_large(item)}
    if large:
        with hub.write(*map(Lock.file, large.values())) as tx:
            for item in batch:
                if item.oid in large:
                    files.reserve(tx, large[item.oid], len(item.content), hub.now_ms())
    for sha256 in large.values():
        file_scrubbing.delete_damaged(hub, sha256)
    rows = [
        stored.keep_large(hub.store, item, large[item.oid]) if item.oid in large else stored.row_of(item)
        for item in batch
    ]
    store_rows(hub, push.row.id, rows, fresh)
    return [row.oid for row in rows]


def _publish(
    push: Push,
    found: PushContents,
    prepared: _Prepared,
    commands: Sequence[Command],
    quota: Allowance,
    checked: PushGuard,
) -> dict[str, str | None]:
    """Make the push visible in one transaction; return for each command why it was refused, or None.

    Args:
        checked: the locks of other users that the commands respect; those taken since are checked here.
    """
    hub, repo_id, now = push.hub, push.row.id, push.hub.now_ms()
    if not commands:
        return {}
    # Removed refs are recorded in the audit log.
    audited = [Lock.audit()] if any(command.new is None for command in commands) else []
    with hub.write(Lock.repo(repo_id), *audited, ahead=capabilities.ahead_of_recheck(push.author, push.row)) as tx:
        row, author = capabilities.recheck_push(tx, push.author, push.row, now)
        for lack in filter(None, (_lack_of_right(tx, author, row, command) for command in commands)):
            raise Refused(lack)
        object_rows.put(tx, repo_id, prepared.late, now)
        heads = [command.new for command in commands if command.new is not None]
        if not object_rows.are_present(tx, repo_id, [*prepared.early, *found.beyond, *heads]):
            raise Busy("the repository")
        histories.record_all(tx, repo_id, found.ordered)
        for command in commands:
            file_mutability.check_move(hub, tx, row, RefName(command.ref), command.old, command.new)
        guard = push_locks.guard(hub, tx, repo_id, author.account.id, found).beyond(checked)
        outcome = _move(tx, push, row, commands, lambda it: push_policy.find_late_refusal(tx, row, it, found, guard))
        done = [command for command in commands if outcome[command.ref] is None]
        if not done:
            raise _NoneMoved(outcome)  # rolls back what was put
        tx.proof = functools.partial(has_moved, repo_id, {RefName(it.ref): it.new for it in done})
        push_reservations.end(tx, repo_id, author.account.id, now)
        _record_moves(tx, push, row, found, prepared, done)
        if found.size:
            quota.check_at_end(tx)
    return outcome


def _record_moves(
    tx: Write, push: Push, row: RepoRow, found: PushContents, prepared: _Prepared, done: Sequence[Command]
) -> None:
    """Record the consequences of moved refs: links, commits of pull requests, jobs, events, the audit log."""
    hub, pusher, now = push.hub, push.author.account.id, push.hub.now_ms()
    refs_done = [RefName(command.ref) for command in done]
    if prepared.large:
        link_files(tx, row.id, prepared.large, pusher, refs_done[0], now)
    policies.check_moves(hub, tx, row, [(command.old, command.new) for command in done])
    for command, ref in zip(done, refs_done, strict=True):
        is_proposal = pull_request_access.number_of(ref) is not None
        if is_proposal and command.new is not None and command.old != command.new:
            new_commits = _new_commits(found, command.new)
            pull_request_access.record_commits(hub, tx, row, push.author, ref, new_commits)
    are_proposals = all(pull_request_access.number_of(ref) is not None for ref in refs_done)
    follow_up(hub, tx, row.id, has_large=bool(prepared.large), has_card=MAIN in refs_done, is_proposal=are_proposals)
    if MAIN in refs_done:
        conversions.plan(hub, tx, row)
    changed = [events.RefChange(RefName(it.ref), it.old, it.new) for it in done if it.old != it.new]
    events.emit_content(hub, tx, row, changed)
    if any(it.new is not None for it in changed):
        activity.add(tx, row, pusher, now)
    for gone in (it for it in changed if it.new is None):
        audit.record(hub, tx, push.author, "ref.delete", access.subject(row), {"ref": gone.ref, "was": gone.old})


def _new_commits(found: PushContents, head: Oid) -> list[tuple[Oid, str]]:
    """Return the new commits that are now reachable from a head, with their titles, oldest first."""
    reached, waiting = set[Oid](), [head]
    while waiting:
        oid = waiting.pop()
        if oid in found.commits and oid not in reached:
            reached.add(oid)
            waiting += found.commits[oid].parents
    return [(oid, found.commits[oid].title) for oid, _ in found.ordered if oid in reached]


def _move(
    tx: Write, push: Push, row: RepoRow, commands: Sequence[Command], find_refusal: Callable[[Command], str | None]
) -> dict[str, str | None]:
    outcome: dict[str, str | None] = {}
    # Deletions first: they may free names below or above theirs.
    for command in sorted(commands, key=lambda command: command.new is not None):
        reason = find_refusal(command) or _move_one(tx, row, command, push.hub.now_ms())
        if reason is not None and push.request.is_atomic:
            raise _Undone(command.ref, reason)
        outcome[command.ref] = reason
    return outcome


def _move_one(tx: Write, row: RepoRow, command: Command, now_ms: int) -> str | None:
    name = RefName(command.ref)
    if command.old == command.new:
        return None if refs.find(tx, row.id, name) == command.old else _MOVED
    if command.old is None:
        obstacle = find_obstacle(tx, row, name)
        if obstacle is not None:
            return obstacle.message
    if not refs.swap(tx, row.id, name, command.old, command.new, now_ms):
        return _MOVED
    return None


def _conclude(push: Push, found: PushContents, outcome: Mapping[str, str | None]) -> None:
    """Prepare caches for the next requests; the push has succeeded even if this fails."""
    hub = push.hub
    moves = [(RefName(c.ref), c.new) for c in push.request.commands if outcome[c.ref] is None]
    if not moves:
        return
    try:
        hub.mirrors.adopt(push.row.uid, push.quarantine.packs, moves)
    except OSError:  # such as a full disk: the push has succeeded, and the next clone recreates the mirror
        with contextlib.suppress(OSError):
            hub.mirrors.drop(push.row.uid)
    hub.job_added.set()
    if outcome.get(MAIN, "") is None and file_metadata.may_describe(push.row.type, found.paths.values()):
        handlers.run_now(hub, card_job(push.row.id))
