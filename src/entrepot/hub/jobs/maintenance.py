"""Maintenance of a hub: check the stored data, and delete unreferenced data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from entrepot.blobs import Stat, file_key
from entrepot.catalog import Lock, Read, hub_metadata
from entrepot.catalog.files import file_checks, file_links, files, uploads, xorbs
from entrepot.catalog.files.uploads import Upload
from entrepot.catalog.git import objects
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import commits, folders, refs, repositories, staged
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import BlobMissing, NotAllowed
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.hub.files import link_checks, xorb_scrubbing
from entrepot.hub.jobs import damaged_content, readiness
from entrepot.names import Oid, Sha256
from entrepot.storage import fsck as checks
from entrepot.storage.fsck import Finding, ReachableSet, digest_of

_UPLOAD_DAYS = 7
_DAY_MS = 86_400_000

ProgressCallback = Callable[[str], None]


@attrs.frozen
class UnreferencedData:
    """Data that gc deletes, with the reason and the freed bytes (before any file system rounding)."""

    kind: str
    what: str
    reason: str
    size: int


def fsck(
    hub: HubContext,
    *,
    checks_content: bool = True,
    checks_chunks: bool = False,
    progress: ProgressCallback = lambda _line: None,
) -> Iterator[Finding]:
    """Check all stored data; yield faults as they are found, with the repositories and paths that use what is damaged.

    Damaged raw files are recorded: the hub does not serve them, and an upload of the same content replaces them.

    Args:
        checks_content: also hash every object and raw file; else only their presence and size.
        checks_chunks: also read and hash every chunk; damaged xorbs are quarantined.
        progress: called with a line about each step.
    """
    for finding in _find_faults(hub, checks_content, checks_chunks, progress):
        if finding.is_damage and digest_of(finding.where) is not None:
            damaged_content.mark(hub, finding.where)
        yield damaged_content.with_uses(hub, finding)


def gc(
    hub: HubContext,
    *,
    grace_ms: int | None = None,
    is_rehearsal: bool = False,
    bumps_epoch: bool = False,
    progress: ProgressCallback = lambda _line: None,
) -> Iterator[UnreferencedData]:
    """Delete data that has been unreferenced for the grace period; yield each deletion.

    Args:
        grace_ms: minimum age of deleted data; None is the setting.
        bumps_epoch: make all clients forget which chunks are stored, so that
            chunks need not be kept for three weeks after the grace period.
        is_rehearsal: only report deletions. Data that becomes unreferenced by an
            earlier step of a real run is not included.
        progress: called with a line about each step.

    Guarantees: safe beside running uploads and commits: data touched within the
    grace period stays, and a repository whose refs move during the check is
    skipped until the next run.
    """
    grace = hub.settings.gc_grace_s * 1000 if grace_ms is None else grace_ms
    cutoff = hub.now_ms() - grace
    yield from _sweep_repos(hub, cutoff, is_rehearsal)
    yield from _sweep_staged(hub, is_rehearsal)
    living = set()
    for row in _all_repos(hub):
        living.add(row.uid)
        progress(f"sweeping {row.ref}")
        yield from _sweep_objects(hub, row, cutoff, is_rehearsal)
    if not is_rehearsal:
        hub.mirrors.retain(living)
    yield from _sweep_uploads(hub, cutoff, is_rehearsal)
    progress("sweeping large files")
    yield from _sweep_files(hub, cutoff, is_rehearsal)
    for stat in sweep_leftovers(hub, min(_DAY_MS, grace), is_rehearsal=is_rehearsal):
        yield UnreferencedData("leftover", stat.key, "a crash interrupted its upload", stat.size)
    progress("sweeping chunks")
    if bumps_epoch and not is_rehearsal:
        xorb_scrubbing.bump_epoch(hub)
    chunk_cutoff = cutoff if bumps_epoch else min(cutoff, hub.now_ms() - xorb_scrubbing.XORB_GRACE_MS)
    for kind, what, why, size in xorb_scrubbing.sweep(hub, chunk_cutoff, is_rehearsal=is_rehearsal):
        yield UnreferencedData(kind, what, why, size)
    if not is_rehearsal:
        with hub.write(Lock.nothing()) as tx:
            jobs.forget_done(tx, cutoff)


def sweep_leftovers(hub: HubContext, grace_ms: int = _DAY_MS, *, is_rehearsal: bool = False) -> Sequence[Stat]:
    """Delete temporary files of interrupted uploads, and return them; files of live processes stay.

    Args:
        is_rehearsal: delete nothing.
    """
    return hub.store.drafts.sweep_incoming(grace_ms, now_ms=hub.now_ms(), is_rehearsal=is_rehearsal)


def sizes(hub: HubContext) -> dict[str, int]:
    """Return figures for monitoring: repositories, large files and their bytes, jobs by state and by lane.

    ``jobs_<lane>_wait_ms`` is the time for which the oldest waiting job of a lane has been due.
    """
    with hub.read() as tx:
        number, size = files.totals(tx)
        chunks, chunk_bytes, damaged = xorbs.totals(tx)
        figures = {"repositories": repositories.count(tx), "files": number, "file_bytes": size}
        figures |= {"xorbs": chunks, "xorb_bytes": chunk_bytes, "xorbs_damaged": damaged}
        counted, now = jobs.counts(tx), hub.now_ms()
        for state in jobs.STATES:
            figures[f"jobs_{state}"] = sum(counted[lane, state] for lane in jobs.LANES)
        for lane in jobs.LANES:
            figures |= {f"jobs_{lane}_{state}": counted[lane, state] for state in jobs.STATES}
            figures[f"jobs_{lane}_wait_ms"] = max(0, now - (jobs.oldest_due(tx, lane) or now))
        return figures


def check_ready(hub: HubContext) -> None:
    """Raise if the database or the blob store cannot be used.

    Raises:
        Busy, DataFolderError: the database cannot be read.
        StoreUnavailable: the blob store does not answer; the error names no key.
    """
    with hub.read() as tx:
        hub_metadata.find(tx, "store_id")
    readiness.check_store(hub)


def check_may_watch(_hub: HubContext, caller: MaybeCaller) -> None:
    """Raise unless the caller may read the metrics of the hub.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator, or has a fine-grained token.
    """
    if not require_login(caller).sees_all:
        raise NotAllowed("The metrics are for administrators of the hub")


def _find_faults(
    hub: HubContext, checks_content: bool, checks_chunks: bool, progress: ProgressCallback
) -> Iterator[Finding]:
    for row in _all_repos(hub):
        progress(f"checking {row.ref}")
        with hub.read() as tx:
            yield from checks.check_repo(hub.store, tx, row, checks_content=checks_content)
    with hub.read() as tx:
        for row, has_folder in folders.astray(tx):
            what = "its visibility is not that of its folder" if has_folder else "its folder is missing"
            yield Finding("corrupt", str(row.ref), what)
    with hub.read() as tx:
        needed = list(files.needed(tx))
        spare = files.unused(tx, hub.now_ms())
    for number, (sha256, size) in enumerate(needed, 1):
        progress(f"checking large file {number:,} of {len(needed):,}")
        finding = _check_raw(hub, sha256, size, checks_content=checks_content)
        if finding is not None:
            yield finding
    for sha256, size in spare:
        if hub.store.blobs.stat(file_key(sha256)) is not None:
            yield Finding("orphaned", file_key(sha256), "a large file that no repository uses", size)
    progress("looking for orphaned blobs")
    with hub.read() as tx:
        yield from checks.orphaned_blobs(hub.store, tx, hub.now_ms())
    progress("checking chunks")
    yield from xorb_scrubbing.check(hub, checks_content=checks_chunks)
    if checks_content:
        progress("checking mirrors")
        for uid in hub.mirrors.damaged():
            yield Finding("corrupt", f"mirror {uid}", "its bytes have changed; the next clone recreates it")
    progress("checking links to large files")
    yield from link_checks.check_links(hub)


def _check_raw(hub: HubContext, sha256: Sha256, size: int, *, checks_content: bool) -> Finding | None:
    try:
        finding = checks.check_file(hub.store, sha256, size, checks_content=checks_content)
    except BlobMissing:
        finding = Finding("missing", file_key(sha256), f"the {size:,} bytes of this file")
    if finding is None and not checks_content:
        with hub.read() as tx:
            if file_checks.damaged(tx, [sha256]):
                return Finding("corrupt", file_key(sha256), "a background check found other bytes", size)
    if finding is not None:
        with hub.read() as tx:
            if not files.is_raw(tx, sha256):
                return None  # chunks have replaced it in the meantime
    return finding


def _all_repos(hub: HubContext) -> Iterator[RepoRow]:
    last = 0
    while True:
        with hub.read() as tx:
            page = repositories.everything(tx, after=last, limit=100)
        if not page:
            return
        yield from page
        last = page[-1].id


def _sweep_repos(hub: HubContext, cutoff: int, is_rehearsal: bool) -> Iterator[UnreferencedData]:
    with hub.read() as tx:
        gone = repositories.deleted_before(tx, cutoff)
    for repo_id in gone:
        if not is_rehearsal:
            with hub.write(Lock.repo(repo_id)) as tx:
                repositories.erase(tx, repo_id)
        yield UnreferencedData("repository", f"row {repo_id}", "it was deleted", 0)
    if not is_rehearsal:
        with hub.write(Lock.hub()) as tx:
            folders.sweep(tx)


def _sweep_staged(hub: HubContext, is_rehearsal: bool) -> Iterator[UnreferencedData]:
    """Drop the staged changes that have ended; their contents are swept after the grace period."""
    days = hub.settings.staging_days
    before = hub.now_ms() - days * _DAY_MS
    with hub.read() as tx:
        ended = staged.ended(tx, before)
        names = repositories.by_ids(tx, [repo_id for repo_id, _ in ended])
    for repo_id, number in ended:
        if not is_rehearsal:
            with hub.write(Lock.repo(repo_id)) as tx:
                staged.drop_ended(tx, repo_id, before)
        name = str(names[repo_id].ref) if repo_id in names else f"row {repo_id}"
        yield UnreferencedData("staged", f"{number} staged changes of {name}", f"not committed within {days} days", 0)


def _sweep_objects(hub: HubContext, row: RepoRow, cutoff: int, is_rehearsal: bool) -> Iterator[UnreferencedData]:
    with hub.read() as tx:
        heads = refs.everything(tx, row.id)
        reach = checks.reachable(hub.store, tx, row.id, str(row.ref), checks_content=False)
        # Everything that a fresh object refers to stays too, because a commit may still name the object.
        checks.extend(hub.store, tx, row.id, reach, _fresh_objects(tx, row.id, cutoff))
        loose = _loose_objects(tx, row.id, reach, cutoff)
        links = [
            sha256
            for sha256, linked_ms in file_links.linked(tx, row.id).items()
            if sha256 not in reach.files and linked_ms < cutoff
        ]
    if reach.findings or not (loose or links):
        # The references of a damaged repository are unknown: nothing of it is deleted.
        return
    if not is_rehearsal:
        if not _remove(hub, row.id, heads, loose, links, cutoff):
            return
        hub.mirrors.drop(row.uid)  # it may still contain deleted objects
    if loose:
        size = sum(size for _, _, size in loose)
        yield UnreferencedData("objects", f"{len(loose)} objects of {row.ref}", "no ref leads to them", size)
    if links:
        yield UnreferencedData("links", f"{len(links)} large files of {row.ref}", "no commit names them", 0)


def _fresh_objects(tx: Read, repo_id: int, cutoff: int) -> list[Oid]:
    return [oid for oid, _, _, touched_ms in objects.everything(tx, repo_id) if touched_ms >= cutoff]


def _loose_objects(tx: Read, repo_id: int, reach: ReachableSet, cutoff: int) -> list[tuple[Oid, str, int]]:
    return [
        (oid, kind, size)
        for oid, kind, size, touched_ms in objects.everything(tx, repo_id)
        if oid not in reach.objects and touched_ms < cutoff
    ]


def _remove(
    hub: HubContext,
    repo_id: int,
    heads: Sequence[tuple[str, Oid]],
    loose: Sequence[tuple[Oid, str, int]],
    links: Sequence[Sha256],
    cutoff: int,
) -> bool:
    """Delete rows unless a ref moved since they were found to be unreferenced."""
    with hub.write(Lock.repo(repo_id)) as tx:
        if refs.everything(tx, repo_id) != heads:
            return False
        commits.remove(tx, repo_id, [oid for oid, kind, _ in loose if kind == "commit"])
        objects.remove(tx, repo_id, [oid for oid, _, _ in loose], touched_before_ms=cutoff)
        file_links.unlink_unused(tx, repo_id, links, cutoff)
    return True


def _sweep_uploads(hub: HubContext, cutoff: int, is_rehearsal: bool) -> Iterator[UnreferencedData]:
    # Parts of an abandoned upload need not be kept as long as committed history.
    latest = max(cutoff, hub.now_ms() - _UPLOAD_DAYS * _DAY_MS)
    with hub.read() as tx:
        stale = uploads.stale(tx, latest)
        known = uploads.everything(tx)
    orphans = [stat for stat in hub.store.parts.list_parts_uploads() if stat.key not in known]
    for upload in stale:
        if not is_rehearsal and not _abandon(hub, upload, latest):
            continue
        yield UnreferencedData("upload", f"upload {upload.uid}", "abandoned", upload.size)
    for stat in orphans:
        if stat.modified_ms < latest:
            if not is_rehearsal:
                hub.store.parts.abort_parts(stat.key)
            yield UnreferencedData("upload", f"parts {stat.key}", "they belong to no upload", stat.size)


def _abandon(hub: HubContext, upload: Upload, touched_before_ms: int) -> bool:
    """Delete an upload unless it was continued in the meantime, and only then delete its parts."""
    with hub.write(Lock.repo(upload.repo_id)) as tx:
        found = uploads.get(tx, upload.uid)
        if found is None or found.touched_ms >= touched_before_ms:
            return False
        uploads.remove(tx, upload.uid)
    hub.store.parts.abort_parts(upload.uid)
    return True


def _sweep_files(hub: HubContext, cutoff: int, is_rehearsal: bool) -> Iterator[UnreferencedData]:
    with hub.read() as tx:
        unused = files.unused(tx, cutoff)
        orphans = list(checks.orphaned_blobs(hub.store, tx, hub.now_ms()))
    for sha256, size in unused:
        if is_rehearsal or _sweep_file(hub, sha256, cutoff):
            yield UnreferencedData("file", sha256, "no repository uses it", size)
    for orphan in orphans:
        digest = checks.digest_of(orphan.where)
        stat = hub.store.blobs.stat(orphan.where)
        if digest is None or stat is None or stat.modified_ms >= cutoff:
            continue
        if is_rehearsal or _sweep_orphan(hub, digest, orphan.size, cutoff):
            yield UnreferencedData("file", digest, orphan.what, orphan.size)


def _sweep_orphan(hub: HubContext, sha256: Sha256, size: int, cutoff: int) -> bool:
    with hub.write(Lock.file(sha256)) as tx:
        is_chunked = bool(files.chunked_only(tx, [sha256], cutoff))
        if not is_chunked:
            # An upload may have reserved it since the listing: that row must stay fresh.
            files.adopt(tx, sha256, size)
    if is_chunked:
        return hub.store.blobs.delete(file_key(sha256))
    return _sweep_file(hub, sha256, cutoff)


def _sweep_file(hub: HubContext, sha256: Sha256, cutoff: int) -> bool:
    """Claim the file, delete its bytes, then its row: an uploader of the same file never relies on deleted bytes."""
    with hub.write(Lock.file(sha256)) as tx:
        if not files.begin_sweep(tx, sha256, cutoff, hub.now_ms()):
            return False
    hub.store.blobs.delete(file_key(sha256))
    with hub.write(Lock.file(sha256)) as tx:
        files.end_sweep(tx, sha256)
    return True
