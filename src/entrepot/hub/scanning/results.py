"""What scanners found in the files of a repository, for callers who may read these files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import scans
from entrepot.catalog.files.scans import ScanRow as ScanRow
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import GatedRepo, NotAllowed
from entrepot.hub import access, revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.scanning.contents import COMMAND, PICKLES, SERVICE, name_contents, scanners_for
from entrepot.hub.scanning.scan_jobs import MAX_FILES, scan_job
from entrepot.hub.scanning.scanners import STATUSES, ScanStatus
from entrepot.names import ROOT, RepoPath, RepoRef
from entrepot.storage.trees import ListedEntry, Trees

QUEUED, UNSCANNED = "queued", "unscanned"
"""The statuses of files without a result: a scan waits or runs; there is none for this file, or for this revision."""

_ISSUES = frozenset({"unsafe", "suspicious", "caution"})
_BATCH = 1_000
_MAX_ISSUES = 1_000


@attrs.frozen
class FileScan:
    """The scan of a file: the worst status, and the result of each scanner that has read it.

    ``is_done``: every scanner that should read it has done so.
    """

    status: str
    is_done: bool = True
    pickles: ScanRow | None = None
    command: ScanRow | None = None
    service: ScanRow | None = None

    @property
    def external(self) -> ScanRow | None:
        """The worse of the results of the scanners that an administrator has set."""
        found = [row for row in (self.command, self.service) if row is not None]
        return min(found, key=lambda row: [*STATUSES].index(cast("ScanStatus", row.status)), default=None)


@attrs.frozen
class RepoScan:
    """The scan of a revision: whether all files are scanned, and paths and statuses of those that are not safe."""

    is_done: bool = False
    issues: Sequence[tuple[RepoPath, str]] = ()


def describe_files(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, entries: Sequence[ListedEntry]
) -> Mapping[RepoPath, FileScan]:
    """Return the verdicts on these entries of a repository, by path.

    Returns:
        Nothing if scanning is off, or if the caller may not read the files: findings tell what is in them.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    if hub.settings.scanning == "off":
        return {}
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        return _describe(hub, tx, row, entries) if _may_read(tx, caller, row) else {}


def describe_repo(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> RepoScan:
    """Return the verdicts on the files of a revision.

    Returns:
        That nothing is scanned, in the same cases as for :func:`describe_files`.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
    """
    issues: list[tuple[RepoPath, str]] = []
    is_done, count = hub.settings.scanning != "off", 0
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        _, root = revisions.tree_of(hub.store, tx, row.id, revision)
        if not is_done or not _may_read(tx, caller, row):
            return RepoScan()
        trees = Trees(hub.store, tx, row.id)
        wanted = []
        for node in trees.walk(root, ROOT, is_deep=True):
            count += 1
            if not node.is_folder and scanners_for(hub, node.path):
                wanted.append(node)
            if count >= MAX_FILES:
                is_done = False
                break
        for at in range(0, len(wanted), _BATCH):
            for path, found in _describe(hub, tx, row, trees.measure(wanted[at : at + _BATCH])).items():
                is_done = is_done and found.is_done
                if found.status in _ISSUES and len(issues) < _MAX_ISSUES:
                    issues.append((path, found.status))
    return RepoScan(is_done, issues)


def _may_read(tx: Read, caller: MaybeCaller, row: RepoRow) -> bool:
    try:
        access.check_read(tx, caller, row)
    except (GatedRepo, NotAllowed):
        return False
    return True


def _describe(hub: HubContext, tx: Read, row: RepoRow, entries: Sequence[ListedEntry]) -> dict[RepoPath, FileScan]:
    named = name_contents(tx, row, entries)
    known = scans.find(tx, [file.content for file in named])
    missing = QUEUED if jobs.is_pending(tx, scan_job(row.id)) else UNSCANNED
    found = {entry.path: FileScan(UNSCANNED) for entry in entries if not entry.is_folder}
    for file in named:
        needed = [scanner for scanner, _ in scanners_for(hub, file.path)]
        if needed:
            results = {scanner: known.get((file.content, scanner)) for scanner in needed}
            is_done = all(row is not None and row.status != "error" for row in results.values())
            status = _worst(results.values(), missing)
            found[file.path] = FileScan(
                status, is_done, results.get(PICKLES), results.get(COMMAND), results.get(SERVICE)
            )
    return found


def _worst(results: Iterable[ScanRow | None], missing: str) -> str:
    """Return the status of a file: the worst one; a result that is missing is worse than "safe" only."""
    found = {missing if row is None else row.status for row in results}
    order = [*(status for status in STATUSES if status not in ("safe", "skipped")), missing, "safe"]
    return next((status for status in order if status in found), UNSCANNED)
