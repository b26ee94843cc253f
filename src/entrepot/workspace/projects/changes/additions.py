"""Adding: a snapshot of new and changed files, which the next commit will contain."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.errors import ConfigError, FilesRefused, InvalidArgument, LockedByMutability, PathMissing
from entrepot.names import RepoPath
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.entities.specs import Spec, edit_metrics, edit_version, parse_spec
from entrepot.workspace.entities.version_tags import Identity, find_tag, next_number
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import Comparison, compare, has_content, refreshed
from entrepot.workspace.projects.files.scans import Scan, ScannedFile, scan_entity, state_of
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.versions import head_version, read_specs
from entrepot.workspace.state.locks import exclusive
from entrepot.workspace.state.rows import Extent, FileChange, Head, StagedFile, TrackedFile, settled
from entrepot.workspace.stores import FileState, PackedFile, SourceFile


@attrs.frozen
class AddReport:
    """The result of staging.

    Attributes:
        files: the number of files staged now; ``deleted`` of deletions staged now.
        bytes_new: bytes of chunks that were not known before.
        corrupted: files that were not staged because the mutability of the entity forbids it.
        version: the number in the spec.
        is_news: whether anything was staged.
        is_bumped: whether the spec has a new number, maybe for what was staged before.
    """

    files: int
    deleted: int
    bytes_new: int
    corrupted: tuple[str, ...]
    version: int
    is_news: bool
    is_bumped: bool = False


@attrs.frozen
class _Staging:
    """The files to stage."""

    scan: Scan
    tracked: dict[RepoPath, TrackedFile]
    staged: dict[RepoPath, StagedFile]
    found: Comparison
    unseen: Mapping[RepoPath, ManifestEntry]

    def wanted(self) -> list[RepoPath]:
        found = self.found
        return sorted([*found.new, *found.changed, *found.edited], key=lambda path: path.encode())


def add_files(
    entity: Entity,
    patterns: Sequence[str] = (),
    *,
    bumps_version: bool = False,
    metrics: Mapping[str, float] | None = None,
    follows_links: bool = False,
) -> AddReport:
    """Stage new, changed and deleted files of an entity. Later changes of a staged file do not reach the version.

    Args:
        patterns: paths or wildcards inside the entity; none selects everything.
        bumps_version: write the next free version into the spec if anything is staged.
        metrics: the metrics of a model, which replace those in the spec; None keeps them.

    Raises:
        PathMissing: a pattern matches no file.
        FilesRefused: files are links to the outside, unreadable, changed while they were read, or have a name that
            cannot be versioned.
        LockedByMutability: the spec has another mutability than the previous version.
        Malformed, InvalidName: the spec cannot be used.
        (nothing was staged in all these cases)
    """
    state = entity.state
    state.initialised_metadata()
    recover(state)
    with exclusive(state.folder / "adding" / entity.folder.replace("/", "%"), f"adding to {entity.name}"):
        with state.locked():
            pass  # an older writer may be deleting chunks that nothing needs: the ones of this call come later
        spec, refs = entity.spec(), state.metadata.refs()
        head = state.database.head(entity.folder)
        check_mutability(entity, spec, refs)
        staging = _survey(entity, spec, head, patterns, follows_links)
        packed = _pack(entity, staging)
        with state.locked():
            return _stage(entity, staging, packed, head, refs, bumps_version, metrics)


def known_numbers(refs: RefTable, identity: Identity) -> list[int]:
    """Return the version numbers of an entity that are taken: by published, local and lost versions and other tags."""
    tags = (find_tag(name) for table in (refs.tags, refs.unpublished, refs.lost, refs.others) for name in table)
    return [tag.number for tag in tags if tag is not None and tag.identity == identity]


def is_lost(refs: RefTable, head: Head | None) -> bool:
    """Return whether the number of a head was published by someone else."""
    lost = refs.lost.get(head.tag) if head is not None else None
    return lost is not None and head is not None and lost.commit == head.commit


def check_mutability(entity: Entity, spec: Spec, refs: RefTable) -> None:
    """Check that a spec has the mutability of the latest version.

    Raises:
        LockedByMutability: it has another one.
        Malformed: a new entity names none.
    """
    tags = [tag for name in refs.versions() if (tag := find_tag(name)) is not None and tag.identity == spec.identity]
    latest = max(tags, key=lambda tag: tag.number, default=None)
    if latest is None:
        return
    ref = refs.find(str(latest))
    known = read_specs(entity.state, [(latest, ref.commit)]) if ref is not None else {}
    if latest in known and known[latest].mutability is not spec.mutability:
        raise LockedByMutability(
            f"Spec mutability cannot be changed. It is {known[latest].mutability} in {latest}, "
            f"{spec.mutability} in the spec."
        )


def _survey(entity: Entity, spec: Spec, head: Head | None, patterns: Sequence[str], follows_links: bool) -> _Staging:
    scan = scan_entity(entity, follows_links=follows_links)
    database = entity.state.database
    tracked, staged = database.files(entity.folder), database.staged(entity.folder)
    if scan.refused:
        raise FilesRefused(tuple(f"{problem.where}: {problem.what}" for problem in scan.refused))
    found = compare(scan, tracked, staged, spec.mutability)
    if patterns:
        found = _selected(entity, found, [*scan.files, *tracked, *staged], patterns)
    unseen: Mapping[RepoPath, ManifestEntry] = {}
    if head is not None and head.extent is not Extent.FULL and found.new:
        files = head_version(entity.state, head.tag, head.commit).manifest.files
        unseen = {path: files[path] for path in found.new if path in files}
        _sort_unseen(scan, found, unseen, tracked, spec.mutability)
    return _Staging(scan, tracked, staged, found, unseen)


def _sort_unseen(
    scan: Scan,
    found: Comparison,
    unseen: Mapping[RepoPath, ManifestEntry],
    tracked: dict[RepoPath, TrackedFile],
    mutability: Mutability,
) -> None:
    """Sort files of a partial checkout that the version has, but the checkout had left out."""
    for path, entry in unseen.items():
        if has_content(scan.files[path], entry):
            found.new.remove(path)
            found.seen[path] = scan.files[path].state
            tracked[path] = TrackedFile(entry)
        elif mutability.locks_files:
            found.new.remove(path)
            found.corrupted.append(path)


def _selected(entity: Entity, found: Comparison, paths: Iterable[RepoPath], patterns: Sequence[str]) -> Comparison:
    """Return the part of a comparison that patterns select.

    Raises:
        PathMissing: a pattern selects nothing.
    """
    every = set(paths)
    selected: set[RepoPath] = set()
    missing = []
    for pattern in patterns:
        matches = _matches(entity, every, pattern)
        if not matches and pattern not in entity.document_names:
            missing.append(pattern)
        selected |= matches
    if missing:
        raise PathMissing(tuple(missing))
    return Comparison(
        **{name: [path for path in getattr(found, name) if path in selected] for name in _LISTS}, seen=found.seen
    )


_LISTS = ("new", "changed", "corrupted", "edited", "missing", "vanished", "returned")


def _matches(entity: Entity, paths: set[RepoPath], pattern: str) -> set[RepoPath]:
    plain = entity.path_inside(pattern)
    if plain in ("", "."):
        return paths
    exact = {path for path in paths if path == plain or path.startswith(f"{plain}/")}
    exact |= {path for path in paths if path == pattern}
    return exact or {path for path in paths if fnmatch.fnmatchcase(path, plain)}


def _pack(entity: Entity, staging: _Staging) -> dict[RepoPath, PackedFile]:
    wanted = staging.wanted()
    if not wanted:
        return {}
    from entrepot.workspace.stores import pack_files

    state = entity.state
    result = pack_files(
        state.outbox,
        [SourceFile(path, staging.scan.files[path].file_path) for path in wanted],
        indexes=_known_indexes(entity),
        progress=state.project.around.progress,
        is_copied=state.project.configuration.staging_copies,
    )
    if result.failed:
        raise FilesRefused(tuple(f"{failed.path}: {failed.reason}" for failed in result.failed))
    state.project.around.notify("debug", f"{result.bytes_new} new bytes in {len(result.packs)} packs")
    return {file.path: file for file in result.files}


def _known_indexes(entity: Entity) -> Path | None:
    """Return the folder with what is known of the entity's own store; None if the storage is not configured yet."""
    from entrepot.workspace.stores import cached_indexes

    state = entity.state
    spec = parse_spec(entity.spec_text(), state.kind, str(entity.spec_path))
    try:
        return cached_indexes(state.project.storage(spec.storage), state.indexes)
    except (ConfigError, InvalidArgument):
        return None


