"""The status of an entity: what is staged, untracked, corrupted and changed, and what is not published."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

import attrs

from entrepot.errors import ProjectBusy
from entrepot.names import RepoPath
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import compare, refreshed
from entrepot.workspace.projects.files.scans import scan_entity
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.state.locks import exclusive
from entrepot.workspace.state.rows import FileChange, Head, StagedFile, TrackedFile
from entrepot.workspace.stores import FileState


@attrs.frozen
class StatusReport:
    """The status of an entity; all paths are relative to its folder.

    Attributes:
        staged: changes that the next commit contains: what was changed, and the path.
        changed: tracked files that differ and may be added; deleted ones have ``deleted`` as their change.
        unpublished: tags of versions that ``push`` would publish, ascending.
    """

    kind: str
    name: str
    head: Head | None
    staged: tuple[tuple[FileChange, str], ...]
    untracked: tuple[str, ...]
    corrupted: tuple[str, ...]
    changed: tuple[tuple[FileChange, str], ...]
    unpublished: tuple[str, ...]


def read_status(entity: Entity) -> StatusReport:
    """Return the status of an entity. Files are read only if their size, times or inode have changed.

    Raises:
        Malformed, InvalidName: the spec cannot be used.
        SourceUnreadable: a file cannot be read.
    """
    state = entity.state
    recover(state)
    spec, scan = entity.spec(), scan_entity(entity)
    database = state.database
    tracked, staged = database.files(entity.folder), database.staged(entity.folder)
    added = database.documents(entity.folder)
    found = compare(scan, tracked, staged, spec.mutability)
    _remember(entity, found.seen, tracked, staged)
    documents = entity.documents()
    untracked = [name for name in documents if name not in added]
    edited = [name for name, content in documents.items() if name in added and added[name] != content]
    changed = [
        (FileChange.MODIFIED, str(path)) for path in sorted([*edited, *found.changed, *found.edited], key=natural_key)
    ]
    changed += [(FileChange.DELETED, str(path)) for path in sorted(found.missing, key=natural_key)]
    gone = {*found.vanished, *found.returned}
    return StatusReport(
        kind=state.kind.word,
        name=entity.name,
        head=database.head(entity.folder),
        staged=tuple((staged[path].change, str(path)) for path in sorted(staged.keys() - gone, key=natural_key)),
        untracked=(*untracked, *sorted(map(str, found.new), key=natural_key)),
        corrupted=tuple(sorted(map(str, found.corrupted), key=natural_key)),
        changed=tuple(changed),
        unpublished=tuple(unpublished_tags(entity)),
    )


def natural_key(path: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers in names by their value: ``batch_2`` before ``batch_10``."""
    pieces = re.split(r"([0-9]{1,18})", path)
    return [(0, int(piece), piece) if at % 2 else (1, 0, piece) for at, piece in enumerate(pieces)]


def unpublished_tags(entity: Entity, refs: RefTable | None = None) -> list[str]:
    """Return the tags of the local versions of an entity, ascending."""
    if refs is None:
        if not entity.state.metadata.exists:
            return []
        refs = entity.state.metadata.refs()
    identity = entity.spec().identity
    tags = [tag for name in refs.unpublished if (tag := find_tag(name)) is not None and tag.identity == identity]
    return [str(tag) for tag in sorted(tags, key=lambda tag: tag.number)]


def _remember(
    entity: Entity,
    seen: Mapping[RepoPath, FileState],
    tracked: Mapping[RepoPath, TrackedFile],
    staged: Mapping[RepoPath, StagedFile],
) -> None:
    """Store the results of reading, so that the next command need not read again; never waits for a writer."""
    if not seen:
        return
    database = entity.state.database
    with contextlib.suppress(ProjectBusy), exclusive(entity.state.folder / "lock", "the project", patience_s=0):
        files, changes = refreshed(seen, tracked, staged)
        known, current = database.files(entity.folder), database.staged(entity.folder)
        with database.transaction() as transaction:
            transaction.put_files(entity.folder, {p: row for p, row in files.items() if known.get(p) == tracked[p]})
            transaction.stage(entity.folder, {p: row for p, row in changes.items() if current.get(p) == staged[p]})
