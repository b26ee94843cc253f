"""Resets: unstaging, discarding changes, and undoing a version that is not published."""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Mapping, Sequence

import attrs
import msgspec

from entrepot.errors import Refused, VersionMissing
from entrepot.names import RepoPath
from entrepot.workspace.entities.version_tags import find_tag, parse_tag
from entrepot.workspace.metadata.git_objects import read_message
from entrepot.workspace.metadata.merge_lines import merged_in
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import compare
from entrepot.workspace.projects.files.placements import CheckoutPlan, check_places, finish_checkout, remove_files
from entrepot.workspace.projects.files.scans import scan_entity
from entrepot.workspace.projects.heads import head_path, write_head_file
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.transfers.checkouts import fetch_contents
from entrepot.workspace.projects.transfers.pushes import free_outbox
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.state.rows import Extent, FileChange, Head, StagedFile, Step, TrackedFile

_MAX_MESSAGE = 1 << 20


class ResetMode(enum.StrEnum):
    """What a reset changes: only the head, also what is staged, or also the workspace."""

    SOFT = "soft"
    MIXED = "mixed"
    HARD = "hard"


@attrs.frozen
class ResetReport:
    """The head after a reset, and the tag of the version that was undone, if any."""

    head: str | None
    undone: str | None


def reset_entity(entity: Entity, mode: ResetMode = ResetMode.MIXED, *, undoes_version: bool = False) -> ResetReport:
    """Reset one entity; other entities and untracked files are not touched.

    Args:
        undoes_version: undo the version of the head, which must not be published. What was merged into it is
            merged into the version that is made next, unless its files are discarded too (``hard``).

    Raises:
        Refused: the version is published; nothing was changed.
        VersionMissing: there is no version to undo.
        ChunkMissing, StorageUnreachable: contents cannot be restored; the workspace is unchanged.
    """
    state = entity.state
    recover(state)
    with state.locked():
        merged = _merged_into_head(entity) if undoes_version else []
        undone = _undo_version(entity, merged) if undoes_version else None
        if mode is ResetMode.HARD:
            _restore(entity)
        elif mode is ResetMode.MIXED:
            _unstage(entity, merged)
        if mode is not ResetMode.SOFT and state.metadata.exists:
            free_outbox(state)
        head = state.database.head(entity.folder)
    return ResetReport(head.tag if head is not None else None, undone)


def _merged_into_head(entity: Entity) -> list[str]:
    """Return the tags of the versions that were merged into that of the head."""
    head = entity.state.database.head(entity.folder)
    if head is None:
        return []
    named = merged_in(read_message(entity.state.metadata.git, head.commit, _MAX_MESSAGE))
    return [tag for tag in named if find_tag(tag) is not None]


def _undo_version(entity: Entity, merged: Sequence[str]) -> str:
    """Move the head to the previous version, and stage the difference and what was merged."""
    state, database = entity.state, entity.state.database
    head, refs = database.head(entity.folder), state.metadata.refs()
    if head is None:
        raise VersionMissing(entity.name, "the entity has no version to undo")
    local = refs.unpublished.get(head.tag)
    if local is None or local.commit != head.commit:
        raise Refused(f"{head.tag} is published and cannot be undone; commit a new version instead")
    version = read_version(state, parse_tag(head.tag), head.commit)
    before = _base_version(entity, head)
    difference = _difference(before, version, database.files(entity.folder))
    staged = database.staged(entity.folder)
    base = None
    if before is not None:
        base = Head(str(before.tag), before.commit, head.extent, database.base(str(before.tag)))
    merged = [*merged, *(tag for tag in database.merged(entity.folder) if tag not in merged)]
    with database.transaction() as transaction:
        transaction.drop_files(entity.folder)
        transaction.put_files(entity.folder, difference.tracked)
        transaction.unstage(entity.folder)
        transaction.stage(entity.folder, difference.changes | staged)
        for tag in merged:
            transaction.add_merged(entity.folder, tag)
        transaction.set_head(entity.folder, base)
        transaction.set_base(head.tag, None)
    state.metadata.forget(head.tag)
    if base is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(head_path(state, entity.name))
    else:
        write_head_file(entity, base.tag, base.commit)
    return head.tag


