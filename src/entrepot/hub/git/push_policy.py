"""The policy for pushes: checks of all objects, then of each command, before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping

from entrepot.catalog import Lock, Read
from entrepot.catalog.files import files
from entrepot.catalog.git import objects
from entrepot.catalog.repos import commits as commit_rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidName, InvalidOperation, LargeFileMissing, Malformed, NotAllowed
from entrepot.git import Kind, Pointer, parse_tag_object
from entrepot.git.commands import Command
from entrepot.hub import access
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.files import rechunking
from entrepot.hub.files.preparation import admit
from entrepot.hub.git.push_contents import PushContents
from entrepot.hub.git.push_locks import PushGuard
from entrepot.hub.repos import locks, protections
from entrepot.names import CONVERT, MAIN, Oid, RefName, RepoPath, Sha256, parse_branch, parse_tag
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees

_PULL = re.compile(r"refs/pr/[1-9][0-9]{0,9}")


def check_history(tx: Read, repo_id: int, found: PushContents) -> None:
    """Raise if parents or files of the pushed commits are missing.

    Raises:
        Malformed: some are neither in the push nor in the repository.
    """
    for parent in found.parents_beyond:
        if commit_rows.generation(tx, repo_id, parent) is None:
            raise Malformed("push", f"the commit {parent} is missing; fetch and try again")
    if not objects.are_present(tx, repo_id, found.beyond):
        raise Malformed("push", "objects that the new commits need are missing; fetch and try again")


def check_names(hub: HubContext, tx: Read, repo_id: int, found: PushContents) -> None:
    """Raise if new paths break the rules of names, as in an HTTP commit.

    Paths that exist in a stored parent are accepted, so a push that changes other
    files, or removes some of these, is not refused because of them.

    Raises:
        InvalidPath: with the first path and advice.
    """
    if not found.faults:
        return
    trees = Trees(hub.store, tx, repo_id)
    roots = [stored.root_of(hub.store, tx, repo_id, parent) for parent in found.parents_beyond]
    for fault in found.faults:
        if all(trees.find(root, RepoPath(fault.path)) is None for root in roots):
            raise fault


def find_revived_pointers(hub: HubContext, tx: Read, repo_id: int, found: PushContents) -> dict[RepoPath, Pointer]:
    """Return known pointers to deleted files that a push adds at paths where no earlier commit had them.

    Pointers that an earlier commit has at the same path are ignored, because a push
    that changes another file need not upload them. If a file was uploaded again,
    every pointer to it counts, because the next sweep deletes files that no commit names.
    """
    dead = objects.pointers_to_deleted_files(tx, repo_id, found.beyond)
    if not dead:
        return {}
    trees = Trees(hub.store, tx, repo_id)
    roots = [stored.root_of(hub.store, tx, repo_id, parent) for parent in found.parents_beyond]
    named: dict[RepoPath, Pointer] = {}
    for path, oid in found.places_of(dead.keys()):
        before = (trees.find(root, path) for root in roots)
        if dead[oid].is_back or all(entry is None or entry.oid != oid for entry in before):
            named[path] = Pointer(dead[oid].sha256, dead[oid].size)
    return named


def admit_large(
    hub: HubContext,
    author: Caller,
    row: RepoRow,
    found: PushContents,
    again: Mapping[RepoPath, Pointer],
    quota: Allowance,
) -> list[tuple[Sha256, RepoPath]]:
    """Admit the large files that a push names, and return them with the paths of their pointers.

    Args:
        again: result of :func:`named_again`.
        quota: the remaining quota of the namespace.

    Raises:
        QuotaExceeded: they exceed it.
        LargeFileMissing: the author may not use one of them.
        InvalidOperation: one has another size.
    """
    wanted = [(found.path_of(oid), pointer) for oid, pointer in found.pointers.items()] + [*again.items()]
    if not wanted:
        return []
    rechunking.verify_readable(hub, author, row, [pointer.sha256 for _, pointer in wanted])
    # Looked up, linked and touched in one transaction: no sweep can run in between.
    with hub.write(Lock.repo(row.id), *(Lock.file(pointer.sha256) for _, pointer in wanted)) as tx:
        sizes = admit(tx, author, row, [pointer.sha256 for _, pointer in wanted], quota, hub.now_ms())
        files.touch(tx, list(sizes), hub.now_ms())
    for path, pointer in wanted:
        if pointer.sha256 not in sizes:
            raise LargeFileMissing(path, pointer.sha256)
        if sizes[pointer.sha256] != pointer.size:
            reason = f"the stored object {pointer.sha256} has {sizes[pointer.sha256]} bytes, not {pointer.size}"
            raise InvalidOperation(path, reason)
    return [(pointer.sha256, path) for path, pointer in wanted]


def find_refusal(tx: Read, row: RepoRow, command: Command, found: PushContents, guard: PushGuard) -> str | None:
    """Return why a command must be refused, regardless of the present refs, or None."""
    try:
        _check_name(command.ref, is_stored=command.new is None)
    except InvalidName as error:
        return error.message
    if command.ref.startswith("refs/pr/") and None in (command.old, command.new):
        return "pull requests are opened and closed through the API"
    try:
        access.check_ref(row, command.ref)
    except NotAllowed as error:
        return error.message
    if command.new is None and command.ref == MAIN:
        return f"{MAIN} cannot be deleted"
    if command.new is not None:
        reason = _target_refusal(tx, row.id, command, found, guard)
        if reason is not None:
            return reason
    return _protection_refusal(tx, row, command, found)


def _protection_refusal(tx: Read, row: RepoRow, command: Command, found: PushContents) -> str | None:
    return protections.find_refusal(
        row, RefName(command.ref), command.old, command.new, lambda: _is_forward(tx, row.id, command, found)
    )


def _is_forward(tx: Read, repo_id: int, command: Command, found: PushContents) -> bool:
    """Return whether the history of the new commit contains the old one."""
    assert command.old is not None
    assert command.new is not None
    waiting, seen = [command.new], set[Oid]()
    while waiting:
        oid = waiting.pop()
        if oid == command.old:
            return True
        if oid in seen:
            continue
        seen.add(oid)
        if oid in found.commits:
            waiting += found.commits[oid].parents
        elif commit_rows.is_ancestor(tx, repo_id, command.old, oid):
            return True
    return False


def _check_name(ref: str, *, is_stored: bool) -> None:
    if ref.startswith(("refs/heads/", CONVERT)):
        parse_branch(ref, is_stored=is_stored)
    elif ref.startswith("refs/tags/"):
        parse_tag(ref, is_stored=is_stored)
    elif not _PULL.fullmatch(ref):
        raise InvalidName("ref", ref, "push to refs/heads/, refs/tags/, refs/convert/ or a pull request that is open")


def find_late_refusal(tx: Read, row: RepoRow, command: Command, found: PushContents, guard: PushGuard) -> str | None:
    """Return why a command that :func:`find_refusal` has accepted must be refused since, or None.

    Args:
        row: the repository as it is now, which may have got protections.
        guard: the locks that were taken since.
    """
    if guard.held and command.new is not None:
        reason = _target_refusal(tx, row.id, command, found, guard)
        if reason is not None:
            return reason
    return _protection_refusal(tx, row, command, found)


def _target_refusal(tx: Read, repo_id: int, command: Command, found: PushContents, guard: PushGuard) -> str | None:
    """Return why a ref cannot point there: branches point at commits, tags at commits or at tags of commits."""
    assert command.new is not None
    oid, is_tag = command.new, command.ref.startswith("refs/tags/")
    for _ in range(8):
        if oid in found.commits or commit_rows.generation(tx, repo_id, oid) is not None:
            old = None if is_tag else command.old
            lock = guard.find(old, oid, lambda: _is_forward(tx, repo_id, command, found))
            return None if lock is None else locks.refusal(lock)
        tag = found.tags.get(oid)
        if tag is None:
            row = objects.find(tx, repo_id, oid)
            if row is None:
                return f"the object {oid} is missing in the push"
            if row.kind != Kind.TAG:
                break
            tag = parse_tag_object(stored.content_of(row))
        if not is_tag:
            break
        oid = tag.target
    return "it would point at an object that is not a commit"
