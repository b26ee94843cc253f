from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import file_links, files, linked_forms, xet_files, xorbs
from entrepot.catalog.files.files import SWEEP_LEASE_MS
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy
from entrepot.names import Oid, Sha256, XetHash
from tests.support.stored_rows import commit, everything, sha, store

AddRepo = Callable[..., RepoRow]


A, B, C, D = sha(0xA), sha(0xB), sha(0xC), sha(0xD)


def test_a_file_keeps_the_size_it_was_stored_with(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, A, 2**40, 1)
        files.reserve(tx, A, 5, 2)
        assert list(everything(tx)) == [(A, 2**40)]


def test_totals_count_every_file_once(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    with catalog.read() as tx:
        assert files.totals(tx) == (0, 0)
    store(catalog, A, B)
    commit(catalog, repo, A)
    commit(catalog, add_repo("other"), A)
    with catalog.read() as tx:
        assert files.totals(tx) == (2, 21)


def test_a_file_is_unused_when_nothing_links_it_and_its_grace_is_over(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B, now_ms=5)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [B], None, 1)
        assert files.unused(tx, 5) == []
        assert files.unused(tx, 6) == [(A, 10)]
        file_links.unlink(tx, repo.id, [B])
        assert sorted(files.unused(tx, 6)) == [(A, 10), (B, 11)]


def test_storing_or_touching_a_file_starts_its_grace_again(catalog: Catalog) -> None:
    store(catalog, A, B, C, now_ms=5)
    with catalog.write() as tx:
        files.reserve(tx, A, 10, 10)
        files.touch(tx, [B], 10)
        assert files.unused(tx, 10) == [(C, 12)]


def test_a_file_that_holds_a_large_object_is_used_but_one_behind_a_pointer_is_not(
    catalog: Catalog, repo: RepoRow
) -> None:
    store(catalog, A, B)
    with catalog.write() as tx:
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 10, None, A, None)], 1)
        objects.put(tx, repo.id, [ObjectRow(Oid("2" * 40), "blob", 130, b"p", B, 11)], 1)
        assert files.unused(tx, 9) == [(B, 11)]
        assert list(files.needed(tx)) == [(A, 10)]
        assert not files.begin_sweep(tx, A, 9, 9)


def test_a_file_is_swept_only_while_it_is_unused(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B, C, now_ms=5)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [A], None, 1)
        files.touch(tx, [B], 10)
        assert [files.begin_sweep(tx, one, 10, 20) for one in (A, B, C, sha(99))] == [False, False, True, False]
    with catalog.write() as tx:
        for one in (A, B, C):
            files.end_sweep(tx, one)
        assert sorted(everything(tx)) == [(A, 10), (B, 11)]


def test_a_file_that_is_being_swept_cannot_be_stored_until_that_has_ended(catalog: Catalog) -> None:
    store(catalog, A, now_ms=5)
    with catalog.write() as tx:
        assert files.begin_sweep(tx, A, 10, 20)
    with catalog.write() as tx, pytest.raises(Busy):
        files.reserve(tx, A, 10, 21)
    with catalog.write() as tx:
        files.end_sweep(tx, A)
        files.reserve(tx, A, 10, 22)
        assert files.unused(tx, 22) == []
        assert files.unused(tx, 23) == [(A, 10)]


def test_a_sweep_that_died_does_not_keep_a_file_from_being_stored_for_ever(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, now_ms=5)
    ended = 20 + SWEEP_LEASE_MS
    with catalog.write() as tx:
        assert files.begin_sweep(tx, A, 10, 20)
        with pytest.raises(Busy):
            files.reserve(tx, A, 10, ended - 1)
        files.reserve(tx, A, 10, ended)
        file_links.link(tx, repo.id, [A], None, ended)
        files.end_sweep(tx, A)
        assert file_links.usable(tx, repo.id, [A]) == {A: 10}


def test_files_that_a_link_or_a_large_object_names_are_needed(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A, B, C)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [A], None, 1)
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 11, None, B, None)], 1)
        assert sorted(files.needed(tx)) == [(A, 10), (B, 11)]


