from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import chunk_access, file_links, xet_files, xorbs
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.names import RefName, RepoPath, Sha256, Uid, XetHash
from entrepot.xet import pack_ranges

REALM = 7


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


A, B, C = name(0xA), name(0xB), name(0xC)
SHARD = Uid("5" * 24)


@pytest.fixture
def linked(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> Callable[..., RepoRow]:
    """Return a function that commits a file, which uses chunks of a xorb, to a repository."""
    numbers = iter(range(1, 100))

    def link(repo: str, xorb: XetHash, ranges: bytes, *, is_claim: bool = True, is_proven: bool = True) -> RepoRow:
        row, number = add_repo(repo), next(numbers)
        file, sha256 = name(0xF00 + number), Sha256(f"{number:064x}")
        with catalog.write() as tx:
            xorbs.put(tx, XorbRow(xorb, 100, 1000, 3, b"x", False), REALM, 5)
            found = XetFileRow.of(file, 20, b"")
            xet_files.put(tx, found, {xorb: ranges}, 5)
            form = LinkedForm(20, found.id, file, is_proven=is_proven, is_verified=not is_claim)
            file_links.link_forms(tx, row.id, {sha256: form}, 1, 5)
            file_links.name_links(tx, row.id, [(sha256, RepoPath("w"))], RefName("refs/heads/main"), 5)
            xorbs.remember_chunks(tx, SHARD, [(name(number), xorb, 0)])
        return row

    return link


def ranges_of(catalog: Catalog, viewer: Viewer, *wanted: XetHash) -> set[tuple[XetHash, bytes]]:
    with catalog.read() as tx:
        return set(chunk_access.readable_ranges(tx, viewer, list(wanted)))


NOBODY, EVERYBODY = Viewer(Visibility()), Viewer(None)


@pytest.mark.parametrize("is_claim", [True, False])
def test_ranges_are_those_of_files_that_are_committed_where_the_viewer_reads(
    catalog: Catalog, linked: Callable[..., RepoRow], is_claim: bool
) -> None:
    row = linked("alice-m", A, b"aaaa", is_claim=is_claim)
    linked("bob-m", B, b"bbbb", is_claim=is_claim)
    assert ranges_of(catalog, NOBODY, A, B, C) == {(A, b"aaaa"), (B, b"bbbb")}
    with catalog.write() as tx:
        repositories.update(tx, row.id, visibility="private")
        xet_files.forget_claims(tx, 99)
    assert ranges_of(catalog, NOBODY, A, B) == {(B, b"bbbb")}
    for seen in (None, Visibility([row.namespace_id]), Visibility((), [row.id])):
        assert ranges_of(catalog, Viewer(seen), A) == {(A, b"aaaa")}
    with catalog.write() as tx:
        repositories.update(tx, row.id, is_disabled=True)
    assert ranges_of(catalog, EVERYBODY, A) == set()


def test_one_s_own_claim_counts_before_it_is_committed(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    row = add_repo("alice-m")
    with catalog.write() as tx:
        file = XetFileRow.of(name(0xF), 20, b"")
        xet_files.put(tx, file, {A: b"aaaa"}, 5)
        xet_files.claim(tx, row.id, [Claim(Sha256("1" * 64), file.id, file.hash, 20)], 3, 5)
    assert ranges_of(catalog, Viewer(Visibility(), repo_id=row.id, user_id=3), A) == {(A, b"aaaa")}
    for viewer in (NOBODY, EVERYBODY, Viewer(None, repo_id=row.id, user_id=4), Viewer(None, repo_id=99, user_id=3)):
        assert ranges_of(catalog, viewer, A) == set()


def test_where_proof_is_needed_only_proven_links_count(catalog: Catalog, linked: Callable[..., RepoRow]) -> None:
    linked("alice-m", A, b"aaaa", is_proven=False)
    linked("alice-n", B, b"bbbb")
    linked("alice-o", C, b"cccc", is_claim=False)
    assert ranges_of(catalog, Viewer(None, needs_proof=True), A, B, C) == {(B, b"bbbb"), (C, b"cccc")}


def test_whole_xorbs_are_those_that_were_sent_or_that_the_realm_shares(
    catalog: Catalog, linked: Callable[..., RepoRow]
) -> None:
    linked("alice-m", A, b"")
    linked("alice-n", B, b"")
    with catalog.write() as tx:
        assert xorbs.use(tx, A, None, 6, sender="u1")
        wanted = [A, B, C]
        assert chunk_access.whole(tx, NOBODY, wanted) == set()
        assert chunk_access.whole(tx, Viewer(Visibility(), "u1"), wanted) == {A}
        assert chunk_access.whole(tx, Viewer(Visibility(), "u2"), wanted) == set()
        assert chunk_access.whole(tx, Viewer(Visibility(), realm=REALM), wanted) == {A, B}
        assert chunk_access.whole(tx, Viewer(Visibility(), is_everywhere=True), wanted) == {A, B, C}


def test_a_chunk_is_not_found_by_who_may_use_only_others_of_its_xorb(
    catalog: Catalog, linked: Callable[..., RepoRow]
) -> None:
    linked("alice-m", A, pack_ranges([(0, 3), (7, 9)]))
    with catalog.write() as tx:
        xorbs.remember_chunks(tx, SHARD, [(name(98), A, 3), (name(97), A, 7), (name(96), A, 9), (name(96), A, 2)])
        found = [bool(chunk_access.near_chunk(tx, NOBODY, name(number), 9)) for number in (98, 97, 96)]
        assert found == [False, True, True]
        sender = Viewer(Visibility(), realm=REALM)
        assert chunk_access.near_chunk(tx, sender, name(98), 9) == [[A]]


def test_a_chunk_is_found_in_partly_usable_xorbs_with_their_neighbours(
    catalog: Catalog, linked: Callable[..., RepoRow]
) -> None:
    row = linked("alice-m", A, pack_ranges([(0, 1)]))
    linked("alice-n", B, pack_ranges([(0, 1)]))
    with catalog.write() as tx:
        xorbs.remember_chunks(tx, SHARD, [(name(99), B, 0), (name(99), A, 0)])
        xorbs.remember_group(tx, SHARD, [C])
        repositories.update(tx, row.id, visibility="private")
        assert chunk_access.near_chunk(tx, NOBODY, name(99), 9) == [[B]], "others do not count"
        for viewer, expected in ((EVERYBODY, [A, B]), (Viewer(Visibility(), is_everywhere=True), [A, B, C])):
            [group, _] = chunk_access.near_chunk(tx, viewer, name(99), 9)
            assert sorted(group) == expected
        assert len(chunk_access.near_chunk(tx, EVERYBODY, name(99), 2)[0]) == 2
        assert {group[0] for group in chunk_access.near_chunk(tx, EVERYBODY, name(99), 9)} == {A, B}
        assert chunk_access.near_chunk(tx, NOBODY, name(98), 9) == []


def crowd(catalog: Catalog, row: RepoRow, count: int, *, first: int = 0) -> None:
    """Commit files to a repository that use one xorb each in another way."""
    numbers = range(first, first + count)
    with catalog.write() as tx:
        xorbs.put(tx, XorbRow(A, 100, 1000, 3, b"x", False), REALM, 5)
        files = [XetFileRow.of(name(0x1000 + number), 20, b"") for number in numbers]
        for number, file in zip(numbers, files, strict=True):
            xet_files.put(tx, file, {A: pack_ranges([(0, 1 + number)])}, 5)
        forms = {Sha256(file.hash): LinkedForm(20, file.id, file.hash, is_verified=True) for file in files}
        file_links.link_forms(tx, row.id, forms, 1, 5)
        file_links.name_links(tx, row.id, [(sha256, RepoPath("w")) for sha256 in forms], RefName("refs/heads/main"), 5)
        xorbs.remember_chunks(tx, SHARD, [(name(99), A, 0)])


def test_lookups_look_at_a_limited_number_of_holders(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    row = add_repo("alice-m", visibility="private")
    crowd(catalog, row, chunk_access.MAX_USES + 20)
    assert ranges_of(catalog, NOBODY, A) == set()
    assert len(ranges_of(catalog, EVERYBODY, A)) == chunk_access.MAX_USES
    with catalog.read() as tx:
        assert chunk_access.near_chunk(tx, NOBODY, name(99), 9) == []
        assert chunk_access.near_chunk(tx, EVERYBODY, name(99), 9) == [[A]]


def test_the_work_on_holders_that_the_viewer_may_not_read_is_bounded(
    catalog: Catalog, add_repo: Callable[..., RepoRow]
) -> None:
    row = add_repo("alice-m", visibility="private")

    def steps(chunk: XetHash) -> int:
        taken: list[None] = []
        with catalog.read() as tx:
            connection = tx.sql.connection.driver_connection
            if not isinstance(connection, sqlite3.Connection):
                pytest.skip("counts the steps of SQLite")
            connection.set_progress_handler(lambda: taken.append(None), 100)
            try:
                assert chunk_access.near_chunk(tx, NOBODY, chunk, 9) == []
                assert list(chunk_access.readable_ranges(tx, NOBODY, [A])) == []
            finally:
                connection.set_progress_handler(None, 0)
        return len(taken)

    crowd(catalog, row, chunk_access.MAX_USES + 1)
    before = steps(name(99))
    crowd(catalog, row, 2 * chunk_access.MAX_USES, first=5_000)
    assert steps(name(99)) <= before * 1.1


def test_uses_before_a_link_are_listed_but_not_those_of_later_seconds(
    catalog: Catalog, linked: Callable[..., RepoRow]
) -> None:
    rows = [linked(f"m{number}", A, bytes([number] * 4), is_claim=number != 1) for number in range(3)]
    with catalog.write() as tx:
        for number, row in enumerate(rows):
            tx.sql.exec_driver_sql(f"UPDATE file_links SET uid = '{number:08x}{'0' * 16}' WHERE repo_id = {row.id}")
        for number in range(3):
            uses = chunk_access.uses_before(tx, [A, B], Uid(f"{number:08x}{'f' * 16}"))
            assert [(use.repo_id, use.xorb, use.ranges) for use in uses] == [
                (row.id, A, bytes([earlier] * 4)) for earlier, row in enumerate(rows) if earlier <= number
            ]


def test_the_latest_xorbs_of_a_repository_come_first(catalog: Catalog, linked: Callable[..., RepoRow]) -> None:
    row = linked("alice-m", A, b"aaaa")
    linked("alice-n", B, b"bbbb")
    with catalog.write() as tx:
        for number, xorb in enumerate((B, C, B)):
            file, sha256 = XetFileRow.of(name(0xE00 + number), 20, b""), Sha256(f"{0xE00 + number:064x}")
            xorbs.put(tx, XorbRow(xorb, 100, 1000, 3, b"x", False), REALM, 5)
            xet_files.put(tx, file, {xorb: b""}, 5)
            file_links.link_forms(tx, row.id, {sha256: LinkedForm(20, file.id, file.hash)}, 1, 6)
            if number < 2:
                file_links.name_links(tx, row.id, [(sha256, RepoPath("v"))], RefName("refs/heads/main"), 9 + number)
        assert chunk_access.latest_xorbs(tx, row.id, 9) == [C, B, A]
        assert chunk_access.latest_xorbs(tx, row.id, 1) == [C]
