"""Rights of buckets to contents."""

from collections.abc import Callable

from entrepot.catalog import Catalog, Read
from entrepot.catalog.files import bucket_files, bucket_rights, xet_files
from entrepot.catalog.files.bucket_files import BucketFile
from entrepot.catalog.files.bucket_rights import BucketRight
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import RepoPath, RepoType, XetHash

AddRepo = Callable[..., RepoRow]
MADE = XetFileRow.of(XetHash("1" * 64), 7, b"x")


def is_readable(tx: Read, row: RepoRow, *, is_writer: bool = False, since_ms: int = 0) -> bool:
    found = bucket_rights.find_readable(tx, row.id, MADE.hash, is_writer=is_writer, since_ms=since_ms)
    return found == MADE.id


def test_an_upload_may_be_named_and_only_writers_may_read_it(catalog: Catalog, add_repo: AddRepo) -> None:
    bucket, other = add_repo("b", type=RepoType.BUCKET), add_repo("c", type=RepoType.BUCKET)
    with catalog.write() as tx:
        xet_files.put(tx, MADE, {}, 1)
        bucket_rights.grant(tx, bucket.id, [BucketRight(MADE.hash, MADE.id)], 10)
    with catalog.read() as tx:
        assert bucket_rights.usable(tx, bucket.id, [MADE.hash]) == {MADE.hash: (MADE.id, 7)}
        assert bucket_rights.usable(tx, other.id, [MADE.hash]) == {}
        assert (is_readable(tx, bucket), is_readable(tx, bucket, is_writer=True)) == (False, True)
        assert not is_readable(tx, other, is_writer=True)


def test_files_of_a_bucket_are_readable_and_former_ones_for_a_while(catalog: Catalog, add_repo: AddRepo) -> None:
    bucket = add_repo("b", type=RepoType.BUCKET)
    with catalog.write() as tx:
        xet_files.put(tx, MADE, {}, 1)
        bucket_files.put(tx, bucket.id, [BucketFile(RepoPath("a"), MADE.hash, MADE.id, 7, 1, 1)])
        assert is_readable(tx, bucket, since_ms=10**9)
        bucket_files.remove(tx, bucket.id, [RepoPath("a")])
        assert not is_readable(tx, bucket)
        bucket_rights.grant(tx, bucket.id, [BucketRight(MADE.hash, MADE.id, was_listed=True)], 10)
        assert is_readable(tx, bucket, since_ms=10)
        assert not is_readable(tx, bucket, since_ms=11)
        # Another upload renews the right, and what readers saw stays known to them.
        bucket_rights.grant(tx, bucket.id, [BucketRight(MADE.hash, MADE.id)], 20)
        assert is_readable(tx, bucket, since_ms=20)


def test_old_rights_are_forgotten_and_keep_their_files_until_then(catalog: Catalog, add_repo: AddRepo) -> None:
    bucket = add_repo("b", type=RepoType.BUCKET)
    with catalog.write() as tx:
        xet_files.put(tx, MADE, {}, 1)
        bucket_rights.grant(tx, bucket.id, [BucketRight(MADE.hash, MADE.id)], 10)
        assert xet_files.remove_unused(tx, 100) == 0
        assert bucket_rights.forget(tx, 10) == 0
        assert bucket_rights.forget(tx, 11) == 1
        assert xet_files.remove_unused(tx, 100) == 1
