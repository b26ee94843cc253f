"""Checkouts: the exact content of a version in the workspace, all of it or nothing."""

from __future__ import annotations

import contextlib
import fnmatch
import shutil
from collections.abc import Iterable, Sequence

import attrs
import msgspec

from entrepot.errors import CannotWrite, LocalChanges, Malformed, PathMissing
from entrepot.names import RepoPath
from entrepot.workspace.entities.samples import Sample
from entrepot.workspace.manifests import UNKNOWN_SIZE, Manifest, ManifestEntry
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import compare, content_of, has_content
from entrepot.workspace.projects.files.placements import CheckoutPlan, check_places, finish_checkout
from entrepot.workspace.projects.files.scans import Scan, scan_entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.remotes.opening import remote_of
from entrepot.workspace.projects.versions import Version, read_version, resolve
from entrepot.workspace.state.rows import Extent, Head, Step, TrackedFile
from entrepot.workspace.stores import FetchCounts, draft_path


@attrs.frozen
class FileSelection:
    """The choice of files of a version; without a rule, all of them.

    Attributes:
        is_bare: none.
        patterns: those whose path matches one of these wildcards.
    """

    sample: Sample | None = None
    patterns: tuple[str, ...] = ()
    is_bare: bool = False

    @property
    def extent(self) -> Extent:
        """How much of the version a checkout may leave out."""
        if self.is_bare:
            return Extent.BARE
        return Extent.SAMPLE if self.sample is not None or self.patterns else Extent.FULL

    def choose(self, manifest: Manifest) -> list[RepoPath]:
        """Return the selected paths, in the order of the manifest.

        Raises:
            InvalidArgument: the rule of the sample does not fit the number of files.
            PathMissing: a pattern matches no file.
        """
        paths = list(manifest.files)
        if self.is_bare:
            return []
        if self.sample is not None:
            paths = [RepoPath(path) for path in self.sample.choose(paths)]
        if not self.patterns:
            return paths
        missing = tuple(pattern for pattern in self.patterns if not any(_fits(path, pattern) for path in paths))
        if missing:
            raise PathMissing(missing)
        return [path for path in paths if any(_fits(path, pattern) for pattern in self.patterns)]


@attrs.frozen
class CheckoutReport:
    """The result of a checkout; ``links`` are the versions that it refers to, by the root key of their kind."""

    tag: str
    commit: str
    folder: str
    path: str
    files: int
    bytes: int
    changed: int
    kept: int
    removed: int
    bytes_received: int


@attrs.frozen
class _Survey:
    """The state of an entity's workspace before a checkout."""

    scan: Scan
    tracked: dict[RepoPath, TrackedFile]
    local: tuple[str, ...]
    suspects: frozenset[str]


def checkout_version(
    state: KindState,
    name: str,
    number: int | None = None,
    *,
    selection: FileSelection | None = None,
    is_forced: bool = False,
    fail_limit: int | None = None,
) -> CheckoutReport:
    """Put the files of a version into the workspace of an entity.

    Args:
        name: a tag, or the name of an entity.
        number: the version of the named entity; None is the latest.
        is_forced: overwrite local changes.

    Raises:
        EntityMissing, EntityAmbiguous, VersionMissing: the version does not exist.
        LocalChanges: files would be overwritten; nothing was changed.
        ChunkMissing, ContentDamaged, RecordMissing: contents cannot be fetched; the workspace is unchanged.
        Malformed, InvalidPath: the version cannot be used; nothing was changed.
    """
    recover(state)
    repository = state.initialised_metadata()
    with state.locked():
        tag, commit = resolve(state, repository.refs(), name, number)
        version = read_version(state, tag, commit)
        if version.spec.names_plugin:
            state.project.around.notify("warning", f"{tag} names a data plugin; it is kept and not run")
        entity = Entity(state, version.folder)
        return _checkout(entity, version, selection or FileSelection(), is_forced, fail_limit)


def fetch_version(state: KindState, name: str, *, selection: FileSelection | None = None) -> tuple[str, FetchCounts]:
    """Fetch the contents of a version for a later checkout; the workspace does not change.

    Returns:
        The tag of the version, and what was received.

    Raises: as :func:`checkout_version`, but LocalChanges.
    """
    repository = state.initialised_metadata()
    with state.locked():
        tag, commit = resolve(state, repository.refs(), name)
        version = read_version(state, tag, commit)
        paths = (selection or FileSelection()).choose(version.manifest)
        return str(tag), fetch_contents(state, version, paths)