@attrs.frozen
class _Difference:
    """A version as a change of the one before it: the tracked files of that one, and the changes to stage."""

    tracked: dict[RepoPath, TrackedFile]
    changes: dict[RepoPath, StagedFile]


def _difference(before: Version | None, version: Version, rows: Mapping[RepoPath, TrackedFile]) -> _Difference:
    """Return the difference between a version and the one before it.

    Args:
        rows: the tracked files of ``version``.
    """
    base_files = before.manifest.files if before is not None else {}
    changes: dict[RepoPath, StagedFile] = {path: StagedFile(FileChange.DELETED) for path in base_files}
    unchanged: dict[RepoPath, TrackedFile] = {}
    for path, entry in version.manifest.files.items():
        old, row = base_files.get(path), rows.get(path)
        changes.pop(path, None)
        if old is None or old.content != entry.content:
            kind = FileChange.NEW if old is None else FileChange.MODIFIED
            changes[path] = StagedFile(kind, entry, row.state if row is not None else None)
        elif row is not None:
            unchanged[path] = row
    changed = {path: TrackedFile(entry) for path, entry in base_files.items() if path in changes}
    return _Difference(unchanged | changed, changes)


def _base_version(entity: Entity, head: Head) -> Version | None:
    tag = head.base or entity.state.database.base(head.tag)
    ref = entity.state.metadata.refs().find(tag) if tag is not None else None
    return read_version(entity.state, parse_tag(tag), ref.commit) if ref is not None and tag is not None else None


def _unstage(entity: Entity, merged: Sequence[str]) -> None:
    """Forget what is staged; files on disk stay as they are, and new ones become untracked.

    Args:
        merged: versions that stay merged, because their changes are among these files.
    """
    database = entity.state.database
    head = database.head(entity.folder)
    documents: dict[str, bytes] = {}
    if head is not None:
        documents = read_version(entity.state, parse_tag(head.tag), head.commit).documents
        documents = {name: content for name, content in documents.items() if not name.endswith(".spec")}
        documents[entity.spec_path.name] = entity.spec_text().encode("utf-8")
    with database.transaction() as transaction:
        transaction.unstage(entity.folder)
        for tag in merged:
            transaction.add_merged(entity.folder, tag)
        transaction.put_documents(entity.folder, documents)


def _restore(entity: Entity) -> None:
    """Give tracked files the content of the head again, and remove files that were staged as new."""
    state, database = entity.state, entity.state.database
    head = database.head(entity.folder)
    staged = database.staged(entity.folder)
    new = [path for path, change in staged.items() if change.change is FileChange.NEW]
    if head is None:
        remove_files(entity, new)
        with database.transaction() as transaction:
            transaction.unstage(entity.folder)
            transaction.put_documents(entity.folder, {})
        return
    version = read_version(state, parse_tag(head.tag), head.commit)
    tracked, files = database.files(entity.folder), version.manifest.files
    scan = scan_entity(entity, follows_links=True)
    found = compare(scan, tracked, {}, version.spec.mutability)
    differing = {*found.changed, *found.corrupted, *found.missing}
    placed = [path for path in tracked if path in differing and path in files]
    kept = [path for path in tracked if path not in differing and path in files]
    removed = [path for path in new if path not in files]
    check_places(entity, placed)
    fetch_contents(state, version, placed)
    plan = CheckoutPlan(
        head.tag, head.commit, Extent(head.extent).value, head.base, [*map(str, placed)], [*map(str, kept)],
        [*map(str, removed)],
    )  # fmt: skip
    with database.transaction() as transaction:
        transaction.set_journal(entity.folder, Step("checkout", plan.tag, msgspec.json.encode(plan)))
    finish_checkout(entity, plan)
