from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import file_links, files, linked_forms, xet_files, xorbs
from entrepot.catalog.files.file_links import READER, LinkUser, StoredForm
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.names import MAIN, RepoPath, XetHash, branch_ref, new_uid
from tests.support.stored_rows import PATH, commit, sha, store

AddRepo = Callable[..., RepoRow]


A, B, C, D = sha(0xA), sha(0xB), sha(0xC), sha(0xD)


def test_a_repository_may_use_linked_files_with_or_without_a_commit(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    store(catalog, A, B, C)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [B], None, 1)
        file_links.link(tx, other.id, [C], None, 1)
        assert file_links.usable(tx, repo.id, [A, B, C]) == {A: 10, B: 11}
        assert file_links.usable(tx, other.id, [A, B, C]) == {C: 12}
        assert file_links.usable(tx, repo.id, []) == {}


def test_many_files_are_looked_up(catalog: Catalog, repo: RepoRow) -> None:
    many = [sha(number) for number in range(1201)]
    with catalog.write() as tx:
        for one in many:
            files.reserve(tx, one, 1, 1)
        file_links.link(tx, repo.id, many, None, 1)
        file_links.name_links(tx, repo.id, [(one, PATH) for one in many], MAIN, 1)
        files.touch(tx, many, 2)
        assert len(file_links.usable(tx, repo.id, many)) == 1201
        assert len(linked_forms.readable_elsewhere(tx, Visibility(), many)) == 1201
        file_links.unlink(tx, repo.id, many)
        assert file_links.linked(tx, repo.id) == {}
        assert len(files.unused(tx, 3)) == 1201


def test_linking_again_leaves_the_link_as_it_is(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.read() as tx:
        before = file_links.link_of(tx, repo.id, A)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [A, B, B], 8, 99)
        assert file_links.link_of(tx, repo.id, A) == before
        assert file_links.linked(tx, repo.id) == {A: 1, B: 99}
    assert before is not None
    assert (before.path, before.ref, before.pusher_id, before.size) == (PATH, MAIN, 7, 10)


def test_a_file_that_is_not_stored_is_not_linked(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [A], None, 1)
        assert file_links.usable(tx, repo.id, [A]) == {}


def test_a_link_takes_the_name_of_the_last_commit(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A)
    commit(catalog, repo, A)
    commit(catalog, other, A)
    with catalog.write() as tx:
        file_links.name_links(tx, repo.id, [(A, RepoPath("new.bin"))], branch_ref("dev"), 60)
        file_links.name_links(tx, repo.id, [], MAIN, 70)
        here, there = file_links.link_of(tx, repo.id, A), file_links.link_of(tx, other.id, A)
    assert here is not None
    assert there is not None
    assert (here.path, here.ref, here.linked_ms) == ("new.bin", branch_ref("dev"), 60)
    assert (there.path, there.ref, there.linked_ms) == (PATH, MAIN, 1)


def test_a_duplicate_may_use_the_committed_files_of_its_source(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    copy = add_repo("copy")
    store(catalog, A, B)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [B], None, 1)
        file_links.copy_links(tx, repo.id, copy.id, 9, 50)
        source, target = file_links.link_of(tx, repo.id, A), file_links.link_of(tx, copy.id, A)
        assert file_links.linked(tx, copy.id) == {A: 50}
    assert source is not None
    assert target is not None
    assert (target.path, target.ref, target.pusher_id) == (PATH, MAIN, 9)
    assert target.uid != source.uid


def test_committed_files_are_listed_in_pages(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    many = [sha(number) for number in range(5)]
    store(catalog, *many, A, B)
    commit(catalog, repo, *many)
    commit(catalog, add_repo("other"), B)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [A], None, 1)
    found, after = [], None
    with catalog.read() as tx:
        while page := file_links.committed_links(tx, repo.id, after=after, limit=2):
            found.extend(page)
            after = page[-1].uid
    assert sorted(one.sha256 for one in found) == many
    assert [one.uid for one in found] == sorted(one.uid for one in found)


def test_links_are_found_by_id_in_their_own_repository_only(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A)
    commit(catalog, repo, A)
    with catalog.read() as tx:
        link = file_links.link_of(tx, repo.id, A)
        assert link is not None
        assert file_links.links_by_uid(tx, repo.id, [link.uid, new_uid()]) == [link]
        assert file_links.links_by_uid(tx, other.id, [link.uid]) == []
        assert file_links.link_of(tx, other.id, A) is None


