"""Merges: what another version has changed is staged on top of the version that is checked out."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.errors import LocalChanges, Malformed, Refused, VersionMissing, shown
from entrepot.names import RepoPath
from entrepot.workspace.entities.version_tags import VersionTag, find_tag, parse_tag
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.manifests.entry_paths import check_paths
from entrepot.workspace.merging.three_way import ManifestMerge, merge_manifests
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.projects.changes.additions import known_numbers
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import compare, has_content
from entrepot.workspace.projects.files.placements import check_places, place_files, remove_files
from entrepot.workspace.projects.files.scans import scan_entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.transfers.checkouts import fetch_contents
from entrepot.workspace.projects.versions import Version, read_version, resolve
from entrepot.workspace.state.rows import FileChange, Head, StagedFile
from entrepot.workspace.stores import VersionRef


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
        VersionMissing: there is no such version of this entity.
        Refused: no version is checked out, both sides have changed a file in different ways, or the entity is on a hub.
        LocalChanges: files are changed or staged; nothing was changed.
        ChunkMissing, ContentDamaged, StorageUnreachable: contents cannot be fetched; nothing was changed.
    """
    state = entity.state
    recover(state)
    refs = state.initialised_metadata().refs()
    if state.hub is not None:
        raise Refused("versions on a hub are merged there: push, and resolve what 'push' says")
    with state.locked():
        head = state.database.head(entity.folder)
        if head is None:
            raise Refused(f"no version of {entity.name} is checked out; run 'ml-git {state.kind.word} checkout' first")
        ours = read_version(state, parse_tag(head.tag), head.commit)
        theirs = _named(state, refs, name, ours)
        base = _common_version(state, refs, ours, theirs, head)
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
        raise VersionMissing(str(tag), f"it is no version of the entity that is checked out, {ours.tag.identity}")
    return read_version(state, tag, commit)


def _common_version(state: KindState, refs: RefTable, ours: Version, theirs: Version, head: Head) -> Version | None:
    """Return the latest version that both were made from; None if there is none."""
    sides: list[list[Version]] = [[ours], [theirs]]
    while True:
        first, second = ({version.commit for version in side} for side in sides)
        common = first & second
        if common:
            return next(version for version in sides[0] if version.commit in common)
        for side in sorted(sides, key=lambda side: side[-1].tag.number, reverse=True):
            base = head.base if side[-1] is ours else _base_of(state, refs, side[-1])
            tag = find_tag(base) if base is not None else None
            ref = refs.find(str(tag)) if tag is not None else None
            if tag is not None and ref is not None and ref.commit not in {version.commit for version in side}:
                side.append(read_version(state, tag, ref.commit))
                break
        else:
            return None


def _base_of(state: KindState, refs: RefTable, version: Version) -> str | None:
    """Return the tag of the version that a version was made from; the root record of a published one says it."""
    tag = str(version.tag)
    if tag not in refs.tags:
        return state.database.base(tag)
    with state.store(version.spec.storage) as store:
        ref = VersionRef(state.kind.word, version.tag.identity.name, version.tag.number, version.commit)
        found = store.find_record(ref)
    return found.record.base if found is not None else _number_before(refs, version.tag)


def _number_before(refs: RefTable, tag: VersionTag) -> str | None:
    """Return the version with the next lower number: those of ML-Git 2.9.9 do not say what they were made from."""
    lower = [number for number in known_numbers(refs, tag.identity) if number < tag.number]
    return tag.identity.tag(max(lower)) if lower else None


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


def _unlike_workspace(entity: Entity, files: Mapping[RepoPath, ManifestEntry]) -> dict[RepoPath, ManifestEntry]:
    """Return the files that the workspace does not have with this content."""
    scan = scan_entity(entity, follows_links=True)
    return {
        path: entry
        for path, entry in files.items()
        if path not in scan.files or not has_content(scan.files[path], entry)
    }
