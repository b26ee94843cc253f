"""Files of buckets: lists, totals and changes."""

from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import bucket_files, xet_files
from entrepot.catalog.files.bucket_files import BucketFile, BucketFolder, BucketTotals
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import RepoPath, RepoType, XetHash

AddRepo = Callable[..., RepoRow]
EMPTY = XetHash("0" * 64)
PATHS = ["a", "a-b", "a.txt", "a/1", "a/2/x", "a/2/y", "a0", "b/c", "z"]


def empty(path: str, uploaded_ms: int = 1) -> BucketFile:
    return BucketFile(RepoPath(path), EMPTY, None, 0, 5, uploaded_ms)


@pytest.fixture
def bucket(catalog: Catalog, add_repo: AddRepo) -> RepoRow:
    """Return a bucket with a few files, beside another one."""
    row, other = add_repo("b", type=RepoType.BUCKET), add_repo("c", type=RepoType.BUCKET)
    with catalog.write() as tx:
        bucket_files.put(tx, row.id, [empty(path, number) for number, path in enumerate(PATHS)])
        bucket_files.put(tx, other.id, [empty("a/other")])
    return row


def paths_of(catalog: Catalog, row: RepoRow, prefix: str, *, is_deep: bool, limit: int) -> list[str]:
    """Return the paths of all pages of a listing, folders with a slash at the end."""
    find = bucket_files.list_files if is_deep else bucket_files.list_folder
    found, after = list[str](), None
    while True:
        with catalog.read() as tx:
            page = find(tx, row.id, prefix, after=after, limit=limit)
        assert len(page.entries) <= limit
        found += [item.path + ("/" if isinstance(item, BucketFolder) else "") for item in page.entries]
        if page.after is None:
            return found
        after = page.after


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_all_files_of_a_bucket_or_below_a_path_are_listed_in_pages(
    catalog: Catalog, bucket: RepoRow, limit: int
) -> None:
    assert paths_of(catalog, bucket, "", is_deep=True, limit=limit) == sorted(PATHS)
    assert paths_of(catalog, bucket, "a", is_deep=True, limit=limit) == ["a", "a/1", "a/2/x", "a/2/y"]
    assert paths_of(catalog, bucket, "a/2", is_deep=True, limit=limit) == ["a/2/x", "a/2/y"]
    assert paths_of(catalog, bucket, "a/2/x", is_deep=True, limit=limit) == ["a/2/x"]
    assert paths_of(catalog, bucket, "nothing", is_deep=True, limit=limit) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_one_level_shows_folders_instead_of_what_is_below_them(catalog: Catalog, bucket: RepoRow, limit: int) -> None:
    top = ["a", "a-b", "a.txt", "a/", "a0", "b/", "z"]
    assert paths_of(catalog, bucket, "", is_deep=False, limit=limit) == top
    assert paths_of(catalog, bucket, "a", is_deep=False, limit=limit) == ["a", "a/1", "a/2/"]
    assert paths_of(catalog, bucket, "b/c", is_deep=False, limit=limit) == ["b/c"]


def test_a_folder_has_the_time_of_its_newest_file(catalog: Catalog, bucket: RepoRow) -> None:
    with catalog.read() as tx:
        page = bucket_files.list_folder(tx, bucket.id, "a", after=None, limit=10)
    assert page.entries[-1] == BucketFolder(RepoPath("a/2"), PATHS.index("a/2/y"))


def test_folders_with_many_files_are_skipped(catalog: Catalog, bucket: RepoRow) -> None:
    with catalog.write() as tx:
        bucket_files.put(tx, bucket.id, [empty(f"many/{number:04}/x") for number in range(700)])
    assert paths_of(catalog, bucket, "", is_deep=False, limit=100)[-2:] == ["many/", "z"]
    assert len(paths_of(catalog, bucket, "many", is_deep=False, limit=600)) == 700


def test_files_are_found_replaced_and_deleted_by_path(catalog: Catalog, bucket: RepoRow) -> None:
    replaced = BucketFile(RepoPath("z"), XetHash("1" * 64), None, 9, 7, 8)
    with catalog.write() as tx:
        bucket_files.put(tx, bucket.id, [replaced])
        bucket_files.remove(tx, bucket.id, [RepoPath("a"), RepoPath("missing")])
    with catalog.read() as tx:
        found = bucket_files.find(tx, bucket.id, [RepoPath("z"), RepoPath("a"), RepoPath("b")])
        totals = bucket_files.totals(tx, [bucket.id])
        named = bucket_files.by_hash(tx, bucket.id, [XetHash("1" * 64), XetHash("2" * 64)])
    assert found == {"z": replaced}
    assert totals == {bucket.id: BucketTotals(len(PATHS) - 1, 9)}
    assert named == {"1" * 64: (None, 9)}


def test_paths_beyond_ascii_are_kept_and_sorted_by_their_bytes(catalog: Catalog, bucket: RepoRow) -> None:
    with catalog.write() as tx:
        bucket_files.put(tx, bucket.id, [empty("é/\N{GRINNING FACE}"), empty("é/\uffee")])
    assert paths_of(catalog, bucket, "é", is_deep=True, limit=1) == ["é/\uffee", "é/\N{GRINNING FACE}"]


def test_only_damaged_chunks_are_replaced(catalog: Catalog, bucket: RepoRow) -> None:
    old, new = XetFileRow.of(XetHash("1" * 64), 1, b"x"), XetFileRow.of(XetHash("1" * 64), 1, b"y")
    with catalog.write() as tx:
        for row in (old, new):
            xet_files.put(tx, row, {}, 1)
        bucket_files.put(tx, bucket.id, [BucketFile(RepoPath("z"), old.hash, old.id, 1, 1, 1)])
        bucket_files.mend(tx, bucket.id, {new.hash: new.id})
        assert bucket_files.by_hash(tx, bucket.id, [old.hash]) == {old.hash: (old.id, 1)}


def test_files_of_buckets_are_not_removed_as_unused(catalog: Catalog, bucket: RepoRow) -> None:
    made = XetFileRow.of(XetHash("1" * 64), 1, b"x")
    with catalog.write() as tx:
        xet_files.put(tx, made, {}, 1)
        bucket_files.put(tx, bucket.id, [BucketFile(RepoPath("z"), made.hash, made.id, 1, 1, 1)])
        assert xet_files.remove_unused(tx, 100) == 0
        bucket_files.remove(tx, bucket.id, [RepoPath("z")])
        assert xet_files.remove_unused(tx, 100) == 1