def test_unlinking_takes_a_file_from_one_repository(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A, B)
    commit(catalog, repo, A, B)
    commit(catalog, other, A)
    with catalog.write() as tx:
        file_links.unlink(tx, repo.id, [A])
        assert file_links.usable(tx, repo.id, [A, B]) == {B: 11}
        assert file_links.usable(tx, other.id, [A, B]) == {A: 10}


def test_used_bytes_count_committed_files(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other, empty = add_repo("other"), add_repo("empty")
    store(catalog, A, B, C)
    commit(catalog, repo, A, B)
    commit(catalog, other, A)
    with catalog.write() as tx:
        file_links.link(tx, other.id, [C], None, 1)
        assert file_links.used_bytes(tx, [repo.id, other.id, empty.id]) == {repo.id: 21, other.id: 10}


def test_the_size_of_a_repository_is_that_of_its_committed_files(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    copy = add_repo("copy")
    store(catalog, A, B, C)

    def sizes() -> list[int]:
        with catalog.read() as tx:
            found = repositories.by_ids(tx, [repo.id, copy.id])
            used = file_links.used_bytes(tx, [repo.id, copy.id])
        shown = [found[row.id].size for row in (repo, copy)]
        assert shown == [used.get(row.id, 0) for row in (repo, copy)]
        return shown

    with catalog.write() as tx:
        file_links.link(tx, repo.id, [C], None, 1)
    assert sizes() == [0, 0]
    commit(catalog, repo, A, B)
    assert sizes() == [21, 0]
    commit(catalog, repo, B, C)
    assert sizes() == [33, 0]
    with catalog.write() as tx:
        file_links.copy_links(tx, repo.id, copy.id, 9, 50)
        file_links.copy_links(tx, repo.id, copy.id, 9, 50)
    assert sizes() == [33, 33]
    with catalog.write() as tx:
        file_links.unlink(tx, repo.id, [A, A])
        file_links.unlink_unused(tx, copy.id, [A, B], 10**15)
    assert sizes() == [23, 12]
    with catalog.write() as tx:
        file_links.unlink_unused(tx, copy.id, [C], 0)
    assert sizes() == [23, 12]


# --- forms ------------------------------------------------------------------

ONE, TWO = XetFileRow.of(XetHash("f" * 64), 10, b"one"), XetFileRow.of(XetHash("f" * 64), 10, b"two")
X, Y = XetHash("a" * 64), XetHash("b" * 64)


@pytest.fixture(autouse=True)
def chunked(catalog: Catalog) -> None:
    """Store the same content in two ways: the file ONE in the xorb X, and TWO in Y."""
    with catalog.write() as tx:
        for row, xorb in ((ONE, X), (TWO, Y)):
            xorbs.put(tx, XorbRow(xorb, 10, 20, 1, b"d", False), 1, 1)
            xet_files.put(tx, row, {xorb: b""}, 1)


def link(
    catalog: Catalog,
    row: RepoRow,
    file: XetFileRow,
    *,
    by: int | None = 7,
    is_verified: bool = True,
    names: bool = True,
) -> None:
    """Link A as chunks, by an account, and commit it."""
    with catalog.write() as tx:
        form = LinkedForm(10, file.id, file.hash, is_verified=is_verified)
        file_links.link_forms(tx, row.id, {A: form}, by, 1)
        if names:
            file_links.name_links(tx, row.id, [(A, PATH)], MAIN, 1, pusher_id=by)


def kept(catalog: Catalog, row: RepoRow, user: LinkUser = file_links.REPO) -> StoredForm | None:
    with catalog.read() as tx:
        return file_links.stored_form(tx, row.id, A, user)


def as_chunks(file: XetFileRow) -> StoredForm:
    return StoredForm(10, False, file.id, file.hash)


RAW = StoredForm(10, True, None, None)


def test_each_repository_has_its_own_form_of_a_file(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other, third = add_repo("other"), add_repo("third")
    store(catalog, A)
    commit(catalog, repo, A)
    link(catalog, other, ONE)
    link(catalog, third, TWO)
    assert [kept(catalog, row) for row in (repo, other, third)] == [RAW, as_chunks(ONE), as_chunks(TWO)]
    with catalog.read() as tx:
        assert file_links.xet_hashes(tx, repo.id, [A, B]) == {}
        assert file_links.xet_hashes(tx, other.id, [A, B]) == {A: ONE.hash}


def test_a_link_that_commits_name_keeps_its_chunks(catalog: Catalog, repo: RepoRow) -> None:
    link(catalog, repo, ONE)
    link(catalog, repo, TWO, by=8)
    store(catalog, A)
    commit(catalog, repo, A)
    assert kept(catalog, repo) == as_chunks(ONE)
    with catalog.write() as tx:
        linked_forms.set_chunked(tx, repo.id, A, TWO.id, TWO.hash)
    assert kept(catalog, repo) == as_chunks(ONE)


def test_damaged_chunks_give_way_to_verified_content(catalog: Catalog, repo: RepoRow) -> None:
    link(catalog, repo, ONE)
    with catalog.write() as tx:
        assert linked_forms.damaged_forms(tx, repo.id, [A, B]) == set()
        xorbs.mark_damaged(tx, X, 1)
        assert linked_forms.damaged_forms(tx, repo.id, [A, B]) == {A}
    link(catalog, repo, TWO, is_verified=False)
    assert kept(catalog, repo) == as_chunks(ONE)
    link(catalog, repo, TWO)
    assert kept(catalog, repo) == as_chunks(TWO)
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, Y, 1)
    store(catalog, A)
    commit(catalog, repo, A)
    assert kept(catalog, repo) == RAW


def test_links_in_one_repository_are_mended_by_the_same_content(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    for row in (repo, other):
        link(catalog, row, ONE)
    with catalog.write() as tx:
        linked_forms.mend(tx, repo.id, {TWO.hash: TWO.id})
    assert kept(catalog, repo) == as_chunks(ONE)
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, X, 1)
        linked_forms.mend(tx, repo.id, {TWO.hash: TWO.id})
    assert (kept(catalog, repo), kept(catalog, other)) == (as_chunks(TWO), as_chunks(ONE))


def test_an_upload_serves_its_uploader_and_writers_until_a_commit_names_it(catalog: Catalog, repo: RepoRow) -> None:
    link(catalog, repo, ONE, by=7, names=False)
    link(catalog, repo, TWO, by=8, names=False)
    users = [LinkUser(7, False), LinkUser(8, False), LinkUser(9, False), LinkUser(8, True)]
    assert [kept(catalog, repo, user) for user in users] == [as_chunks(ONE), as_chunks(TWO), None, as_chunks(TWO)]
    with catalog.write() as tx:
        assert file_links.usable(tx, repo.id, [A], READER) == {}
        assert file_links.usable(tx, repo.id, [A], LinkUser(7, False)) == {A: 10}
        file_links.name_links(tx, repo.id, [(A, PATH)], MAIN, 5, pusher_id=8)
        assert len(file_links.committed_links(tx, repo.id, after=None, limit=9)) == 1
        assert file_links.linked(tx, repo.id) == {A: 5}
    assert {kept(catalog, repo, user) for user in users} == {as_chunks(TWO)}


def test_an_upload_that_is_sent_twice_is_that_of_both(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        for account in (7, 8):
            file_links.link(tx, repo.id, [A], account, 1)
        usable = [file_links.usable(tx, repo.id, [A], LinkUser(account, False)) for account in (7, 8, 9)]
    assert usable == [{A: 10}, {A: 10}, {}]


def test_one_s_own_verified_upload_replaces_one_s_claim(catalog: Catalog, repo: RepoRow) -> None:
    link(catalog, repo, ONE, is_verified=False, names=False)
    link(catalog, repo, TWO, is_verified=False, names=False)
    assert kept(catalog, repo) == as_chunks(ONE)
    link(catalog, repo, TWO, names=False)
    assert kept(catalog, repo) == as_chunks(TWO)


def test_a_duplicate_has_verified_chunks_only(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    copy = add_repo("copy")
    link(catalog, repo, ONE, is_verified=False)
    with catalog.write() as tx:
        file_links.copy_links(tx, repo.id, copy.id, None, 1)
    assert kept(catalog, copy) is None
    with catalog.write() as tx:
        linked_forms.mark_verified(tx, repo.id, A, ONE.id)
        file_links.copy_links(tx, repo.id, copy.id, None, 1)
    assert kept(catalog, copy) == as_chunks(ONE)


def test_links_are_renewed_and_lost_uploads_removed(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    commit(catalog, repo, A)
    store(catalog, B)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [B], 7, 1)
        file_links.renew(tx, repo.id, [A, B], 50)
        assert file_links.linked(tx, repo.id) == {A: 50, B: 50}
        assert [link.linked_ms for link in file_links.committed_links(tx, repo.id, after=None, limit=9)] == [1]
        file_links.unlink_unused(tx, repo.id, [A, B], 50)
        for sha256 in (A, B):
            file_links.unlink_lost(tx, repo.id, sha256)
        assert file_links.linked(tx, repo.id) == {A: 50}
