"""Use cases on the large files of a repository: list, delete permanently, share with another repository."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.files import file_links, files, linked_forms, xet_files
from entrepot.catalog.files.file_links import Link
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import commits, refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, LimitExceeded, RepoNotFound, ThingNotFound
from entrepot.git import (
    EMPTY_TREE,
    Commit,
    Entry,
    Kind,
    encode_commit,
    encode_tag_object,
    encode_tree,
    parse_tag_object,
    parse_tree,
)
from entrepot.hub import access, audit, events
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.conversions import conversions
from entrepot.hub.files import rechunking
from entrepot.hub.jobs.indexing import history_job
from entrepot.hub.repos import locks, protections
from entrepot.names import Oid, RefName, RepoRef, Sha256
from entrepot.storage import histories, objects
from entrepot.storage.objects import GitObject
from entrepot.storage.trees import Trees

MAX_DELETIONS = 1_000
MAX_SHARED = 500
_ATTEMPTS = 10


@attrs.frozen
class LargeFile:
    """A large file that a commit of the repository names."""

    link: Link
    pusher: Account | None


def list_files(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, *, after: str | None, limit: int
) -> Sequence[LargeFile]:
    """Return a page of the large files of a repository, oldest first.

    Args:
        after: the last uid of the previous page.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access, or no write access.
    """
    with hub.read() as tx:
        row, _ = access.manageable(tx, caller, ref, by_alias=True)
        links = file_links.committed_links(tx, row.id, after=after, limit=limit)
        pushers = accounts.by_ids(tx, [link.pusher_id for link in links if link.pusher_id is not None])
    return [LargeFile(link, pushers.get(link.pusher_id or 0)) for link in links]


def delete(hub: HubContext, caller: MaybeCaller, ref: RepoRef, uids: Sequence[str], *, rewrites_history: bool) -> None:
    """Delete large files of a repository permanently.

    The bytes are swept if no other repository uses them. Without
    ``rewrites_history`` the pointers stay in the commits, but cannot be
    downloaded; with it they are removed from every commit of every ref, and
    commits keep their titles, authors, dates and number.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        ThingNotFound: an id does not name a large file of this repository.
        LimitExceeded: more than 1,000 files.
        Refused: a branch or tag that would be rewritten is protected, or another user has locked a path that a ref
            would lose.
        Busy: other writers kept committing in the meantime.
    """
    if len(uids) > MAX_DELETIONS:
        raise LimitExceeded("the number of files in one deletion", MAX_DELETIONS, "delete in smaller groups")
    with hub.read() as tx:
        row, deleter = access.writable(tx, caller, ref)
        links = file_links.links_by_uid(tx, row.id, uids)
    missing = set(uids) - {link.uid for link in links}
    if missing:
        raise ThingNotFound("large file", min(missing))
    _delete(hub, deleter, row, [link.sha256 for link in links], rewrites_history=rewrites_history)


def delete_content(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, sha256: Sha256, *, rewrites_history: bool
) -> None:
    """Delete the large file with this content, as :func:`delete` does.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        ThingNotFound: the repository has no such large file.
        Busy: other writers kept committing in the meantime.
    """
    with hub.read() as tx:
        row, deleter = access.writable(tx, caller, ref)
        found = file_links.link_of(tx, row.id, sha256)
    if found is None:
        raise ThingNotFound("large file", sha256)
    _delete(hub, deleter, row, [sha256], rewrites_history=rewrites_history)


def share(
    hub: HubContext, caller: MaybeCaller, source: RepoRef, target: RepoRef, sha256s: Sequence[Sha256]
) -> frozenset[Sha256]:
    """Let a repository commit large files that commits of another one name; no bytes move.

    Returns:
        The sha256 values that the target may use now; for the others, no commit
        of the source names the file, or it does not have this sha256.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access to the source, or to the target.
        LoginRequired, NotAllowed: the caller may not write to the target.
        LimitExceeded: more than 500 files.
        QuotaExceeded: they exceed the quota of the target's namespace.
        BeingVerified: they were just uploaded to the source, and are too large to be verified now.
    """
    if len(sha256s) > MAX_SHARED:
        raise LimitExceeded("the number of files in one call", MAX_SHARED, "send several smaller requests")
    with hub.read() as tx:
        origin = access.readable(tx, caller, source)
        access.committable(tx, caller, target)
    rechunking.verify_named(hub, origin.id, list(dict.fromkeys(sha256s)))
    with hub.write(Lock.repo_at(source), Lock.repo_at(target), *map(Lock.file, sha256s), by=caller) as tx:
        origin = access.readable(tx, caller, source)
        row, sharer = access.committable(tx, caller, target)
        named = linked_forms.proven(tx, origin.id, list(dict.fromkeys(sha256s)))
        there = file_links.usable(tx, row.id, list(named))
        fresh = {sha256: form for sha256, form in named.items() if sha256 not in there}
        quotas.allowance(hub, tx, row).spend(sum(form.size for form in fresh.values()), tx)
        file_links.link_forms(tx, row.id, fresh, sharer.account.id, hub.now_ms())
        file_links.renew(tx, row.id, list(named), hub.now_ms())
        files.touch(tx, list(named), hub.now_ms())
    return frozenset(named)


def _delete(
    hub: HubContext, deleter: Caller, row: RepoRow, sha256s: Sequence[Sha256], *, rewrites_history: bool
) -> None:
    repo_id = row.id
    if not rewrites_history:
        with hub.write(Lock.repo(repo_id), Lock.audit(), by=deleter) as tx:
            row = _writable_now(tx, deleter, repo_id)
            file_links.unlink(tx, repo_id, sha256s)
            xet_files.withdraw(tx, repo_id, sha256s)
            _record(hub, tx, deleter, row, sha256s, rewrites_history=False)
        return
    for _ in range(_ATTEMPTS):
        with hub.read() as tx:
            heads = refs.everything(tx, repo_id)
            rewriter = _Rewriter(hub, tx, repo_id, object_rows.pointing_at(tx, repo_id, sha256s))
            moves = [(name, old, rewriter.target(old)) for name, old in heads]
        for name, old, new in moves:
            if old != new:
                protections.check_rewriting(row, name)
        if _publish(hub, deleter, repo_id, rewriter, moves, sha256s):
            hub.job_added.set()
            return
    raise Busy("the repository")


def _writable_now(tx: Read, deleter: Caller, repo_id: int) -> RepoRow:
    """Return the repository as it is now, whose name or owner may have changed while the caller waited.

    Raises:
        RepoNotFound, RepoDisabled, RepoArchived, NotAllowed: it is gone, or the deleter may no longer change it.
    """
    row = repositories.by_id(tx, repo_id)
    if row is None:
        raise RepoNotFound
    return access.writable(tx, deleter, row.ref)[0]


def _record(
    hub: HubContext, tx: Write, deleter: Caller, row: RepoRow, sha256s: Sequence[Sha256], *, rewrites_history: bool
) -> None:
    details: dict[str, audit.Detail] = {"files": len(sha256s), "rewrites_history": rewrites_history}
    if sha256s:
        details["first"] = sha256s[0]
    audit.record(hub, tx, deleter, "file.delete", access.subject(row), details)


def _publish(
    hub: HubContext,
    deleter: Caller,
    repo_id: int,
    rewriter: _Rewriter,
    moves: Sequence[tuple[RefName, Oid, Oid]],
    unwanted: Sequence[Sha256],
) -> bool:
    """Move every ref and unlink the files in one transaction; False if a ref moved, or an object was swept."""
    rows = [objects.row_of(item) for item in rewriter.made]
    now = hub.now_ms()
    for at in range(0, len(rows), 1000):
        with hub.write(Lock.repo(repo_id), by=deleter) as tx:
            object_rows.put(tx, repo_id, rows[at : at + 1000], now)
    with hub.write(Lock.repo(repo_id), Lock.audit(), by=deleter) as tx:
        row = _writable_now(tx, deleter, repo_id)
        is_moved = [(name, old) for name, old, _ in moves] != refs.everything(tx, repo_id)
        if is_moved or not object_rows.are_present(tx, repo_id, [row.oid for row in rows]):
            return False
        for oid, parents in rewriter.commits.items():
            histories.record(tx, repo_id, oid, parents)
        for name, old, new in moves:
            if old != new:
                protections.check_rewriting(row, name)
                locks.check_move(hub, tx, repo_id, deleter.account.id, [old], new)
                refs.swap(tx, repo_id, name, old, new, now)
        events.emit_content(hub, tx, row, [events.RefChange(*move) for move in moves if move[1] != move[2]])
        file_links.unlink(tx, repo_id, unwanted)
        xet_files.withdraw(tx, repo_id, unwanted)
        _record(hub, tx, deleter, row, unwanted, rewrites_history=True)
        conversions.plan(hub, tx, row)
        repositories.update(tx, repo_id, updated_ms=now)
        jobs.enqueue(tx, "history", {"repo": repo_id}, now, dedup_key=history_job(repo_id))
    return True


class _Rewriter:
    """Rewrites the histories of a repository without some files."""

    def __init__(self, hub: HubContext, tx: Read, repo_id: int, unwanted: set[Oid]) -> None:
        self.made: list[GitObject] = []
        self.commits: dict[Oid, tuple[Oid, ...]] = {}
        self._tx = tx
        self._repo_id = repo_id
        self._unwanted = unwanted
        self._read = Trees(hub.store, tx, repo_id).read
        self._trees: dict[Oid, Oid | None] = {}
        self._new: dict[Oid, Oid] = {}

    def target(self, oid: Oid) -> Oid:
        """Return the object that a ref must point at instead."""
        row = objects.find_row(self._tx, self._repo_id, oid)
        if row.kind == Kind.TAG:
            tag = parse_tag_object(objects.content_of(row))
            moved = self.target(tag.target)
            return (
                oid if moved == tag.target else self._make(Kind.TAG, encode_tag_object(attrs.evolve(tag, target=moved)))
            )
        for ancestor in reversed(commits.ancestors(self._tx, self._repo_id, oid)):
            if ancestor not in self._new:
                self._new[ancestor] = self._commit(ancestor, objects.read_commit(self._tx, self._repo_id, ancestor))
        return self._new[oid]

    def _commit(self, oid: Oid, commit: Commit) -> Oid:
        tree = self._tree(commit.tree) or EMPTY_TREE
        parents = tuple(self._new[parent] for parent in commit.parents)
        if (tree, parents) == (commit.tree, commit.parents):
            return oid
        if tree == EMPTY_TREE:
            self._make(Kind.TREE, b"")
        # A signature over the old content would be invalid.
        extra = tuple((key, value) for key, value in commit.extra if not key.startswith("gpgsig"))
        made = self._make(Kind.COMMIT, encode_commit(attrs.evolve(commit, tree=tree, parents=parents, extra=extra)))
        self.commits[made] = parents
        return made

    def _tree(self, oid: Oid) -> Oid | None:
        """Return the tree without the files; None if it is empty then."""
        if oid not in self._trees:
            entries = parse_tree(self._read(oid)) if oid != EMPTY_TREE else []
            kept = [moved for entry in entries if (moved := self._entry(entry)) is not None]
            if kept == entries:
                self._trees[oid] = oid
            else:
                self._trees[oid] = self._make(Kind.TREE, encode_tree(kept)) if kept else None
        return self._trees[oid]

    def _entry(self, entry: Entry) -> Entry | None:
        if entry.is_folder:
            tree = self._tree(entry.oid)
            return None if tree is None else entry._replace(oid=tree)
        return None if entry.oid in self._unwanted else entry

    def _make(self, kind: Kind, content: bytes) -> Oid:
        made = objects.of(kind, content)
        self.made.append(made)
        return made.oid