def fetch_contents(
    state: KindState, version: Version, paths: Sequence[RepoPath], fail_limit: int | None = None
) -> FetchCounts:
    """Fetch contents of a version into drafts; nothing is asked if all of them are there.

    Raises:
        ChunkMissing, ContentDamaged, RecordMissing, StorageRefused, StorageUnreachable: they cannot be fetched.
        Malformed: the manifest gives a content another size than it has.
    """
    files, cache = version.manifest.files, state.cache
    absent = {files[path].content: files[path] for path in paths if not draft_path(state.drafts, files[path]).exists()}
    if cache is not None:
        cache.make_drafts(absent.values(), state.drafts)
    if all(draft_path(state.drafts, entry).exists() for entry in absent.values()):
        counts = FetchCounts(0, 0, 0)
    else:
        counts = remote_of(state).fetch(version, paths, fail_limit)
    if cache is not None:
        cache.add((entry, draft_path(state.drafts, entry)) for entry in absent.values())
    for path in paths:
        _check_size(version, path, draft_path(state.drafts, files[path]).stat().st_size)
    return counts


def _check_size(version: Version, path: RepoPath, size: int) -> None:
    """Check that a content, which has the right digest, also has the size that the manifest says."""
    said = version.manifest.files[path].size
    if said not in (size, UNKNOWN_SIZE):
        raise Malformed(f"the manifest of {version.tag}", f"it gives {path} {said:,} bytes, and it has {size:,}")


def _checkout(
    entity: Entity, version: Version, selection: FileSelection, is_forced: bool, fail_limit: int | None
) -> CheckoutReport:
    state, files = entity.state, version.manifest.files
    chosen = selection.choose(version.manifest)
    _move(entity, version, chosen, is_forced)
    head = state.database.head(entity.folder)
    survey = _survey(entity, version, chosen)
    if survey.local and not is_forced:
        raise LocalChanges(survey.local, "add and commit these changes, or discard them with --force")
    kept = [path for path in chosen if _is_right(survey, path, files[path])]
    placed = [path for path in chosen if path not in set(kept)]
    wanted = {*chosen}
    stays = [path for path in survey.tracked if path not in wanted and _stays(survey, path, version)]
    removed = [path for path in survey.tracked if path not in wanted and path not in set(stays)]
    check_places(entity, placed, removed)
    _copy_local(entity, survey, [files[path] for path in placed])
    received = fetch_contents(state, version, placed, fail_limit)
    extent = _extent(selection, head, stays)
    base = state.database.base(str(version.tag))
    plan = CheckoutPlan(
        str(version.tag), version.commit, extent.value, base, [*map(str, placed)], [*kept, *stays], [*map(str, removed)]
    )
    with state.database.transaction() as transaction:
        transaction.set_journal(entity.folder, Step("checkout", plan.tag, msgspec.json.encode(plan)))
    finish_checkout(entity, plan)
    return CheckoutReport(
        tag=plan.tag,
        commit=version.commit,
        folder=entity.folder,
        path=str(entity.path),
        files=len(chosen) + len(stays),
        bytes=sum(_size(entity, path, files[path]) for path in (*chosen, *stays)),
        changed=len(placed),
        kept=len(plan.kept),
        removed=len(removed),
        bytes_received=received.bytes_received,
    )


def _size(entity: Entity, path: RepoPath, entry: ManifestEntry) -> int:
    """Return the size of a file; manifests of the old format do not say it."""
    if entry.size != UNKNOWN_SIZE:
        return entry.size
    try:
        return (entity.path / path).stat().st_size
    except OSError:
        return 0


