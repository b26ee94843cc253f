from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import uploads
from entrepot.catalog.files.uploads import Upload
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Sha256, new_uid

SHA = Sha256("ab" * 32)


def begin(catalog: Catalog, repo: RepoRow, *, user: int = 1, touched_ms: int = 5, size: int = 25) -> Upload:
    upload = Upload(new_uid(), repo.id, user, SHA, size, 10, touched_ms)
    with catalog.write() as tx:
        uploads.add(tx, upload)
    return upload


@pytest.mark.parametrize(("size", "count"), [(1, 1), (10, 1), (11, 2), (20, 2), (25, 3)])
def test_the_last_part_may_be_shorter(size: int, count: int) -> None:
    assert Upload(new_uid(), 1, 1, SHA, size, 10, 0).part_count == count


def test_an_upload_is_found_by_its_id(catalog: Catalog, repo: RepoRow) -> None:
    upload = begin(catalog, repo)
    with catalog.read() as tx:
        assert uploads.get(tx, upload.uid) == upload
        assert uploads.get(tx, new_uid()) is None


def test_an_upload_is_resumed_only_by_the_same_user_in_the_same_repository(
    catalog: Catalog, repo: RepoRow, add_repo: Callable[..., RepoRow]
) -> None:
    upload, other = begin(catalog, repo, user=1), add_repo("other")
    with catalog.read() as tx:
        assert uploads.find(tx, repo.id, SHA, 1) == upload
        assert uploads.find(tx, repo.id, SHA, 2) is None
        assert uploads.find(tx, other.id, SHA, 1) is None
        assert uploads.find(tx, repo.id, Sha256("cd" * 32), 1) is None


def test_of_two_uploads_the_one_touched_last_is_resumed(catalog: Catalog, repo: RepoRow) -> None:
    first, second = begin(catalog, repo, touched_ms=5), begin(catalog, repo, touched_ms=6)
    with catalog.write() as tx:
        assert uploads.find(tx, repo.id, SHA, 1) == second
        uploads.touch(tx, first.uid, 7)
        assert uploads.find(tx, repo.id, SHA, 1) == attrs.evolve(first, touched_ms=7)


def test_a_part_sent_again_replaces_the_earlier_one(catalog: Catalog, repo: RepoRow) -> None:
    upload, other = begin(catalog, repo), begin(catalog, repo)
    with catalog.write() as tx:
        uploads.put_part(tx, upload.uid, 2, "old", 10)
        uploads.put_part(tx, upload.uid, 1, "one", 10)
        uploads.put_part(tx, upload.uid, 2, "new", 10)
    with catalog.read() as tx:
        assert uploads.parts(tx, upload.uid) == {1: "one", 2: "new"}
        assert uploads.parts(tx, other.uid) == {}


def test_an_upload_is_deleted_with_its_parts(catalog: Catalog, repo: RepoRow) -> None:
    upload, other = begin(catalog, repo), begin(catalog, repo)
    with catalog.write() as tx:
        uploads.put_part(tx, upload.uid, 1, "one", 10)
        uploads.put_part(tx, other.uid, 1, "other", 10)
        uploads.remove(tx, upload.uid)
        assert uploads.get(tx, upload.uid) is None
        assert uploads.parts(tx, upload.uid) == {}
        assert uploads.parts(tx, other.uid) == {1: "other"}
        assert uploads.everything(tx) == {other.uid}


def test_uploads_without_activity_are_stale(catalog: Catalog, repo: RepoRow) -> None:
    old, young = begin(catalog, repo, touched_ms=5), begin(catalog, repo, touched_ms=10)
    with catalog.write() as tx:
        assert uploads.stale(tx, 10) == [old]
        uploads.touch(tx, old.uid, 10)
        assert uploads.stale(tx, 10) == []
        assert uploads.everything(tx) == {old.uid, young.uid}
