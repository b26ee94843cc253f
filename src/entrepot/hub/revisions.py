"""Resolve revisions: the branch, tag, ref or commit that a text names."""

from __future__ import annotations

import contextlib
import re

import attrs

from entrepot.catalog import Announcement as Announcement
from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import RevisionNotFound
from entrepot.names import CONVERT, MAIN, Oid, RefName, RepoRef, branch_ref, is_oid, parse_revision, tag_ref
from entrepot.storage import objects as stored
from entrepot.storage.store import Store

_SHORT = re.compile(r"[0-9a-f]{5,39}")


@attrs.frozen
class BranchHead:
    """A ref that can receive commits, and its current commit."""

    ref: RefName
    head: Oid


@attrs.frozen
class ReadableTree:
    """A repository that a caller may read, and the commit and the root tree that a revision names in it."""

    repo: RepoRow
    commit: Oid
    root: Oid


def resolve(tx: Read, repo_id: int, revision: str) -> Oid:
    """Return the commit that a revision names.

    Looked up in this order: full ref name, full commit id, branch, tag,
    ``HEAD`` (main), abbreviated (at least 5 digits) commit id.

    Raises:
        RevisionNotFound: no commit, or more than one, has this name.

    Source: docs/protocols/hf_api.md, section 0.4, "Revision resolution order".
    """
    text = parse_revision(revision)
    if is_oid(text):
        row = objects.find(tx, repo_id, text)
        if row is not None and row.kind == "commit":
            return text
    names = _names_of(text)
    found = refs.find_many(tx, repo_id, names)
    for name in names:
        if name in found:
            # Only tags can point at objects other than commits.
            return stored.peel(tx, repo_id, found[name]) if name.startswith("refs/tags/") else found[name]
    if not _SHORT.fullmatch(text):
        raise RevisionNotFound(revision)
    matching = objects.with_prefix(tx, repo_id, text)
    if len(matching) != 1:
        raise RevisionNotFound(revision)
    return matching[0]


def _names_of(text: str) -> list[RefName]:
    """Return the refs that a revision can name, in the order in which they are looked up."""
    names = [RefName(text)] if text.startswith("refs/") else []
    return [*names, branch_ref(text), tag_ref(text), *([MAIN] if text == "HEAD" else [])]


def lookups(ref: RepoRef, revision: str) -> Announcement:
    """Return a function that announces that a repository will be found, and a revision of it resolved.

    Rights are judged when the rows are there; as much is read for a hidden repository as for any other.
    """

    def announce(tx: Read) -> None:
        repositories.ask_ahead(tx, ref)
        with contextlib.suppress(RevisionNotFound):  # which is raised when it is resolved
            text = parse_revision(revision)
            if not is_oid(text):
                refs.ask_ahead_many(tx, ref, _names_of(text))

    return announce


def is_short_id(tx: Read, repo_id: int, text: str) -> bool:
    """Return whether the text is an abbreviated id of a commit of the repository."""
    return bool(_SHORT.fullmatch(text)) and bool(objects.with_prefix(tx, repo_id, text))


def branch(tx: Read, repo_id: int, revision: str) -> BranchHead:
    """Return the branch, pull-request head or converted copy that a revision names, for writing.

    Raises:
        RevisionNotFound: nothing has this name, or a tag or commit has it.
    """
    names = _branch_names_of(revision)
    found = refs.find_many(tx, repo_id, names)
    for name in names:
        if name in found:
            return BranchHead(name, found[name])
    raise RevisionNotFound(revision)


def _branch_names_of(revision: str) -> list[RefName]:
    """Return the refs that a revision can name for writing; errors as :func:`parse_revision`."""
    text = parse_revision(revision)
    if text == "HEAD":
        return [MAIN]
    names = [RefName(text)] if text.startswith(("refs/heads/", "refs/pr/", CONVERT)) else []
    return [*names, branch_ref(text)]


def branch_lookups(ref: RepoRef, revision: str) -> Announcement:
    """Return a function as :func:`lookups`, for a revision to which something is written."""

    def announce(tx: Read) -> None:
        repositories.ask_ahead(tx, ref)
        with contextlib.suppress(RevisionNotFound):
            refs.ask_ahead_many(tx, ref, _branch_names_of(revision))

    return announce


def tree_of(store: Store, tx: Read, repo_id: int, revision: str) -> tuple[Oid, Oid]:
    """Return the commit and the root tree that a revision names.

    Raises:
        RevisionNotFound: no commit has this name.
    """
    commit = resolve(tx, repo_id, revision)
    return commit, stored.root_of(store, tx, repo_id, commit)
