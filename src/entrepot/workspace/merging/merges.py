"""Merges: what another version has changed is staged on top of the version that is checked out."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.errors import LocalChanges, Malformed, Refused, VersionMissing, shown
from entrepot.names import RepoPath
from entrepot.workspace.entities.version_tags import parse_tag
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.manifests.entry_paths import check_paths
from entrepot.workspace.merging.ancestries import Ancestry
from entrepot.workspace.merging.three_way import ManifestMerge, merge_manifests
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import compare, has_content
from entrepot.workspace.projects.files.placements import check_places, place_files, remove_files
from entrepot.workspace.projects.files.scans import scan_entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.transfers.checkouts import fetch_contents
from entrepot.workspace.projects.versions import Version, read_version, resolve
from entrepot.workspace.state.rows import FileChange, StagedFile


@attrs.frozen
class MergeReport:
    """A merge: the version that was merged, the version that both come from, and how many files changed."""

    tag: str
    base: str | None
    taken: int
    removed: int


def merge_version(entity: Entity, name: str) -> MergeReport:
    """Stage what a version has changed since it and the checked out version had a common one.

    Everything is fetched before the first file changes; a merge that was interrupted is completed by repeating it.

    Args:
        name: the tag of a version of the same entity.

    Raises:
        VersionMissing: the version of this entity does not exist.
        Refused: no version is checked out, or both sides have changed a file in different ways.
        LocalChanges: files are changed or staged; nothing was changed.
        ChunkMissing, ContentDamaged, StorageUnreachable: contents cannot be fetched; nothing was changed.
    """
    state = entity.state
    recover(state)
    refs = state.initialised_metadata().refs()
    with state.locked():
        head = state.database.head(entity.folder)
        if head is None:
            raise Refused(f"no version of {entity.name} is checked out; run 'ml-git {state.kind.word} checkout' first")
        ours = read_version(state, parse_tag(head.tag), head.commit)
        theirs = _named(state, refs, name, ours)
        base = Ancestry(state, refs, head).find_common(ours, theirs)
        found = merge_manifests(
            base.manifest.files if base is not None else {}, ours.manifest.files, theirs.manifest.files
        )
        _check(ours, found)
        _check_workspace(entity, ours, found)
        _take(entity, ours, theirs, found)
    return MergeReport(str(theirs.tag), None if base is None else str(base.tag), len(found.taken), len(found.removed))


def _named(state: KindState, refs: RefTable, name: str, ours: Version) -> Version:
    tag, commit = resolve(state, refs, name)
    if tag.identity != ours.tag.identity:
        raise VersionMissing(str(tag), f"it is not a version of the checked out entity {ours.tag.identity}")
    return read_version(state, tag, commit)


def _check(ours: Version, found: ManifestMerge) -> None:
    """Check that there is a merge.

    Raises:
        Refused: both sides have changed a file, or a file of one side is in the place of a folder of the other.
    """
    if found.conflicts:
        names = ", ".join(shown(path) for path in found.conflicts[:20])
        more = f" and {len(found.conflicts) - 20:,} more" if len(found.conflicts) > 20 else ""
        raise Refused(f"both versions have changed {names}{more}; nothing was merged: copy what you want, and add it")
    merged = (ours.manifest.files.keys() | found.taken.keys()) - {*found.removed}
    try:
        check_paths(merged)
    except Malformed as error:
        raise Refused(f"the versions cannot be merged: {error.reason}; nothing was changed") from error


def _check_workspace(entity: Entity, ours: Version, found: ManifestMerge) -> None:
    """Check that there is no local work; what this merge itself has done before it was interrupted is none.

    Raises:
        LocalChanges: there is.
    """
    database = entity.state.database
    scan = scan_entity(entity, follows_links=True)
    tracked, staged = database.files(entity.folder), database.staged(entity.folder)
    compared = compare(scan, tracked, staged, ours.spec.mutability)
    suspects = {*compared.changed, *compared.corrupted, *compared.edited, *compared.missing, *staged}
    suspects |= {path for path in compared.new if path in found.taken}

    def is_done(path: RepoPath) -> bool:
        file, entry = scan.files.get(path), found.taken.get(path)
        return path in found.removed if file is None else entry is not None and has_content(file, entry)

    local = sorted(str(path) for path in suspects if not is_done(path))
    if local:
        raise LocalChanges(tuple(local), "commit these changes, or discard them with 'reset --hard', then merge again")


def _take(entity: Entity, ours: Version, theirs: Version, found: ManifestMerge) -> None:
    state, mutability = entity.state, ours.spec.mutability
    check_places(entity, found.taken, found.removed)
    wanted = _unlike_workspace(entity, found.taken)
    fetch_contents(state, theirs, list(wanted))
    remove_files(entity, found.removed)
    states = place_files(entity, found.taken, mutability)
    rows = {path: StagedFile(FileChange.DELETED) for path in found.removed}
    for path, entry in found.taken.items():
        change = FileChange.MODIFIED if path in ours.manifest.files else FileChange.NEW
        rows[path] = StagedFile(change, entry, states[path])
    with state.database.transaction() as transaction:
        transaction.stage(entity.folder, rows)
        transaction.add_merged(entity.folder, str(theirs.tag))


def _unlike_workspace(entity: Entity, files: Mapping[RepoPath, ManifestEntry]) -> dict[RepoPath, ManifestEntry]:
    """Return the files that the workspace does not have with this content."""
    scan = scan_entity(entity, follows_links=True)
    return {
        path: entry
        for path, entry in files.items()
        if path not in scan.files or not has_content(scan.files[path], entry)
    }
