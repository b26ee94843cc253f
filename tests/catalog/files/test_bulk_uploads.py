from __future__ import annotations

from collections.abc import Callable, Sequence

from entrepot.catalog import Catalog
from entrepot.catalog.files import bulk_uploads, file_links, files, xet_files, xorbs
from entrepot.catalog.files.bulk_uploads import FileState, ProvenFile
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, RepoPath, Sha256, XetHash
from tests.support.stored_rows import sha

AddRepo = Callable[..., RepoRow]


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


X, Y = name(0xA), name(0xB)
USER = 7


def arrival(number: int, xorb: XetHash = X, terms: bytes = b"t") -> ProvenFile:
    return ProvenFile(sha(number), XetFileRow.of(name(0xF00 + number), 20, terms), {xorb: b""})


def put(catalog: Catalog, row: RepoRow, arrivals: Sequence[ProvenFile], now_ms: int = 5) -> list[Sha256]:
    with catalog.write() as tx:
        for xorb in {xorb for item in arrivals for xorb in item.xorbs}:
            xorbs.put(tx, XorbRow(xorb, 10, 20, 1, b"d", False), 1, now_ms)
        return bulk_uploads.put(tx, row.id, arrivals, USER, now_ms)


def kept(catalog: Catalog, row: RepoRow, *numbers: int, user: int = USER) -> dict[Sha256, FileState]:
    with catalog.read() as tx:
        return bulk_uploads.stored_forms(tx, row.id, user, [sha(number) for number in numbers])


def commit(catalog: Catalog, row: RepoRow, number: int) -> None:
    with catalog.write() as tx:
        file_links.name_links(tx, row.id, [(sha(number), RepoPath("w"))], MAIN, 5, pusher_id=USER)


def test_uploaded_files_are_stored_as_chunks(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    arrivals = [arrival(number) for number in range(1200)]
    assert put(catalog, repo, arrivals) == []
    found = kept(catalog, repo, *range(1201))
    assert found == {item.sha256: FileState(20, is_raw=False, is_chunked=True) for item in arrivals}
    assert kept(catalog, add_repo("other"), *range(1201)) == {}
    assert kept(catalog, repo, *range(1201), user=8) == {}
    with catalog.read() as tx:
        assert xet_files.find(tx, arrivals[7].row.id) == arrivals[7].row
        assert xet_files.xorbs_of(tx, [arrivals[1100].row.id]) == {X}
        assert xet_files.unverified(tx, 9) == []


def test_chunks_that_commits_name_stay_until_they_are_damaged(catalog: Catalog, repo: RepoRow) -> None:
    put(catalog, repo, [arrival(1)])
    commit(catalog, repo, 1)
    put(catalog, repo, [arrival(1, Y, b"other")])
    with catalog.write() as tx:
        form = file_links.stored_form(tx, repo.id, sha(1))
        assert form is not None
        assert form.file == arrival(1).row.id
        xorbs.mark_damaged(tx, X, 5)
    assert kept(catalog, repo, 1) == {sha(1): FileState(20, is_raw=False, is_chunked=False)}
    put(catalog, repo, [arrival(1, Y, b"other")])
    assert kept(catalog, repo, 1, user=8)[sha(1)].is_chunked


def test_links_to_raw_files_learn_of_the_chunks(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        files.reserve(tx, sha(1), 20, 1)
        file_links.link(tx, repo.id, [sha(1)], USER, 1)
    commit(catalog, repo, 1)
    assert kept(catalog, repo, 1) == {sha(1): FileState(20, is_raw=True, is_chunked=False)}
    assert put(catalog, repo, [arrival(1), arrival(2)]) == [sha(1)]
    assert kept(catalog, repo, 1) == {sha(1): FileState(20, is_raw=False, is_chunked=True)}


def test_raw_bytes_that_are_being_swept_do_not_count(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        files.reserve(tx, sha(1), 20, 1)
        file_links.link(tx, repo.id, [sha(1)], USER, 1)
        file_links.unlink(tx, repo.id, [sha(1)])
        assert files.begin_sweep(tx, sha(1), 9, 10)
    assert kept(catalog, repo, 1) == {}


def test_claims_do_not_count(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        row = arrival(1).row
        xet_files.put(tx, row, {}, 1)
        form = LinkedForm(20, row.id, row.hash, is_verified=False)
        file_links.link_forms(tx, repo.id, {sha(1): form}, USER, 1)
    assert kept(catalog, repo, 1) == {}