def test_files_of_a_deleted_repository_stay_until_it_is_erased(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    commit(catalog, repo, A)
    with catalog.write() as tx:
        repositories.unlink(tx, repo, 1)
        assert files.unused(tx, 99) == []
        repositories.erase(tx, repo.id)
        assert files.unused(tx, 99) == [(A, 10)]


# --- chunks -----------------------------------------------------------------

FILE, XORB = XetFileRow.of(XetHash("f" * 64), 10, b"t"), XetHash("a" * 64)


def chunk(catalog: Catalog, repo: RepoRow, sha256: Sha256) -> None:
    """Let a repository use a committed file as chunks from now on."""
    with catalog.write() as tx:
        xorbs.put(tx, XorbRow(XORB, 10, 20, 1, b"d", False), 1, 1)
        xet_files.put(tx, FILE, {XORB: b""}, 1)
        linked_forms.set_chunked(tx, repo.id, sha256, FILE.id, FILE.hash)


def drop(catalog: Catalog, sha256: Sha256, begun_ms: int = 9) -> bool:
    with catalog.write() as tx:
        is_dropped = files.drop_raw(tx, sha256, begun_ms)
        assert files.is_raw(tx, sha256) != is_dropped
        return is_dropped


def test_raw_bytes_stay_as_long_as_a_repository_uses_them(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, A, now_ms=5)
    for row in (repo, other):
        commit(catalog, row, A)
    assert not drop(catalog, A)
    chunk(catalog, repo, A)
    assert not drop(catalog, A)
    chunk(catalog, other, A)
    assert not drop(catalog, A, begun_ms=4)  # an upload has begun
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, XORB, 1)
    assert not drop(catalog, A)
    with catalog.write() as tx:
        xorbs.mark_checked(tx, XORB, 1, 1)
    assert drop(catalog, A)
    with catalog.write() as tx:
        assert not files.drop_raw(tx, A, 9)
        assert files.confirm(tx, A, 10)  # a client uploads it again
        assert files.is_raw(tx, A)
        assert not files.confirm(tx, B, 10)


def test_a_proven_size_replaces_the_announced_one(catalog: Catalog) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        files.confirm(tx, A, 99)
        assert dict(everything(tx)) == {A: 99}


def test_raw_files_wait_for_being_chunked_oldest_first(catalog: Catalog, repo: RepoRow) -> None:
    for number, sha256 in enumerate((C, A, B, D)):
        store(catalog, sha256, now_ms=number + 1)
    commit(catalog, repo, A, B, C)
    with catalog.write() as tx:
        file_links.link(tx, repo.id, [D], None, 1)
        assert files.raw_of(tx, repo.id, larger_than=9, limit=9) == [(C, 10), (A, 10), (B, 10)]
        assert files.raw_of(tx, repo.id, larger_than=9, limit=1, skip=1) == [(A, 10)]
        assert files.raw_of(tx, repo.id, larger_than=10, limit=9) == []
    chunk(catalog, repo, A)
    with catalog.write() as tx:
        assert files.raw_of(tx, repo.id, larger_than=9, limit=9) == [(C, 10), (B, 10)]
        xorbs.mark_damaged(tx, XORB, 1)
        assert files.raw_of(tx, repo.id, larger_than=9, limit=9) == [(C, 10), (A, 10), (B, 10)]


def test_raw_bytes_that_a_git_object_needs_are_not_given_up(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        objects.put(tx, repo.id, [ObjectRow(Oid("1" * 40), "blob", 10, None, A, None)], 1)
    assert not drop(catalog, A)


def test_a_link_to_chunks_needs_no_bytes(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, A)
    with catalog.write() as tx:
        xet_files.put(tx, FILE, {}, 1)
        file_links.link_forms(tx, repo.id, {A: LinkedForm(10, FILE.id, FILE.hash)}, None, 1)
        assert list(files.needed(tx)) == []
        assert files.unused(tx, 9) == [(A, 10)]


def test_raw_bytes_are_left_over_when_their_file_is_kept_as_chunks(catalog: Catalog) -> None:
    store(catalog, A, B, now_ms=5)
    with catalog.write() as tx:
        assert files.chunked_only(tx, [A, B, C], 9) == set()
        files.drop_raw(tx, A, 9)
        assert files.chunked_only(tx, [A, B, C], 5) == set()
        assert files.chunked_only(tx, [A, B, C], 6) == {A}
        assert files.totals(tx) == (1, 11)
        files.reserve(tx, A, 10, 7)  # a client uploads it again
        assert files.chunked_only(tx, [A, B, C], 7) == set()


def test_adopted_orphans_count_as_untouched(catalog: Catalog) -> None:
    store(catalog, A, now_ms=5)
    with catalog.write() as tx:
        files.adopt(tx, A, 99)
        files.adopt(tx, B, 33)
        assert dict(everything(tx)) == {A: 10, B: 33}
        assert files.unused(tx, 5) == [(B, 33)]


def test_files_are_reserved_together_but_for_those_being_swept(catalog: Catalog) -> None:
    with catalog.write() as tx:
        files.reserve(tx, A, 10, 1)
        assert files.begin_sweep(tx, A, 2, 50)
        assert files.reserve_all(tx, {A: 10, B: 20, C: 30}, 60) == {A}
        assert files.known(tx, [A, B, C]) == {A, B, C}
        assert not files.reserve_all(tx, {A: 10, B: 20}, 51 + files.SWEEP_LEASE_MS)  # the sweeper has crashed
        files.confirm_all(tx, {B: 21, C: 31})
        assert dict(everything(tx)) == {A: 10, B: 21, C: 31}
        assert files.is_raw(tx, B)
