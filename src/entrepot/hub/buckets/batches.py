"""Change the files of a bucket: add uploaded files, copy files of other repositories and buckets, delete files.

A batch is no transaction of its operations: those that are wrong are reported,
the others are applied, all at the same moment. No bytes are read or copied.
Source: docs/protocols/buckets.md, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import bucket_files, bucket_rights, file_links
from entrepot.catalog.files.bucket_files import BucketFile
from entrepot.catalog.files.bucket_rights import BucketRight
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Forbidden, InvalidName, InvalidPath, LimitExceeded, NotFound
from entrepot.hub import access, events
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import RepoPath, RepoRef, XetFileId, XetHash, parse_path, parse_xet_hash

EMPTY = XetHash("0" * 64)
"""The hash of the empty file, of which no chunks exist."""

MAX_OPERATIONS = 10_000
MAX_SOURCES = 100
"""Repositories from which one batch copies: each is looked up in the transaction that other writers wait for."""

MAX_PATH_BYTES = 1_024

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
_TOLD = 100  # paths of each kind in the event of a batch
_UNKNOWN = "this content was not uploaded for this bucket: upload it first"


@attrs.frozen
class AddToBucket:
    """Put content at a path that was uploaded for the bucket, or that it has. ``mtime_ms`` None: the current time."""

    path: str
    xet_hash: str
    mtime_ms: int | None = None


@attrs.frozen
class CopyToBucket:
    """Put a file of another repository or bucket at a path; ``source`` None is of an unknown type."""

    path: str
    xet_hash: str
    source: RepoRef | None
    mtime_ms: int | None = None


@attrs.frozen
class DeleteFromBucket:
    """Delete a file; one that does not exist is deleted already."""

    path: str


BucketOperation = AddToBucket | CopyToBucket | DeleteFromBucket

_Stored = tuple[XetFileId | None, int]


@attrs.frozen
class FailedOperation:
    """An operation that was not applied, and why."""

    path: str
    error: str


@attrs.frozen
class BatchOutcome:
    """The number of operations in a batch, and those that failed."""

    processed: int
    failed: Sequence[FailedOperation]


def check_target(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> None:
    """Raise unless the caller may change the files of a bucket, before a large body is received.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        access.committable(tx, caller, ref)


def apply(hub: HubContext, caller: MaybeCaller, ref: RepoRef, operations: Sequence[BucketOperation]) -> BatchOutcome:
    """Apply operations to a bucket in their order, and report those that cannot be.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        LimitExceeded: there are too many operations, or they copy from too many repositories.
        QuotaExceeded: the files exceed the quota of the namespace; nothing was changed.
    """
    if len(operations) > MAX_OPERATIONS:
        raise LimitExceeded("the number of operations", MAX_OPERATIONS, "send several batches")
    faults = {number: fault for number, one in enumerate(operations) if (fault := _fault(one)) is not None}
    wanted = [one for number, one in enumerate(operations) if number not in faults]
    if len({one.source for one in wanted if isinstance(one, CopyToBucket)}) > MAX_SOURCES:
        raise LimitExceeded("the number of repositories to copy from", MAX_SOURCES, "send several batches")
    hashes = {one.xet_hash for one in wanted if not isinstance(one, DeleteFromBucket)}
    with hub.write(access.lock(hub, caller, ref, access.committable), *map(Lock.xorb, sorted(hashes))) as tx:
        row, _ = access.committable(tx, caller, ref)
        batch = _Batch.of(hub, tx, caller, row, wanted)
        for number, one in enumerate(operations):
            fault = faults[number] if number in faults else batch.take(one)
            if fault is not None:
                faults[number] = fault
        batch.publish(hub, tx)
    return BatchOutcome(len(operations), [FailedOperation(operations[at].path, faults[at]) for at in sorted(faults)])


