"""The last step of every change of content: one transaction that moves a ref."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.files import file_links, xet_files
from entrepot.catalog.files.file_links import LinkUser
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import activity, commits, refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, LargeFileMissing, LimitExceeded, Refused
from entrepot.git import Commit, Kind, Signature, encode_commit
from entrepot.git.commits import MAX_COMMIT
from entrepot.hub import events, file_mutability
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.conversions import conversions
from entrepot.hub.jobs import file_metadata
from entrepot.hub.jobs.indexing import history_job
from entrepot.hub.repos import locks, protections
from entrepot.hub.scanning import policies, scan_jobs
from entrepot.names import MAIN, Oid, RefName, RepoPath, RepoType, Sha256
from entrepot.storage import histories
from entrepot.storage import objects as stored
from entrepot.storage.objects import GitObject


@attrs.frozen
class Move:
    """A move of a ref from one commit to another; None means absent."""

    ref: RefName
    old: Oid | None
    new: Oid


@attrs.frozen
class Publication:
    """A move of a ref, with everything that must exist when it happens.

    ``rows``: the new commit and trees; ``parents``: of the new commit;
    ``large``: large files the commit names, admitted to the repository before;
    ``touched``: paths that changed, which decide about follow-up jobs;
    ``needed``: objects stored before, which no sweep may have deleted in the meantime;
    ``check_quota``: called with the transaction, checks the quota at its end.
    """

    repo_id: int
    move: Move
    parents: Sequence[Oid]
    rows: Sequence[ObjectRow]
    large: Sequence[tuple[Sha256, RepoPath]]
    touched: Collection[RepoPath]
    pusher_id: int
    needed: Collection[Oid] = ()
    check_quota: Callable[[Write], None] | None = None

    @property
    def present(self) -> Collection[Oid]:
        """The commits whose content is no change: the old one, but the parents for a pull request that gets a merge."""
        is_old = self.move.old is not None and not (is_proposal(self.move.ref) and len(self.parents) > 1)
        return [self.move.old] if is_old and self.move.old is not None else self.parents


def publish(hub: HubContext, tx: Write, row: RepoRow, publication: Publication) -> bool:
    """Store the last rows, move the ref, and enqueue the follow-up jobs.

    Args:
        row: the repository as it is now, read in this transaction under its lock.

    Returns:
        False if another writer moved the ref first; the caller then rolls
        the transaction back by raising an exception, or ends it.

    Raises:
        LargeFileMissing: a large file was swept in the meantime.
        Busy: an object was swept in the meantime; repeat everything.
        Refused: another user has locked a path that changes; the repository is strict, and a file would change;
            the branch is protected, and its history would be rewritten; or a scanner has flagged a new file.
    """
    now, repo_id, move = hub.now_ms(), publication.repo_id, publication.move
    refusal = protections.find_refusal(row, move.ref, move.old, move.new, lambda: move.old in publication.parents)
    if refusal is not None:  # protected since the change was prepared
        raise Refused(refusal)
    _ask_ahead(tx, row, publication)
    if not refs.swap(tx, repo_id, move.ref, move.old, move.new, now):
        return False
    tx.proof = functools.partial(has_moved, repo_id, {move.ref: move.new})
    objects.put(tx, repo_id, publication.rows, now)
    if not objects.are_present(tx, repo_id, publication.needed):
        raise Busy("the repository")
    histories.record(tx, repo_id, move.new, publication.parents)
    locks.check_move(hub, tx, repo_id, publication.pusher_id, publication.present, move.new)
    file_mutability.check_move(hub, tx, row, move.ref, move.old, move.new)
    link_files(tx, repo_id, publication.large, publication.pusher_id, move.ref, now)
    policies.check_moves(hub, tx, row, [(move.old, move.new)])
    has_card = move.ref == MAIN and touches_card(row.type, publication.touched)
    has_large, proposes = bool(publication.large), is_proposal(move.ref)
    follow_up(hub, tx, repo_id, has_large=has_large, has_card=has_card, is_proposal=proposes)
    if move.ref == MAIN:
        conversions.plan(hub, tx, row)
    events.emit_content(hub, tx, row, [events.RefChange(move.ref, move.old, move.new)])
    activity.add(tx, row, publication.pusher_id, now)
    if publication.check_quota is not None:
        publication.check_quota(tx)
    return True


def _ask_ahead(tx: Read, row: RepoRow, publication: Publication) -> None:
    """Announce what :func:`publish` reads after it has moved the ref, and does not change itself."""
    for parent in publication.parents:
        commits.ask_ahead_generation(tx, row.id, parent)
    locks.ask_ahead(tx, row.id, publication.pusher_id)
    events.ask_ahead(tx, row)


def is_proposal(ref: RefName) -> bool:
    """Return whether a ref is the head of a pull request."""
    return ref.startswith("refs/pr/")


def has_moved(repo_id: int, moves: Mapping[RefName, Oid | None], tx: Read) -> bool:
    """Return whether each ref is at its commit or at a descendant of it; None: whether the ref was deleted."""
    for ref, new in moves.items():
        head = refs.find(tx, repo_id, ref)
        if head != new and (head is None or new is None or not commits.is_ancestor(tx, repo_id, new, head)):
            return False
    return True


def follow_up(
    hub: HubContext, tx: Write, repo_id: int, *, has_large: bool, has_card: bool, is_proposal: bool = False
) -> None:
    """Record that a repository has changed, and enqueue the jobs that this requires.

    Args:
        has_large: large files were named.
        has_card: the metadata in listings may have changed.
        is_proposal: only heads of pull requests moved, so the repository's date stays.
    """
    now = hub.now_ms()
    if not is_proposal:
        repositories.update(tx, repo_id, updated_ms=now)
    jobs.enqueue(tx, "history", {"repo": repo_id}, now, dedup_key=history_job(repo_id))
    if has_large:
        key = f"chunk:{repo_id}"
        jobs.enqueue(tx, "chunk", {"repo": repo_id}, now, dedup_key=key, delay_ms=hub.settings.chunk_delay_s * 1000)
    if has_card:
        jobs.enqueue(tx, "card", {"repo": repo_id}, now, dedup_key=card_job(repo_id))
    scan_jobs.plan(hub, tx, repo_id)


def link_files(
    tx: Write, repo_id: int, large: Sequence[tuple[Sha256, RepoPath]], pusher_id: int, ref: RefName, now_ms: int
) -> None:
    """Record the paths and the ref of large files in new commits.

    The files must be admitted to the repository before, which checks the right to
    them; nothing is linked because of its sha256 alone.

    Raises:
        LargeFileMissing: a file was swept since it was admitted, or never was admitted.
    """
    wanted = [sha256 for sha256, _ in large]
    linked = file_links.usable(tx, repo_id, wanted)
    missing = [sha256 for sha256 in wanted if sha256 not in linked]
    claimed = xet_files.claimed(tx, repo_id, missing, LinkUser(pusher_id, is_writer=True)) if missing else {}
    xet_files.link_claimed(tx, repo_id, claimed, pusher_id, now_ms)
    for sha256, path in large:
        if sha256 not in linked and sha256 not in claimed:
            raise LargeFileMissing(path, sha256)
    file_links.name_links(tx, repo_id, large, ref, now_ms, pusher_id=pusher_id)


def touches_card(kind: RepoType, touched: Collection[RepoPath]) -> bool:
    """Return whether a change of these paths may change the repository's metadata in listings."""
    return any("/" not in path for path in touched) or file_metadata.may_describe(kind, touched)


def card_job(repo_id: int) -> str:
    """Return the deduplication key of the job that indexes a repository's card."""
    return f"card:{repo_id}"


def commit_object(
    hub: HubContext, author: Caller, tree: Oid, parents: tuple[Oid, ...], summary: str, description: str = ""
) -> GitObject:
    """Return a git commit object with the caller as author and the current time.

    Raises:
        LimitExceeded: the message is too long.
    """
    # The summary is one line, because text after a newline would become part of the description.
    title = " ".join(summary.split("\n"))
    message = f"{title}\n\n{description}" if description else title
    signature = Signature(author.account.name, f"{author.account.name}@users.noreply.entrepot", hub.now_ms() // 1000)
    content = encode_commit(Commit(tree, parents, signature, signature, message))
    if len(content) > MAX_COMMIT:
        raise LimitExceeded("the size of a commit in bytes", MAX_COMMIT, "shorten its message")
    return stored.of(Kind.COMMIT, content)
