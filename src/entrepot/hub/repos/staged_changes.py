"""Staged changes: what a user has put on a branch without committing it.

No other user sees them, and no ref points to them. Their contents are stored as those of
a commit are, before one transaction makes all changes of a request visible to their user.

Source: docs/staged-changes.md, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.git.objects import ObjectSize
from entrepot.catalog.repos import refs
from entrepot.catalog.repos import staged as rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.repos.staged import ADD as ADD
from entrepot.catalog.repos.staged import CLEAR as CLEAR
from entrepot.catalog.repos.staged import DELETE, Area
from entrepot.catalog.repos.staged import StagedRow as StagedRow
from entrepot.errors import Busy, InvalidOperation, InvalidPath, LargeFileMissing, LimitExceeded, RevisionNotFound
from entrepot.git import Entry
from entrepot.hub import access, audit, capabilities, revisions
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.audit import Detail
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import preparation
from entrepot.hub.files.operations import Copy, Operation
from entrepot.hub.files.preparation import PreparedCommit, Put, Remove
from entrepot.hub.files.unpublished import discarding
from entrepot.hub.revisions import BranchHead
from entrepot.names import ROOT, Oid, RefName, RepoPath, RepoRef
from entrepot.storage import objects
from entrepot.storage.trees import Trees

MAX_STAGED = 100_000
"""Maximum number of staged changes of one user on one branch."""

_DAY_MS = 86_400_000


@attrs.frozen
class StagedPage:
    """A page of staged changes; ``after``: id of the last one, if there are more."""

    rows: Sequence[StagedRow]
    after: int | None


def area_of(hub: HubContext, row: RepoRow, ref: RefName, user_id: int) -> Area:
    """Return the staged changes of a user on a branch, without those that have ended."""
    return Area(row.id, ref, user_id, hub.now_ms() - hub.settings.staging_days * _DAY_MS)


def list_page(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, branch: str, *, of_all: bool, after: int, limit: int
) -> StagedPage:
    """Return one page of the caller's staged changes, in the order of preparation.

    Args:
        of_all: those of all users; for those who own the repository.
        after: ``after`` of the previous page, 0 for the first one.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        RevisionNotFound: it is not a branch.
    """
    with hub.read() as tx:
        row, author, head = _target(tx, caller, ref, branch, of_all=of_all)
        area = area_of(hub, row, head.ref, author.account.id)
        found = rows.page(tx, area, of_all=of_all, after=after, limit=limit + 1)
    return StagedPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def check_target(hub: HubContext, caller: MaybeCaller, ref: RepoRef, branch: str) -> None:
    """Raise unless the caller may stage changes on a branch, before the client sends contents.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed, RevisionNotFound: as :func:`stage`.
    """
    with hub.read() as tx:
        _target(tx, caller, ref, branch, of_all=False)


def stage(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    branch: str,
    operations: Iterable[Operation],
    *,
    inline_bytes: int = 0,
) -> int:
    """Stage changes of the caller, all or none; return the number of changes that are staged now.

    Args:
        operations: applied in order; read once.
        inline_bytes: approximate size of the content in them.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        RevisionNotFound: it is not a branch.
        InvalidPath, InvalidOperation, LargeFileMissing, Malformed: an operation cannot be staged.
        LimitExceeded: there would be more than 100,000 changes, or a file is too large.
        QuotaExceeded: the contents exceed the quota of the namespace.
        Busy: a sweep deleted one of the contents in the meantime.
    """
    with hub.read() as tx:
        row, author, head = _target(tx, caller, ref, branch, of_all=False)
        quota = quotas.allowance(hub, tx, row)
    with discarding(hub, row.id, quota) as fresh:
        prepared = preparation.prepare(
            hub, author, row, head, _stageable(operations), quota, fresh=fresh, inline_bytes=inline_bytes
        )
        prepared = preparation.stored(hub, row.id, prepared, fresh)
        return _stage_prepared(hub, author, row, head, prepared, quota if inline_bytes else None)


def _stage_prepared(
    hub: HubContext, author: Caller, row: RepoRow, head: BranchHead, prepared: PreparedCommit, quota: Allowance | None
) -> int:
    """Stage changes whose objects are stored; ``quota``: is checked again at the end, unless it is None."""
    with hub.read() as tx:
        sizes = object_rows.measure(tx, row.id, list(prepared.objects))
        trees, root = Trees(hub.store, tx, row.id), objects.root_of(hub.store, tx, row.id, head.head)
        changes = _collect(prepared.edits, lambda path: trees.find(root, path), sizes)
    area = area_of(hub, row, head.ref, author.account.id)
    with hub.write(Lock.repo(row.id), ahead=capabilities.ahead_of_recheck(author, row)) as tx:
        capabilities.recheck(tx, author, row, head.ref, hub.now_ms())
        if refs.find(tx, row.id, head.ref) is None:
            raise RevisionNotFound(head.ref.removeprefix("refs/heads/"))
        _check_stored(tx, row, prepared)
        if quota is not None:
            quota.check_at_end(tx)
        return _write(tx, area, changes, hub.now_ms())


def reset(hub: HubContext, caller: MaybeCaller, ref: RepoRef, branch: str, *, of_all: bool) -> int:
    """Drop the caller's staged changes on a branch; return their number.

    Args:
        of_all: drop those of all users; for those who own the repository.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        RevisionNotFound: it is not a branch.
    """
    with hub.read() as tx:
        row, _, _ = _target(tx, caller, ref, branch, of_all=of_all)
    with hub.write(Lock.repo(row.id), Lock.audit(), by=caller) as tx:
        row, author, head = _target(tx, caller, ref, branch, of_all=of_all)
        dropped = rows.drop(tx, area_of(hub, row, head.ref, author.account.id), of_all=of_all)
        if dropped:
            details: dict[str, Detail] = {"ref": head.ref, "dropped": dropped, "all": of_all}
            audit.record(hub, tx, author, "staged.reset", access.subject(row), details)
    return dropped


def _target(
    tx: Read, caller: MaybeCaller, ref: RepoRef, branch: str, *, of_all: bool
) -> tuple[RepoRow, Caller, BranchHead]:
    row, author = (access.owned if of_all else access.committable)(tx, caller, ref)
    head = revisions.branch(tx, row.id, branch)
    if not head.ref.startswith("refs/heads/"):
        raise RevisionNotFound(branch)
    return row, author, head


def _stageable(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, Copy):
            raise InvalidOperation(operation.path, "copies cannot be staged; commit them")
        try:
            operation.path.encode()
        except UnicodeEncodeError:
            raise InvalidPath(operation.path, "it is not valid Unicode; delete it with a commit") from None
        yield operation


@attrs.define
class _Changes:
    """A change of the staged changes of an area by one request.

    ``puts`` replace earlier changes of their paths, ``gone`` are dropped, and so is
    everything below the folders in ``cleared``.
    """

    puts: list[StagedRow] = attrs.field(factory=list)
    gone: list[tuple[RepoPath, str]] = attrs.field(factory=list)
    cleared: dict[RepoPath, int] = attrs.field(factory=dict)


def _collect(
    edits: Sequence[Put | Remove], find: Callable[[RepoPath], Entry | None], sizes: Mapping[Oid, ObjectSize]
) -> _Changes:
    """Return the effect of edits; a later one replaces earlier ones of its path.

    Args:
        find: returns the entry at a path of the branch.
    """
    changes, last = _Changes(), dict[tuple[RepoPath, bool], tuple[int, StagedRow | None]]()
    for position, edit in enumerate(edits):
        if isinstance(edit, Put):
            last[edit.path, False] = position, _addition(edit, sizes)
            continue
        there = find(edit.path)
        if there is not None and there.is_folder:
            last.pop((edit.path, False), None)
            changes.gone.append((edit.path, DELETE))
            last[edit.path, True] = position, _deletion(edit.path, CLEAR)
        elif not edit.is_folder:
            # A file that is only staged leaves no change behind.
            last[edit.path, False] = position, None if there is None else _deletion(edit.path, DELETE)
        if there is None or there.is_folder or edit.is_folder:
            changes.cleared[edit.path] = position
    for (path, is_folder), (position, row) in sorted(last.items(), key=lambda item: item[1][0]):
        is_cleared = any(changes.cleared.get(folder, -1) > position for folder in folders_of(path))
        if row is None or is_cleared:
            changes.gone.append((path, CLEAR if is_folder else DELETE))
        else:
            changes.puts.append(row)
    return changes


def _write(tx: Write, area: Area, changes: _Changes, now_ms: int) -> int:
    """Apply changes to an area, and return the number of its changes.

    Raises:
        LimitExceeded: there are too many; roll the transaction back.
    """
    rows.drop_old(tx, area)
    gone = list(changes.gone)
    if changes.cleared:
        gone += [(path, op) for path, op in rows.paths(tx, area) if not folders_of(path).isdisjoint(changes.cleared)]
    rows.remove(tx, area, gone)
    added = [row.path for row in changes.puts if row.op == ADD]
    # A file that was staged where a folder is needed now.
    rows.remove_added(tx, area, [RepoPath(folder) for folder in {it for path in added for it in folders_of(path)}])
    rows.put(tx, area, changes.puts, now_ms)
    number = rows.count(tx, area)
    if number > MAX_STAGED:
        raise LimitExceeded("the number of your staged changes on this branch", MAX_STAGED, "commit some of them first")
    return number


def _check_stored(tx: Write, row: RepoRow, prepared: PreparedCommit) -> None:
    """Raise if a sweep has deleted what was just stored."""
    if not object_rows.are_present(tx, row.id, prepared.objects):
        raise Busy("the repository")
    usable = file_links.usable(tx, row.id, [sha256 for sha256, _ in prepared.large])
    for sha256, path in prepared.large:
        if sha256 not in usable:
            raise LargeFileMissing(path, sha256)


def _addition(edit: Put, sizes: Mapping[Oid, ObjectSize]) -> StagedRow:
    stored = sizes.get(edit.oid)
    if stored is None:
        raise Busy("the repository")
    size = stored.size if stored.lfs_size is None else stored.lfs_size
    return StagedRow(0, edit.path, ADD, edit.oid, stored.lfs_sha256, size, 0, None)


def _deletion(path: RepoPath, op: str) -> StagedRow:
    return StagedRow(0, path, op, None, None, 0, 0, None)


def folders_of(path: RepoPath) -> set[RepoPath]:
    """Return all folders above a path, with the root; of the root itself, none."""
    if path == ROOT:
        return set()
    parts = path.split("/")
    return {ROOT, *(RepoPath("/".join(parts[:depth])) for depth in range(1, len(parts)))}