def _stage(
    entity: Entity,
    staging: _Staging,
    packed: Mapping[RepoPath, PackedFile],
    head: Head | None,
    refs: RefTable,
    bumps_version: bool,
    metrics: Mapping[str, float] | None,
) -> AddReport:
    state, found = entity.state, staging.found
    text = entity.spec_text()
    spec = parse_spec(text, state.kind, str(entity.spec_path))
    has_metrics = metrics is not None and dict(metrics) != spec.metrics
    documents = entity.documents()
    changes = _changes(staging, packed, spec.mutability)
    gone = [*found.vanished, *found.returned]
    before = state.database.documents(entity.folder)
    is_news = bool(changes or gone or has_metrics or is_lost(refs, head) or _differ(entity, before, documents))
    if has_metrics and metrics is not None:
        text = edit_metrics(text, state.kind, metrics, str(entity.spec_path))
    number = spec.version
    if bumps_version and (is_news or staging.staged):
        number = max(number, next_number(known_numbers(refs, spec.identity)))
        text = edit_version(text, state.kind, number, str(entity.spec_path))
    if text != documents[entity.spec_path.name].decode("utf-8"):
        replace_text(entity.spec_path, text)
        documents[entity.spec_path.name] = text.encode("utf-8")
    files, restaged = refreshed(found.seen, staging.tracked, staging.staged)
    with state.database.transaction() as transaction:
        transaction.put_files(entity.folder, files)
        transaction.stage(entity.folder, {**restaged, **changes})
        transaction.unstage(entity.folder, gone)
        transaction.put_documents(entity.folder, documents)
    return AddReport(
        files=sum(change.entry is not None for change in changes.values()),
        deleted=sum(change.entry is None for change in changes.values()),
        bytes_new=sum(change.entry.size for change in changes.values() if change.entry is not None),
        corrupted=tuple(sorted(map(str, found.corrupted))),
        version=number,
        is_news=is_news,
        is_bumped=number != spec.version,
    )


