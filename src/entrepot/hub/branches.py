"""Branches and tags: listed, made, removed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Read, Write, objects, refs, repos
from entrepot.catalog.repos import RepoRow
from entrepot.errors import AlreadyExists, NotAllowed, Refused, RevisionNotFound
from entrepot.git import EMPTY_TREE, Kind, Signature, Tag, encode_tag_object
from entrepot.hub import access, audit, events, grants, protections, revisions
from entrepot.hub.callers import Anyone, Caller
from entrepot.hub.house import Hub
from entrepot.hub.publishing import Move, Publication, commit_object, publish
from entrepot.names import MAIN, Oid, RefName, RepoRef, parse_branch, parse_tag, short_name
from entrepot.storage import objects as stored


@attrs.frozen
class Pointed:
    """A ref and the commit it leads to."""

    ref: RefName
    commit: Oid


def list_refs(hub: Hub, caller: Anyone, ref: RepoRef) -> Sequence[Pointed]:
    """Every branch, tag and pull-request head, by ref name.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        return [
            Pointed(name, stored.peel(tx, row.id, oid) if name.startswith("refs/tags/") else oid)
            for name, oid in refs.everything(tx, row.id)
        ]


def create_branch(
    hub: Hub, caller: Anyone, ref: RepoRef, name: str, *, start: str | None, is_empty: bool, overwrites: bool
) -> None:
    """Make a branch.

    Args:
        start: the revision it begins at; None is the head of main.
        is_empty: begin with one commit without files instead.
        overwrites: move a branch that exists (not main).

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        InvalidName, RevisionNotFound: the name or the start cannot be used.
        AlreadyExists: the branch exists, or one below or above it (``a`` and ``a/b``).
    """
    branch = parse_branch(name)
    if is_empty:
        _create_empty(hub, caller, ref, branch, overwrites=overwrites)
        return
    with hub.write() as tx:
        row, _ = access.writable(tx, caller, ref)
        old = _free(tx, row.id, branch, overwrites=overwrites)
        if old is not None:
            protections.check_rewriting(row, branch)
        # Resolved in the transaction that names it: no sweep can come between.
        target = revisions.resolve(tx, row.id, start or "main")
        if old != target:
            refs.swap(tx, row.id, branch, old, target, hub.now_ms())
            events.emit_content(hub, tx, row, [events.Moved(branch, old, target)])
        repos.update(tx, row.id, updated_ms=hub.now_ms())


def _create_empty(hub: Hub, caller: Anyone, ref: RepoRef, branch: RefName, *, overwrites: bool) -> None:
    with hub.read() as tx:
        row, maker = access.writable(tx, caller, ref)
        old = _free(tx, row.id, branch, overwrites=overwrites)
        if old is not None:
            protections.check_rewriting(row, branch)
    tree = stored.of(Kind.TREE, b"")
    assert tree.oid == EMPTY_TREE
    commit = commit_object(hub, maker, tree.oid, (), "initial commit")
    rows = [stored.row_of(item) for item in (tree, commit)]
    with hub.write() as tx:
        grants.recheck(tx, maker, row, branch, hub.now_ms())
        _check_clash(tx, row.id, branch)
        move = Move(branch, old, commit.oid)
        if not publish(hub, tx, Publication(row.id, move, (), rows, (), (), maker.account.id)):
            raise AlreadyExists(f"Reference {branch} already exists")


def delete_branch(hub: Hub, caller: Anyone, ref: RepoRef, name: str) -> None:
    """Remove a branch.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access, or it is main.
        RevisionNotFound: there is none.
        Refused: the branch is protected.
    """
    branch = parse_branch(name)
    with hub.write() as tx:
        row, dropper = access.writable(tx, caller, ref)
        if branch == MAIN:
            raise NotAllowed(f"Cannot delete {MAIN}")
        _drop(hub, tx, dropper, row, branch)


def create_tag(hub: Hub, caller: Anyone, ref: RepoRef, revision: str, name: str, message: str | None) -> None:
    """Tag the commit that a revision names; with a message, as an annotated tag.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        InvalidName, RevisionNotFound: the name or the revision cannot be used.
        AlreadyExists: the tag exists.
    """
    tag = parse_tag(name)
    with hub.write() as tx:
        row, tagger = access.writable(tx, caller, ref)
        commit = revisions.resolve(tx, row.id, revision)
        target = commit
        if message:
            who = Signature(tagger.account.name, f"{tagger.account.name}@users.noreply.entrepot", hub.now_ms() // 1000)
            annotated = stored.of(Kind.TAG, encode_tag_object(Tag(commit, Kind.COMMIT, short_name(tag), who, message)))
            objects.put(tx, row.id, [stored.row_of(annotated)], hub.now_ms())
            target = annotated.oid
        _check_clash(tx, row.id, tag)
        if not refs.swap(tx, row.id, tag, None, target, hub.now_ms()):
            raise AlreadyExists(f"Tag {short_name(tag)} already exists")
        events.emit_content(hub, tx, row, [events.Moved(tag, None, target)])


def delete_tag(hub: Hub, caller: Anyone, ref: RepoRef, name: str) -> None:
    """Remove a tag.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        RevisionNotFound: there is none.
    """
    tag = parse_tag(name)
    with hub.write() as tx:
        row, dropper = access.writable(tx, caller, ref)
        _drop(hub, tx, dropper, row, tag)


def _free(tx: Read, repo_id: int, branch: RefName, *, overwrites: bool) -> Oid | None:
    """Where a branch is that may be moved; None when there is none yet."""
    old = refs.find(tx, repo_id, branch)
    if old is not None and not (overwrites and branch != MAIN):
        raise AlreadyExists(f"Reference {branch} already exists")
    _check_clash(tx, repo_id, branch)
    return old


def find_clash(tx: Read, repo_id: int, name: RefName) -> RefName | None:
    """A ref above or below which no git repository can hold another one of this name."""
    for other, _ in refs.everything(tx, repo_id):
        if other.startswith(f"{name}/") or name.startswith(f"{other}/"):
            return other
    return None


def _check_clash(tx: Read, repo_id: int, name: RefName) -> None:
    other = find_clash(tx, repo_id, name)
    if other is not None:
        raise AlreadyExists(f"Reference {other} already exists, so there can be no {name}")


def _drop(hub: Hub, tx: Write, dropper: Caller, row: RepoRow, name: RefName) -> None:
    old = refs.find(tx, row.id, name)
    if old is None:
        raise RevisionNotFound(name)
    protections.check_deletion(row, name)
    if not refs.swap(tx, row.id, name, old, None, hub.now_ms()):
        raise Refused(f"{name} was moved meanwhile; try again")
    events.emit_content(hub, tx, row, [events.Moved(name, old, None)])
    audit.record(hub, tx, dropper, "ref.delete", access.subject(row), {"ref": name, "was": old})
