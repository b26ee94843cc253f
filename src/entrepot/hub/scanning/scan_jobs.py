"""The jobs that scan: the files at the heads of a repository, and once a day those of all repositories.

A content is scanned once by each version of each scanner, and by the command again after a month:
its definitions have changed since. A failed scan is repeated after a day.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import scan_summaries, scans
from entrepot.catalog.files.scan_summaries import ScanSummary
from entrepot.catalog.files.scans import ScanRow
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import conversions, refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Damaged, NotFound, Unavailable
from entrepot.hub.context import HubContext
from entrepot.hub.files.flagged_files import FLAGGED, hides
from entrepot.hub.scanning import command_scans, pickle_scans, service_scans
from entrepot.hub.scanning.contents import (
    COMMAND,
    PICKLES,
    SERVICE,
    NamedContent,
    name_contents,
    open_content,
    scanners_for,
)
from entrepot.hub.scanning.scanners import STATUSES, ScanFailed, Verdict
from entrepot.names import ROOT, Oid
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees

MAX_FILES = 100_000
"""Files of one ref that are looked at."""

WORK_OF_A_PROCESS = 4 << 20
"""As how many bytes that are read the start of a scanner counts for the order of jobs."""

_DAY_MS = 86_400_000
_VALID_MS, _RETRY_MS = 30 * _DAY_MS, _DAY_MS
_SEEN_MS, _KEPT_MS = 30 * _DAY_MS, 120 * _DAY_MS
_BATCH = 1_000
_MAX_FINDINGS = 20
_MAX_COUNTED = 10_000
_END = object()
_STATUS_RANKS: Mapping[str, int] = {status: rank for rank, status in enumerate(STATUSES)}


@attrs.frozen
class _Task:
    file: NamedContent
    scanner: str
    version: str

    @property
    def work(self) -> int:
        """As how many bytes that are read the scan counts for the order of jobs."""
        return WORK_OF_A_PROCESS + self.file.size


@attrs.define
class _HeadFindings:
    """What is found at the heads of a repository: the worst status of each unsafe content, and where it is."""

    found: dict[str, tuple[str, Oid, str]] = attrs.field(factory=dict)

    def add(self, file: NamedContent, head: Oid, status: str) -> None:
        """Record the status that a scanner gave a content; of several, the worst counts."""
        known = self.found.get(file.content)
        if status in ("safe", "skipped") or (known is None and len(self.found) >= _MAX_COUNTED):
            return
        if known is None or _rank(status) < _rank(known[0]):
            self.found[file.content] = (status, head, file.path)

    def summary(self, repo_id: int, now_ms: int) -> ScanSummary:
        """Return the stored results of the repository."""
        ordered = sorted(self.found.values(), key=lambda item: (_rank(item[0]), item[2]))
        counts = Counter(status for status, _, _ in ordered)
        worst = ordered[0][0] if ordered else "safe"
        return ScanSummary(repo_id, worst, counts, [list(item) for item in ordered[:_MAX_FINDINGS]], now_ms)


def _rank(status: str) -> int:
    return _STATUS_RANKS[status]


def scan_job(repo_id: int) -> str:
    """Return the deduplication key of the job that scans a repository."""
    return f"scan:{repo_id}"


def plan(hub: HubContext, tx: Write, repo_id: int) -> None:
    """Enqueue the scan of a repository whose files have changed; nothing if scanning is off."""
    if hub.settings.scanning != "off":
        # Large files are chunked first, which gives their content another name.
        delay_ms = hub.settings.chunk_delay_s * 1000
        jobs.enqueue(tx, "scan", {"repo": repo_id}, hub.now_ms(), dedup_key=scan_job(repo_id), delay_ms=delay_ms)


def plan_daily(hub: HubContext, *, delay_ms: int = 0) -> None:
    """Enqueue the next scan of everything; nothing if scanning is off."""
    if hub.settings.scanning != "off":
        with hub.write(Lock.nothing()) as tx:
            jobs.enqueue(tx, "rescan", {}, hub.now_ms(), dedup_key="rescan", delay_ms=delay_ms)


def rescan_steps(hub: HubContext) -> Iterator[None]:
    """Enqueue the scan of every repository, forget results that nothing refers to, and plan the next run."""
    last = 0
    while hub.settings.scanning != "off":
        with hub.read() as tx:
            page = repositories.everything(tx, after=last, limit=100)
        if not page:
            break
        with hub.write(Lock.nothing()) as tx:
            for row in page:
                plan(hub, tx, row.id)
        last = page[-1].id
        yield
    with hub.write(Lock.nothing()) as tx:
        # A file at no head can still be read, and stays hidden.
        scans.forget(tx, hub.now_ms() - _KEPT_MS, kept=FLAGGED if hides(hub.settings) else None)
    plan_daily(hub, delay_ms=_DAY_MS)


def scan_steps(hub: HubContext, repo_id: int) -> Iterator[int | None]:
    """Scan the files at the heads of a repository that have no result yet; yield how many bytes are left, about."""
    with hub.read() as tx:
        row = repositories.by_id(tx, repo_id)
    if row is None or hub.settings.scanning == "off":
        return
    findings = _HeadFindings()
    tasks = yield from _find_tasks(hub, row, findings)
    left_bytes = sum(task.work for task, _ in tasks)
    for task, head in tasks:
        yield left_bytes
        left_bytes -= task.work
        status = yield from _scan_and_store(hub, row, task)
        if status is not None:
            findings.add(task.file, head, status)
    with hub.write(Lock.repo(row.id)) as tx:
        if repositories.by_id(tx, row.id) is not None:
            scan_summaries.put(tx, findings.summary(row.id, hub.now_ms()))
    if hides(hub.settings):
        # What was made of a file that is hidden now has to go, even if another repository has the file and it was
        # scanned there: the text of a card, tables that were converted. The jobs do nothing if all is as it was.
        with hub.write(Lock.nothing()) as tx:
            jobs.enqueue(tx, "card", {"repo": row.id}, hub.now_ms(), dedup_key=f"card:{row.id}")
            if conversions.find(tx, row.id) is not None:
                jobs.enqueue(tx, "convert", {"repo": row.id}, hub.now_ms(), dedup_key=f"convert:{row.id}")


def scan_now(hub: HubContext, row: RepoRow, files: Sequence[NamedContent], *, within_s: float) -> None:
    """Scan files that a commit is about to add, as many as some seconds allow; errors are left to the job.

    A scan that is not done by then ends without a result.
    """
    steps, deadline = _steps_now(hub, row, files), time.monotonic() + within_s
    with contextlib.closing(steps):
        while time.monotonic() <= deadline and next(steps, _END) is not _END:
            pass


def _steps_now(hub: HubContext, row: RepoRow, files: Sequence[NamedContent]) -> Generator[None, None, None]:
    known = yield from _known(hub, files)
    for file in files:
        for scanner, version in scanners_for(hub, file.path):
            if not _is_valid(hub, known.get((file.content, scanner)), version):
                yield from _scan_and_store(hub, row, _Task(file, scanner, version))
                yield


def _scan_and_store(hub: HubContext, row: RepoRow, task: _Task) -> Generator[None, None, str | None]:
    """Scan a file, store the result, and return the status that it has now; None if its content is gone or damaged."""
    verdict = yield from _scan(hub, row, task)
    if verdict is None:
        return None
    now = hub.now_ms()
    report = {**verdict.report, "message": verdict.message}
    found = ScanRow(task.file.content, task.scanner, task.version, verdict.status, report, now, now)
    with hub.write(Lock.nothing()) as tx:
        known = scans.find(tx, [found.content]).get((found.content, found.scanner))
        if found.status == "error" and known is not None and known.status == FLAGGED:
            # Only another verdict clears a file: not a scanner that is broken now. It is tried again in a day.
            aged = now - (_VALID_MS - _RETRY_MS)
            found = attrs.evolve(known, version=found.version, scanned_ms=aged, seen_ms=now)
        scans.put(tx, found)
    return found.status


def _find_tasks(
    hub: HubContext, row: RepoRow, findings: _HeadFindings
) -> Generator[None, None, list[tuple[_Task, Oid]]]:
    """Return the contents to scan, each with its head; collect valid results, and note that contents were seen."""
    found: dict[tuple[str, str], tuple[_Task, Oid]] = {}
    with hub.read() as tx:
        heads = sorted({oid for _, oid in refs.everything(tx, row.id)})
    for head in heads:
        with hub.read() as tx:
            files = _files_of(hub, tx, row, head)
        for at in range(0, len(files), _BATCH):
            batch = files[at : at + _BATCH]
            known = yield from _known(hub, batch)
            for file in batch:
                for scanner, version in scanners_for(hub, file.path):
                    result = known.get((file.content, scanner))
                    if result is not None and _is_valid(hub, result, version):
                        findings.add(file, head, result.status)
                    else:
                        found.setdefault((file.content, scanner), (_Task(file, scanner, version), head))
            yield
    return list(found.values())


def _known(hub: HubContext, files: Sequence[NamedContent]) -> Generator[None, None, Mapping[tuple[str, str], ScanRow]]:
    now, names = hub.now_ms(), [file.content for file in files]
    with hub.read() as tx:
        known = scans.find(tx, names)
    faded = sorted({row.content for row in known.values() if row.seen_ms <= now - _SEEN_MS})
    if faded:
        with hub.write(Lock.nothing()) as tx:
            scans.note_seen(tx, faded, now)
        yield
    return known


def _files_of(hub: HubContext, tx: Read, row: RepoRow, head: Oid) -> list[NamedContent]:
    trees = Trees(hub.store, tx, row.id)
    wanted = []
    for node in trees.walk(stored.root_of(hub.store, tx, row.id, head), ROOT, is_deep=True):
        if not node.is_folder and scanners_for(hub, node.path):
            wanted.append(node)
        if len(wanted) >= MAX_FILES:
            break
    return name_contents(tx, row, trees.measure(wanted))


def _is_valid(hub: HubContext, row: ScanRow | None, version: str) -> bool:
    if row is None or row.version != version:
        return False
    age_ms = hub.now_ms() - row.scanned_ms
    return age_ms < (_RETRY_MS if row.status == "error" else _VALID_MS) or (
        row.scanner == PICKLES and row.status != "error"
    )


def _scan(hub: HubContext, row: RepoRow, task: _Task) -> Generator[None, None, Verdict | None]:
    """Return the verdict about a file; None if its content is gone or damaged."""
    try:
        content = open_content(hub, row, task.file)
        if content is None:
            return None
        with contextlib.closing(content):
            if task.scanner == COMMAND:
                return (yield from command_scans.scan_content(content, hub.settings.scan_command))
            if task.scanner == SERVICE:
                return (yield from service_scans.scan_content(content, hub.settings))
            return (yield from pickle_scans.scan_content(content))
    except ScanFailed as error:
        return Verdict("error", str(error))
    except (NotFound, Damaged, Unavailable):
        return None
