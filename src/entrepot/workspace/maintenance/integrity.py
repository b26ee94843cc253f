"""Integrity: what is kept locally and what a store keeps, checked and repaired from good copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.errors import EntrepotError, Invalid, LimitExceeded
from entrepot.names import RepoPath
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import compare, has_content
from entrepot.workspace.projects.files.placements import check_places, place_again
from entrepot.workspace.projects.files.scans import Scan, scan_entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.remotes.opening import remote_of
from entrepot.workspace.projects.sources import workspace_contents
from entrepot.workspace.projects.transfers.checkouts import fetch_contents
from entrepot.workspace.projects.versions import head_version, one_identity, read_version
from entrepot.workspace.stores import CheckLevel, CheckReport, Problem, check_indexes, check_outbox


@attrs.frozen
class FsckReport:
    """The result of a local check.

    Attributes:
        objects: damage in the local repository: database, git objects, packs, tracked files of the workspace.
        index: damage in cached indexes of stores.
        fixed: how much of it was repaired.
        left: damage that was not repaired.
    """

    objects: int
    index: int
    fixed: int
    left: tuple[Problem, ...]
    found: tuple[Problem, ...]


@attrs.define
class _Findings:
    objects: list[Problem] = attrs.field(factory=list)
    index: list[Problem] = attrs.field(factory=list)
    fixed: int = 0
    left: list[Problem] = attrs.field(factory=list)


def check_local(state: KindState, name: str | None = None, *, is_full: bool = False, fixes: bool = False) -> FsckReport:
    """Check the local state of a kind of entities.

    Args:
        name: check the workspace of this entity only.
        is_full: read all tracked files, not only those whose size, times or inode changed.
        fixes: restore damaged tracked files. StateChanges that the mutability of an entity allows are never touched.
    """
    recover(state)
    findings = _Findings()
    with state.locked():
        for text in state.database.check():
            _add(findings, findings.objects, Problem(str(state.database.path), text))
        _check_metadata(state, findings)
        _check_indexes(state, findings)
        _check_outbox(state, findings)
        for folder in state.database.heads():
            if name is None or folder == name or folder.endswith(f"/{name}"):
                _check_workspace(Entity(state, folder), findings, is_full=is_full, fixes=fixes)
    found = (*findings.objects, *findings.index)
    return FsckReport(len(findings.objects), len(findings.index), findings.fixed, tuple(findings.left), found)


def check_remote(
    state: KindState, name: str, level: CheckLevel = CheckLevel.PRESENCE, *, has_all_versions: bool = False
) -> CheckReport:
    """Check the data of a version in the store, and send missing objects again if they are available here.

    The version is the checked out one, else the latest.

    Args:
        has_all_versions: check every published version.

    Raises:
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
        StorageRefused, BucketMissing, StorageUnreachable: the store cannot be read.
    """
    recover(state)
    with state.locked():
        refs = state.initialised_metadata().refs()
        _, tags = one_identity(refs, name, state.kind.word)
        published = [tag for tag in tags if str(tag) in refs.tags]
        heads = {head.tag: folder for folder, head in state.database.heads().items()}
        if not has_all_versions:
            published = [tag for tag in published if str(tag) in heads][-1:] or published[-1:]
        reports = []
        for tag in published:
            try:
                version = read_version(state, tag, refs.tags[str(tag)].commit)
            except (Invalid, LimitExceeded) as error:
                reports.append(CheckReport(0, 0, 0, 0, (Problem(str(tag), str(error)),)))
                continue
            entity = Entity(state, heads.get(str(tag), version.folder))
            reports.append(remote_of(state).check(entity, version, level))
    return _sum(reports)


def _sum(reports: Sequence[CheckReport]) -> CheckReport:
    return CheckReport(
        objects=sum(report.objects for report in reports),
        chunks=sum(report.chunks for report in reports),
        fixed_objects=sum(report.fixed_objects for report in reports),
        fixed_chunks=sum(report.fixed_chunks for report in reports),
        left=tuple(problem for report in reports for problem in report.left),
    )


def _add(findings: _Findings, table: list[Problem], problem: Problem) -> None:
    table.append(problem)
    findings.left.append(problem)


def _check_metadata(state: KindState, findings: _Findings) -> None:
    if not state.metadata.exists:
        return
    done = state.metadata.git.attempt("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
    if done.code:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        _add(findings, findings.objects, Problem(str(state.metadata.folder), "; ".join(lines[:3])))


def _check_indexes(state: KindState, findings: _Findings) -> None:
    """Delete cached indexes and contents that are not what their name says; they are fetched again when needed."""
    damaged = [*check_indexes(state.indexes)]
    if state.cache is not None:
        what = "its cached content is damaged; it was removed"
        damaged += [Problem(name, what) for name in state.cache.verify()]
    findings.index += damaged
    findings.fixed += len(damaged)


def _check_outbox(state: KindState, findings: _Findings) -> None:
    sources: dict[str, str] = {}
    for folder in state.database.heads():
        sources |= workspace_contents(Entity(state, folder))
    report = check_outbox(state.outbox, progress=state.project.around.progress, sources=sources)
    findings.objects += [Problem("outbox", "a pack was rebuilt")] * report.fixed_objects
    findings.fixed += report.fixed_objects
    for problem in report.left:
        _add(findings, findings.objects, problem)


def _check_workspace(entity: Entity, findings: _Findings, *, is_full: bool, fixes: bool) -> None:
    database = entity.state.database
    head = database.head(entity.folder)
    if head is None or not entity.path.is_dir():
        return
    try:
        version = head_version(entity.state, head.tag, head.commit)
    except EntrepotError as error:
        _add(findings, findings.objects, Problem(head.tag, str(error)))
        return
    mutability = version.spec.mutability
    if mutability is Mutability.MUTABLE:
        return  # every content is allowed: a change is a change of the user
    tracked, staged = database.files(entity.folder), database.staged(entity.folder)
    scan = scan_entity(entity, follows_links=True)
    found = compare(scan, tracked, staged, mutability)
    damaged = {*found.corrupted}
    if is_full:
        damaged |= _wrong(scan, {path: tracked[path].entry for path in tracked if path not in staged}, found.changed)
    problems = {path: Problem(f"{entity.folder}/{path}", "its content was changed") for path in damaged}
    findings.objects += problems.values()
    if fixes and damaged:
        try:
            _restore(entity, sorted(damaged))
        except EntrepotError as error:
            problems = {path: attrs.evolve(problem, what=str(error)) for path, problem in problems.items()}
        else:
            findings.fixed += len(damaged)
            return
    findings.left += problems.values()


def _wrong(scan: Scan, entries: Mapping[RepoPath, ManifestEntry], changed: Sequence[RepoPath]) -> set[RepoPath]:
    allowed = set(changed)
    return {
        path
        for path, entry in entries.items()
        if path in scan.files and path not in allowed and not has_content(scan.files[path], entry)
    }


def _restore(entity: Entity, paths: list[RepoPath]) -> None:
    """Give damaged files their committed content again, with the permissions and the protection of their entity."""
    state = entity.state
    head = state.database.head(entity.folder)
    assert head is not None
    version = head_version(state, head.tag, head.commit)
    check_places(entity, paths)
    fetch_contents(state, version, paths)
    place_again(entity, version, paths)
