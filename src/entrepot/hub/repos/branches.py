"""Use cases on branches and tags: list, create, delete."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import AlreadyExists, LimitExceeded, NotAllowed, Refused, RevisionNotFound
from entrepot.git import EMPTY_TREE, Kind, Signature, Tag, encode_tag_object
from entrepot.git.commits import MAX_COMMIT
from entrepot.hub import access, audit, capabilities, events, revisions
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.pages import NamePage
from entrepot.hub.repos import locks, protections
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.hub.scanning import policies
from entrepot.names import MAIN, Oid, RefName, RepoRef, branch_ref, parse_branch, parse_tag, short_name, tag_ref
from entrepot.storage import objects as stored


@attrs.frozen
class RefHead:
    """A ref and the commit that it points at."""

    ref: RefName
    commit: Oid


def list_refs(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> Sequence[RefHead]:
    """Return every branch, tag and pull-request head, by ref name.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        return _heads(tx, row, refs.everything(tx, row.id))


def page_refs(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, prefix: str, *, part: str = "", after: str = "", limit: int
) -> NamePage[RefHead]:
    """Return a page of the refs of one kind, such as ``refs/tags/``, by name.

    Args:
        part: only those whose names contain this text.
        after: the last name of the previous page.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        found = refs.page(tx, row.id, prefix, part=part, after=after, limit=limit + 1)
        items = _heads(tx, row, found[:limit])
    return NamePage(items, found[limit - 1][0] if len(found) > limit else None)


def first_refs(hub: HubContext, caller: MaybeCaller, ref: RepoRef, most: int) -> Sequence[RefName]:
    """Return the names of the first branches, tags and pull requests, in this order; at most ``most`` in all.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    found: list[RefName] = []
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        for prefix in ("refs/heads/", "refs/tags/", "refs/pr/"):
            if len(found) < most:
                found += [name for name, _ in refs.page(tx, row.id, prefix, limit=most - len(found))]
    return found


def _heads(tx: Read, row: RepoRow, found: Sequence[tuple[RefName, Oid]]) -> list[RefHead]:
    ends = stored.peel_all(tx, row.id, [oid for name, oid in found if name.startswith("refs/tags/")])
    return [RefHead(name, ends.get(oid, oid)) for name, oid in found]


def create_branch(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    name: str,
    *,
    start: str | None,
    is_empty: bool,
    overwrites: bool,
) -> None:
    """Create a branch.

    Args:
        start: the revision it starts at; None is the head of main.
        is_empty: start with one commit without files instead.
        overwrites: move an existing branch (not main).

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access, or only the hub may change the ref, and it exists.
        InvalidName, RevisionNotFound: the name or the start cannot be used.
        AlreadyExists: the branch exists, or one below or above it (``a`` and ``a/b``).
        Refused: the name is the beginning of the id of a commit; the branch is protected, or another user has locked
            a path that changes; or flagged files are refused, and the start has one that the old head (of a new
            branch: main) lacks.
    """
    branch = parse_branch(name)
    if is_empty:
        _create_empty(hub, caller, ref, branch, overwrites=overwrites)
        return
    with hub.write(access.lock(hub, caller, ref, access.committable)) as tx:
        row, maker = access.committable(tx, caller, ref)
        _check_maker(tx, row, branch)
        old = _replaceable_head(tx, row, branch, overwrites=overwrites)
        if old is not None:
            protections.check_rewriting(row, branch)
        # Resolved in the transaction that creates the ref: no sweep can run in between.
        target = revisions.resolve(tx, row.id, start or "main")
        if old != target:
            locks.check_move(hub, tx, row.id, maker.account.id, [] if old is None else [old], target)
            policies.check_moves(hub, tx, row, [(old, target)])
            refs.swap(tx, row.id, branch, old, target, hub.now_ms())
            events.emit_content(hub, tx, row, [events.RefChange(branch, old, target)])
        repositories.update(tx, row.id, updated_ms=hub.now_ms())


def _check_maker(tx: Read, row: RepoRow, branch: RefName) -> None:
    """Raise if a ref of the hub's own exists; callers may create it, and the next conversion replaces it."""
    if refs.find(tx, row.id, branch) is not None:
        access.check_ref(row, branch)


def _create_empty(hub: HubContext, caller: MaybeCaller, ref: RepoRef, branch: RefName, *, overwrites: bool) -> None:
    with hub.read() as tx:
        row, maker = access.committable(tx, caller, ref)
        _check_maker(tx, row, branch)
        old = _replaceable_head(tx, row, branch, overwrites=overwrites)
        if old is not None:
            protections.check_rewriting(row, branch)
    tree = stored.of(Kind.TREE, b"")
    assert tree.oid == EMPTY_TREE
    commit = commit_object(hub, maker, tree.oid, (), "initial commit")
    rows = [stored.row_of(item) for item in (tree, commit)]
    with hub.write(Lock.repo(row.id), ahead=capabilities.ahead_of_recheck(maker, row)) as tx:
        present, _ = capabilities.recheck(tx, maker, row, branch, hub.now_ms())
        _check_new(tx, row, branch)
        move = Move(branch, old, commit.oid)
        if not publish(hub, tx, present, Publication(row.id, move, (), rows, (), (), maker.account.id)):
            raise AlreadyExists(f"Reference {branch} already exists")