def _changes(
    staging: _Staging, packed: Mapping[RepoPath, PackedFile], mutability: Mutability
) -> dict[RepoPath, StagedFile]:
    changes: dict[RepoPath, StagedFile] = {path: StagedFile(FileChange.DELETED) for path in staging.found.missing}
    for path, file in packed.items():
        entry = ManifestEntry(sha256=file.sha256, size=file.state.size, x=int(file.is_executable))
        is_known = path in staging.tracked or path in staging.unseen
        kept = lock_file_mode(staging.scan.files[path], file.state, mutability, is_executable=file.is_executable)
        changes[path] = StagedFile(FileChange.MODIFIED if is_known else FileChange.NEW, entry, kept)
    return changes


def lock_file_mode(
    file: ScannedFile, state: FileState, mutability: Mutability, *, is_executable: bool
) -> FileState | None:
    """Make a staged file read-only if its entity requires that, and return its state."""
    if not mutability.locks_files or file.is_link:
        return settled(state)
    try:
        os.chmod(file.file_path, mutability.file_mode(is_executable=is_executable))
        after = state_of(os.lstat(file.file_path))
    except OSError:
        return settled(state)  # the content is safe; only the reminder for the user is not set
    is_same = (after.size, after.mtime_ns, after.inode) == (state.size, state.mtime_ns, state.inode)
    return settled(after) if is_same else None


def _differ(entity: Entity, before: Mapping[str, bytes], now: Mapping[str, bytes]) -> bool:
    """Return whether documents differ in more than the version of the spec."""
    name = entity.spec_path.name
    if {key: value for key, value in before.items() if key != name} != {
        key: value for key, value in now.items() if key != name
    }:
        return True
    if name not in before:
        return True
    old = parse_spec(before[name], entity.state.kind, name)
    new = parse_spec(now[name], entity.state.kind, name)
    return old.declared() != new.declared()