@attrs.define
class _Batch:
    """The changes of a batch, in the transaction that publishes them."""

    row: RepoRow
    now_ms: int
    quota: Allowance
    own: Mapping[XetHash, _Stored]
    sources: Mapping[RepoRef, Mapping[XetHash, _Stored]]
    files: dict[RepoPath, BucketFile | None] = attrs.field(factory=dict)

    @classmethod
    def of(
        cls, hub: HubContext, tx: Read, caller: MaybeCaller, row: RepoRow, operations: Sequence[BucketOperation]
    ) -> _Batch:
        """Look up the contents that the operations name, and whether the caller may use them."""
        added = {XetHash(one.xet_hash) for one in operations if isinstance(one, AddToBucket)}
        copied: dict[RepoRef, set[XetHash]] = {}
        for one in operations:
            if isinstance(one, CopyToBucket) and one.source is not None:
                copied.setdefault(one.source, set()).add(XetHash(one.xet_hash))
        hashes = sorted(added)
        # What was uploaded just now is intact for sure.
        own = {**bucket_files.by_hash(tx, row.id, hashes), **bucket_rights.usable(tx, row.id, hashes), EMPTY: (None, 0)}
        sources = {source: _contents(tx, caller, source, sorted(hashes)) for source, hashes in copied.items()}
        return cls(row, hub.now_ms(), quotas.allowance(hub, tx, row), own, sources)

    def take(self, one: BucketOperation) -> str | None:
        """Note a change; return why it cannot be made, or None."""
        path = RepoPath(one.path)
        if isinstance(one, DeleteFromBucket):
            self.files[path] = None
            return None
        wanted = XetHash(one.xet_hash)
        if isinstance(one, CopyToBucket):
            found = self.sources.get(one.source, {}).get(wanted) if one.source is not None else None
            if found is None:
                return "the source has no such file, does not exist, or you may not read it"
        else:
            found = self.own.get(wanted)
            if found is None:
                return _UNKNOWN
        file, size = found
        try:
            self.quota.check_file("a file", size)
        except LimitExceeded as error:
            return error.message
        mtime_ms = self.now_ms if one.mtime_ms is None else one.mtime_ms
        self.files[path] = BucketFile(path, wanted, file, size, mtime_ms, self.now_ms)
        return None

    def publish(self, hub: HubContext, tx: Write) -> None:
        """Store the changes.

        Raises:
            QuotaExceeded: they exceed the quota.
        """
        if not self.files:
            return
        before = bucket_files.find(tx, self.row.id, list(self.files))
        added = [item for item in self.files.values() if item is not None]
        more = sum(item.size for item in added) - sum(item.size for item in before.values())
        if more > 0:
            self.quota.spend(more, tx)
        else:
            hub.usage_cache.add(self.row.owner_id, more)
        # Downloads of what leaves the bucket go on.
        gone = [BucketRight(item.xet_hash, item.file, True) for item in before.values() if item.file is not None]
        bucket_rights.grant(tx, self.row.id, gone, self.now_ms)
        removed = [path for path, item in self.files.items() if item is None]
        bucket_files.remove(tx, self.row.id, removed)
        bucket_files.put(tx, self.row.id, added)
        if added or before:
            # Clients notice changes by this time, so no two have the same.
            repositories.update(tx, self.row.id, updated_ms=max(self.now_ms, self.row.updated_ms + 1))
            deleted = [path for path in before if self.files[path] is None]
            changed = {"written": [item.path for item in added], "deleted": deleted}
            shown = {name: {"count": len(paths), "paths": paths[:_TOLD]} for name, paths in changed.items()}
            events.emit(hub, tx, self.row, "repo.content", "update", {"updatedFiles": shown})


def _contents(tx: Read, caller: MaybeCaller, source: RepoRef, hashes: Sequence[XetHash]) -> Mapping[XetHash, _Stored]:
    """Return the given contents that a caller may copy from a repository or bucket."""
    try:
        row = access.readable(tx, caller, source)
    except (Forbidden, NotFound):
        return {}
    if row.type.kind.has_commits:
        return file_links.by_xet_hash(tx, row.id, hashes)
    return bucket_files.by_hash(tx, row.id, hashes)


def _fault(one: BucketOperation) -> str | None:
    """Return why an operation is invalid by itself, or None."""
    try:
        path = parse_path(one.path)
        if not isinstance(one, DeleteFromBucket):
            parse_xet_hash(one.xet_hash)
    except (InvalidPath, InvalidName) as error:
        return error.message
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"the path is longer than {MAX_PATH_BYTES:,} bytes"
    if isinstance(one, DeleteFromBucket) or one.mtime_ms is None or _FIRST_MS <= one.mtime_ms <= _LAST_MS:
        return None
    return "the modification time is not between the years 1 and 9999, in milliseconds since 1970"