def delete_branch(hub: HubContext, caller: MaybeCaller, ref: RepoRef, name: str) -> None:
    """Delete a branch.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access, or it is main.
        RevisionNotFound: it does not exist.
        Refused: the branch is protected.
    """
    branch = parse_branch(name, is_stored=True)
    with hub.write(access.lock(hub, caller, ref, access.committable), Lock.audit()) as tx:
        row, dropper = access.committable(tx, caller, ref)
        access.check_ref(row, branch)
        if branch == MAIN:
            raise NotAllowed(f"Cannot delete {MAIN}")
        _drop(hub, tx, dropper, row, branch)


def create_tag(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, name: str, message: str | None
) -> None:
    """Tag the commit that a revision names; with a message, as an annotated tag.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        InvalidName, RevisionNotFound: the name or the revision cannot be used.
        AlreadyExists: the tag exists, or one below or above it.
        Refused: the name is the beginning of the id of a commit; or flagged files are refused, and the commit has
            one that main lacks.
    """
    with hub.write(access.lock(hub, caller, ref, access.committable)) as tx:
        row, tagger = access.committable(tx, caller, ref)
        commit = revisions.resolve(tx, row.id, revision)
        tag = parse_tag(name)
        target = commit
        if message:
            who = Signature(tagger.account.name, f"{tagger.account.name}@users.noreply.entrepot", hub.now_ms() // 1000)
            content = encode_tag_object(Tag(commit, Kind.COMMIT, short_name(tag), who, message))
            if len(content) > MAX_COMMIT:
                raise LimitExceeded("the size of a tag in bytes", MAX_COMMIT, "shorten its message")
            annotated = stored.of(Kind.TAG, content)
            objects.put(tx, row.id, [stored.row_of(annotated)], hub.now_ms())
            target = annotated.oid
        _check_new(tx, row, tag)
        policies.check_moves(hub, tx, row, [(None, commit)])
        if not refs.swap(tx, row.id, tag, None, target, hub.now_ms()):
            raise AlreadyExists(f"Tag {short_name(tag)} already exists")
        events.emit_content(hub, tx, row, [events.RefChange(tag, None, target)])


def delete_tag(hub: HubContext, caller: MaybeCaller, ref: RepoRef, name: str) -> None:
    """Delete a tag.

    Raises:
        RepoNotFound, LoginRequired, NotAllowed: no access.
        RevisionNotFound: it does not exist.
    """
    tag = parse_tag(name, is_stored=True)
    with hub.write(access.lock(hub, caller, ref, access.committable), Lock.audit()) as tx:
        row, dropper = access.committable(tx, caller, ref)
        _drop(hub, tx, dropper, row, tag)


def _replaceable_head(tx: Read, row: RepoRow, branch: RefName, *, overwrites: bool) -> Oid | None:
    """Return the head of an existing branch that may be moved; None if the branch does not exist."""
    old = refs.find(tx, row.id, branch)
    if old is not None and not (overwrites and branch != MAIN):
        raise AlreadyExists(f"Reference {branch} already exists")
    if old is None:
        _check_new(tx, row, branch)
    return old


def find_obstacle(tx: Read, row: RepoRow, name: RefName) -> AlreadyExists | Refused | None:
    """Return the error that prevents a ref of this name, or None.

    Git repositories cannot hold a ref above or below another one. If tags are
    immutable, a branch must not have the name of a tag, nor a tag that of a branch,
    because branches are resolved first. And no name may equal the abbreviated
    id of an existing commit.
    """
    other = refs.find_related(tx, row.id, name)
    if other is not None:
        return AlreadyExists(f"Reference {other} already exists, so there can be no {name}")
    short = short_name(name)
    twin = {branch_ref(short): tag_ref(short), tag_ref(short): branch_ref(short)}.get(name)
    if twin is not None and row.settings.get(protections.TAGS) and refs.find(tx, row.id, twin) is not None:
        reason = "the tags of this repository are immutable: no other ref may have this name"
        return AlreadyExists(f"Reference {twin} already exists, and {reason}")
    if twin is not None and revisions.is_short_id(tx, row.id, short):
        return Refused(f"'{short}' is the beginning of the id of a commit of this repository; choose another name")
    return None


def _check_new(tx: Read, row: RepoRow, name: RefName) -> None:
    obstacle = find_obstacle(tx, row, name)
    if obstacle is not None:
        raise obstacle


def _drop(hub: HubContext, tx: Write, dropper: Caller, row: RepoRow, name: RefName) -> None:
    old = refs.find(tx, row.id, name)
    if old is None:
        raise RevisionNotFound(name)
    protections.check_deletion(row, name)
    if not refs.swap(tx, row.id, name, old, None, hub.now_ms()):
        raise Refused(f"{name} was moved in the meantime; try again")
    events.emit_content(hub, tx, row, [events.RefChange(name, old, None)])
    audit.record(hub, tx, dropper, "ref.delete", access.subject(row), {"ref": name, "was": old})