def _move(entity: Entity, version: Version, chosen: Sequence[RepoPath], is_forced: bool) -> None:
    """Move the folder of an entity to where the version has it, if another version has it elsewhere.

    Raises:
        LocalChanges: files in it would be overwritten; nothing was moved.
        CannotWrite: it cannot be moved.
    """
    database, identity = entity.state.database, str(version.tag.identity)
    folders = [
        folder
        for folder, head in database.heads().items()
        if folder != entity.folder and head.tag.rpartition("__")[0] == identity
    ]
    elsewhere = [Entity(entity.state, folder) for folder in folders]
    elsewhere = [other for other in elsewhere if other.path.is_dir()]
    if len(elsewhere) != 1 or entity.path.exists():
        return
    survey = _survey(elsewhere[0], version, chosen)
    if survey.local and not is_forced:
        raise LocalChanges(survey.local, "add and commit these changes, or discard them with --force")
    check_places(entity, ())
    try:
        entity.path.parent.mkdir(parents=True, exist_ok=True)
        elsewhere[0].path.rename(entity.path)
    except OSError as error:
        raise CannotWrite(str(entity.path), error.strerror or str(error)) from error
    with database.transaction() as transaction:
        transaction.rename_entity(elsewhere[0].folder, entity.folder)


def _survey(entity: Entity, version: Version, chosen: Iterable[RepoPath]) -> _Survey:
    """Find local changes that a checkout would overwrite."""
    database = entity.state.database
    tracked, staged = database.files(entity.folder), database.staged(entity.folder)
    if not entity.path.is_dir():
        return _Survey(Scan({}, ()), tracked, (), frozenset())
    scan = scan_entity(entity, follows_links=True)
    found = compare(scan, tracked, staged, version.spec.mutability)
    suspects = {*found.changed, *found.corrupted, *found.edited}
    in_the_way = {
        path
        for path in chosen
        if path in scan.files
        and path not in tracked
        and not has_content(scan.files[path], version.manifest.files[path])
    }
    documents, added = entity.documents(), database.documents(entity.folder)
    edited = {
        name
        for name, content in documents.items()
        if content != version.documents.get(name) and content != added.get(name) and content.strip()
    }
    local = {*map(str, suspects), *map(str, staged), *map(str, in_the_way), *edited}
    return _Survey(scan, tracked, tuple(sorted(local)), frozenset(map(str, suspects | in_the_way)))


def _is_right(survey: _Survey, path: RepoPath, entry: ManifestEntry) -> bool:
    """Return whether the file on disk has a content already; a tracked file that did not change is not read."""
    file = survey.scan.files.get(path)
    if file is None or file.is_link:
        return False
    tracked = survey.tracked.get(path)
    if tracked is not None and str(path) not in survey.suspects and tracked.entry.content == entry.content:
        return True
    return has_content(file, entry)


def _stays(survey: _Survey, path: RepoPath, version: Version) -> bool:
    """Return whether a tracked file that was not chosen stays: unchanged on disk, and also in the new version."""
    entry = version.manifest.files.get(path)
    return (
        entry is not None
        and path in survey.scan.files
        and str(path) not in survey.suspects
        and survey.tracked[path].entry.content == entry.content
    )


def _extent(selection: FileSelection, head: Head | None, stays: Sequence[RepoPath]) -> Extent:
    if selection.extent is Extent.BARE and stays:
        return Extent.SAMPLE if head is None or head.extent is not Extent.FULL else Extent.FULL
    return selection.extent


def _copy_local(entity: Entity, survey: _Survey, entries: Iterable[ManifestEntry]) -> None:
    """Copy contents that other files of the workspace have, so that they need not be fetched."""
    wanted = {entry.content: entry for entry in entries}
    drafts = entity.state.drafts
    drafts.mkdir(parents=True, exist_ok=True)
    for path, file in survey.tracked.items():
        entry = wanted.get(file.entry.content)
        if entry is None or path not in survey.scan.files or str(path) in survey.suspects:
            continue
        draft = draft_path(drafts, entry)
        copy = draft.with_name(f"{draft.name}.local")
        with contextlib.suppress(OSError):
            if not draft.exists():
                shutil.copyfile(survey.scan.files[path].file_path, copy)
                if content_of(str(copy), is_legacy=bool(entry.cid)) == entry.content:
                    copy.replace(draft)


def _fits(path: str, pattern: str) -> bool:
    plain = pattern.replace("\\", "/").strip("/")
    return path == plain or path.startswith(f"{plain}/") or fnmatch.fnmatchcase(path, plain)
