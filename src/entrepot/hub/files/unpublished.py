"""What is stored before it is published.

Objects of a write count in the quota, and are deleted again if it is refused: the sweeper would delete them only
after its grace period. Chunks of no file, parts of no upload and files of no commit count in no quota; what an account
may send of them is limited in namespaces that have one, or it could fill the disk.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import bucket_files, bucket_rights, waiting_bytes
from entrepot.catalog.files.uploads import Upload
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, EntrepotError
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.context import HubContext
from entrepot.names import Oid, Sha256, XetHash
from entrepot.xet import FileBlock, Shard


@attrs.define
class Unpublished:
    """The new objects of one write to a repository. Not thread-safe."""

    _hub: HubContext
    _repo_id: int
    _quota: Allowance
    _stored: dict[int, list[Oid]] = attrs.field(factory=dict, init=False)
    _expected: int = attrs.field(default=0, init=False)

    def expect(self, size: int) -> None:
        """Count bytes of objects that the write is about to store, until they are discarded.

        Raises:
            QuotaExceeded: they exceed the quota; nothing was counted.
        """
        self._quota.spend(size)
        self._expected += size

    def put(self, tx: Write, rows: Sequence[ObjectRow]) -> None:
        """Store objects, and note those that are new."""
        now_ms = self._hub.now_ms()
        there = objects.present(tx, self._repo_id, [row.oid for row in rows])
        new = [row for row in rows if row.oid not in there]
        objects.put(tx, self._repo_id, [row for row in rows if row.oid in there], now_ms)
        # A millisecond earlier than any other writer touches them: so its own date says that no one else uses them.
        objects.put(tx, self._repo_id, new, now_ms - 1)
        self._stored.setdefault(now_ms - 1, []).extend(row.oid for row in new)

    def discard(self) -> None:
        """Delete what was new, unless a ref has moved since or another writer uses it: that is left to the sweeper.

        What was expected no longer counts, unless it is left to the sweeper.
        """
        if any(self._stored.values()):
            with self._hub.write(Lock.repo(self._repo_id)) as tx:
                if refs.has_moved_since(tx, self._repo_id, min(self._stored)):
                    return
                for touched_ms, oids in self._stored.items():
                    objects.remove_untouched(tx, self._repo_id, oids, touched_ms=touched_ms)
            self._stored.clear()
        expected, self._expected = self._expected, 0
        self._quota.refund(expected)


@contextlib.contextmanager
def discarding(hub: HubContext, repo_id: int, quota: Allowance) -> Iterator[Unpublished]:
    """Provide a place for new objects of a write, which are deleted again if the block refuses it.

    They stay if the same write will be tried again, or if the database fails.
    """
    found = Unpublished(hub, repo_id, quota)
    try:
        yield found
    except Busy:
        raise
    except EntrepotError:
        with contextlib.suppress(EntrepotError):  # the first error counts
            found.discard()
        raise


def check_xorb(hub: HubContext, tx: Read, row: RepoRow, user_id: int | None, xorb: XetHash, size: int) -> None:
    """Raise if an account may not send a xorb now.

    Raises:
        QuotaExceeded: the namespace has no quota left, or the account has sent too much that no file accounts for.
    """
    left = quotas.allowance(hub, tx, row)
    # The new part of it is not known yet; a namespace without remaining quota accepts none.
    left.check(1)
    if left.max_bytes is not None and user_id is not None:
        left.check_waiting(waiting_bytes.of_xorbs(tx, user_id, besides=xorb), size)


def admit_xorb(hub: HubContext, tx: Write, repo_id: int, user_id: int | None, xorb: XetHash, size: int) -> None:
    """Count a xorb that is about to be stored; whether others have stored it already makes no difference.

    QuotaExceeded is raised by the end of the transaction.
    """
    row = repositories.by_id(tx, repo_id)
    if row is None or user_id is None:
        return
    left = quotas.allowance(hub, tx, row)
    if left.max_bytes is None:
        return
    waiting_bytes.note_xorb(tx, user_id, xorb, size, hub.now_ms())
    tx.check_last(
        Lock.quota(row.owner_id),
        lambda: left.check_waiting(waiting_bytes.of_xorbs(tx, user_id, besides=xorb), size),
    )


def account_for(tx: Write, row: RepoRow, user_id: int | None, shard: Shard, named: Collection[XetHash]) -> None:
    """Count no longer what new files of a shard consist of: these count instead. Call it before they are recorded.

    The chunks of other files still count: those of a file without a SHA-256, which no commit can name; of a second
    form of the same content; of a file that is described again.
    """
    known = {} if user_id is None else waiting_bytes.loose(tx, user_id, list(named))
    if user_id is None or not known:
        return
    used: Counter[XetHash] = Counter()
    for file in _new_files(tx, row, user_id, shard):
        for term in file.terms:
            if term.xorb in known:
                used[term.xorb] += term.unpacked
    waiting_bytes.account_for(tx, user_id, {xorb: known[xorb] - size for xorb, size in used.items()})


def _new_files(tx: Read, row: RepoRow, user_id: int, shard: Shard) -> Iterable[FileBlock]:
    """Return the files of a shard that count as soon as they are recorded, each content once."""
    if row.type.kind.has_commits:
        stated: dict[Sha256, FileBlock] = {}
        for file in shard.files:
            if file.sha256 is not None:
                stated.setdefault(file.sha256, file)  # the first statement about a file is recorded
        known = waiting_bytes.stated(tx, row.id, user_id, list(stated))
        return [file for sha256, file in stated.items() if sha256 not in known]
    contents = {file.hash: file for file in shard.files}  # the last form of a content is recorded
    there = bucket_rights.usable(tx, row.id, list(contents)).keys() | bucket_files.by_hash(tx, row.id, list(contents))
    return [file for name, file in contents.items() if name not in there]


def check_files(hub: HubContext, tx: Read, row: RepoRow, user_id: int | None, size: int) -> None:
    """Raise if an account may not describe more files that no commit or bucket names.

    Raises:
        QuotaExceeded: the namespace has not this quota left, or there are too many such files.
    """
    left = quotas.allowance(hub, tx, row)
    left.check(size)
    if left.max_bytes is None or user_id is None:
        return
    if row.type.kind.has_commits:
        left.check_waiting(waiting_bytes.of_claims(tx, user_id), size)
    else:
        left.check_waiting(waiting_bytes.of_buckets(tx, row.namespace_id), size)


def check_part(hub: HubContext, tx: Read, row: RepoRow, upload: Upload, number: int, size: int) -> bool:
    """Return whether a part counts, which it then does from its first byte; raise if its sender may not send it now.

    Raises:
        QuotaExceeded: the parts of their unfinished uploads would be too much.
    """
    left = quotas.allowance(hub, tx, row)
    if left.max_bytes is None:
        return False
    left.check_waiting(waiting_bytes.of_parts(tx, upload.user_id, besides=(upload.uid, number)), size)
    return True
