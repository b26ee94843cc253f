from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.files import files, xet_files, xorbs
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, RepoPath, Sha256, XetHash

AddRepo = Callable[..., RepoRow]


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


def sha(number: int) -> Sha256:
    return Sha256(f"{number:064x}")


F, G, H = name(0xF0), name(0xF1), name(0xF2)
A, B, C = name(0xA), name(0xB), name(0xC)
S, T = sha(1), sha(2)


def store(
    catalog: Catalog, file: XetHash, using: Sequence[XetHash] = (A,), terms: bytes = b"t", now_ms: int = 5
) -> None:
    with catalog.write() as tx:
        for xorb in using:
            xorbs.put(tx, XorbRow(xorb, 10, 20, 1, b"d", False), 1, now_ms)
        xet_files.put(tx, XetFileRow(file, 20, terms), dict.fromkeys(using, b""), now_ms)


def claim(catalog: Catalog, repo: RepoRow, sha256: Sha256, file: XetHash, now_ms: int = 5) -> None:
    with catalog.write() as tx:
        xet_files.claim(tx, repo.id, [Claim(sha256, file, 20)], 9, now_ms)


def link(catalog: Catalog, repo: RepoRow, *sha256s: Sha256) -> None:
    with catalog.write() as tx:
        xet_files.link_claimed(tx, repo.id, sha256s, 9, 6)
        files.name_links(tx, repo.id, [(sha256, RepoPath("w")) for sha256 in sha256s], MAIN, 6)


def unverified(catalog: Catalog, **options: int) -> list[tuple[int, Sha256, XetHash]]:
    with catalog.read() as tx:
        return xet_files.unverified(tx, 99, **options)


def readable(catalog: Catalog, repo: RepoRow, user_id: int | None = 9) -> list[XetHash]:
    with catalog.read() as tx:
        return [file for file in (F, G, H) if xet_files.is_readable_in(tx, repo.id, user_id, file)]


def test_what_no_commit_names_is_read_by_its_uploader_only(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, F, [A])
    claim(catalog, repo, S, F)
    assert [readable(catalog, repo, user_id) for user_id in (9, 8, None)] == [[F], [], []]
    with catalog.write() as tx:
        xet_files.link_claimed(tx, repo.id, [S], 9, 6)
        xet_files.withdraw(tx, repo.id, [S])
    assert [readable(catalog, repo, user_id) for user_id in (9, 8, None)] == [[F], [], []]
    link(catalog, repo, S)
    assert [readable(catalog, repo, user_id) for user_id in (9, 8, None)] == [[F], [F], [F]]


def test_a_file_is_found_as_it_was_recorded(catalog: Catalog) -> None:
    store(catalog, F, [A, B])
    with catalog.read() as tx:
        assert xet_files.find(tx, F) == XetFileRow(F, 20, b"t")
        assert xet_files.find(tx, G) is None
        assert xet_files.hashes(tx) == [F]
        assert xet_files.xorbs_of(tx, [F, G]) == {A, B}
        assert xet_files.files_using(tx, A) == [F]
        assert xet_files.files_using(tx, C) == []


def test_the_first_way_to_make_a_file_stays(catalog: Catalog) -> None:
    store(catalog, F, [A, B])
    store(catalog, F, [B, C], b"other", now_ms=9)
    with catalog.write() as tx:
        assert xet_files.find(tx, F) == XetFileRow(F, 20, b"t")
        assert xet_files.xorbs_of(tx, [F]) == {A, B}
        assert xet_files.remove_unused(tx, 9) == 0  # but it was touched


def test_a_damaged_way_to_make_a_file_gives_way_to_a_new_one(catalog: Catalog) -> None:
    store(catalog, F, [A, B])
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, B, 5)
        assert xet_files.damaged_xorb_of(tx, F) == B
        xet_files.put(tx, XetFileRow(F, 20, b"other"), {A: b"", C: b""}, 9)
        assert xet_files.find(tx, F) == XetFileRow(F, 20, b"other")
        assert xet_files.xorbs_of(tx, [F]) == {A, C}
        assert xet_files.damaged_xorb_of(tx, F) is None


def test_the_first_claim_about_a_sha256_stands_in_its_repository(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    store(catalog, F)
    store(catalog, G)
    claim(catalog, repo, S, F)
    claim(catalog, repo, S, G)
    claim(catalog, other, S, G)
    with catalog.read() as tx:
        assert xet_files.claimed(tx, repo.id, [S, T]) == {S: Claim(S, F, 20)}
        assert xet_files.claimed(tx, other.id, [S, T]) == {S: Claim(S, G, 20)}
        assert xet_files.claimed(tx, repo.id, []) == {}


def test_a_claim_is_readable_in_its_repository_only(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, F)
    claim(catalog, repo, S, F)
    assert (readable(catalog, repo), readable(catalog, other)) == ([F], [])
    link(catalog, repo, S)
    with catalog.write() as tx:
        assert xet_files.forget_claims(tx, 5) == 0
        assert xet_files.forget_claims(tx, 6) == 1
    assert (readable(catalog, repo), readable(catalog, other)) == ([F], [])
    with catalog.write() as tx:
        files.unlink(tx, repo.id, [S])
    assert readable(catalog, repo) == []


def test_a_claim_is_withdrawn_from_one_repository(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, F)
    for row in (repo, other):
        claim(catalog, row, S, F)
        claim(catalog, row, T, F)
    with catalog.write() as tx:
        xet_files.withdraw(tx, repo.id, [S])
        assert set(xet_files.claimed(tx, repo.id, [S, T])) == {T}
        assert set(xet_files.claimed(tx, other.id, [S, T])) == {S, T}


def test_a_link_that_exists_is_not_changed_by_a_claim(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, F)
    with catalog.write() as tx:
        files.reserve(tx, S, 7, 1)
        files.link(tx, repo.id, [S], None, 1)
    claim(catalog, repo, S, F)
    link(catalog, repo, S)
    with catalog.read() as tx:
        assert files.usable(tx, repo.id, [S]) == {S: 7}
        assert files.xet_hashes(tx, repo.id, [S]) == {}


def test_a_verified_file_is_readable_through_a_link_to_its_sha256(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    liar = add_repo("liar")
    store(catalog, F)
    store(catalog, G)
    with catalog.write() as tx:
        files.put_chunked(tx, S, 20, F, 5)
        files.link(tx, repo.id, [S], 9, 5)
    claim(catalog, liar, S, G)
    link(catalog, liar, S)
    assert readable(catalog, repo) == [F]
    assert readable(catalog, liar) == [G]


def test_links_on_claims_wait_for_verification_until_the_answer_is_known(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other")
    store(catalog, F)
    store(catalog, G)
    claim(catalog, repo, S, F)
    claim(catalog, other, T, G)
    assert unverified(catalog) == []
    link(catalog, repo, S)
    link(catalog, other, T)
    assert unverified(catalog) == [(repo.id, S, F), (other.id, T, G)]
    assert unverified(catalog, skip=1) == [(other.id, T, G)]
    assert unverified(catalog, repo_id=repo.id) == [(repo.id, S, F)]
    with catalog.write() as tx:
        files.reserve(tx, S, 99, 5)  # says nothing about the claim
    assert len(unverified(catalog)) == 2
    with catalog.write() as tx:
        files.put_chunked(tx, S, 20, F, 5)
        files.mark_false_claim(tx, other.id, T, F)
    assert unverified(catalog) == [(other.id, T, G)]
    with catalog.write() as tx:
        files.mark_false_claim(tx, other.id, T, G)
    assert unverified(catalog) == []


@pytest.mark.parametrize("keeper", ["claim", "link", "verified", "nothing"])
def test_a_file_stays_as_long_as_something_leads_to_it(catalog: Catalog, repo: RepoRow, keeper: str) -> None:
    store(catalog, F)
    if keeper in ("claim", "link"):
        claim(catalog, repo, S, F)
    if keeper == "link":
        link(catalog, repo, S)
        with catalog.write() as tx:
            xet_files.forget_claims(tx, 99)
    with catalog.write() as tx:
        if keeper == "verified":
            files.put_chunked(tx, S, 20, F, 5)
        assert xet_files.remove_unused(tx, 5) == 0
        gone = xet_files.remove_unused(tx, 6)
        assert gone == (keeper == "nothing")
        assert xet_files.xorbs_of(tx, [F]) == (set() if gone else {A})


def test_erasing_a_repository_frees_its_files(catalog: Catalog, repo: RepoRow) -> None:
    store(catalog, F)
    claim(catalog, repo, S, F)
    link(catalog, repo, S)
    with catalog.write() as tx:
        repositories.unlink(tx, repo, 1)
        assert xet_files.remove_unused(tx, 99) == 0
        repositories.erase(tx, repo.id)
        assert xet_files.remove_unused(tx, 99) == 1


def test_many_files_are_looked_up_and_removed(catalog: Catalog, repo: RepoRow) -> None:
    many = [name(1000 + number) for number in range(1201)]
    shas = [sha(5000 + number) for number in range(1201)]
    with catalog.write() as tx:
        xorbs.put(tx, XorbRow(A, 10, 20, 1, b"d", False), 1, 5)
        for file in many:
            xet_files.put(tx, XetFileRow(file, 20, b""), {A: b""}, 5)
        xet_files.claim(tx, repo.id, [Claim(s, f, 20) for s, f in zip(shas, many, strict=True)], None, 5)
        assert xet_files.xorbs_of(tx, many) == {A}
        assert len(xet_files.claimed(tx, repo.id, shas)) == 1201
        xet_files.withdraw(tx, repo.id, shas)
        assert xet_files.remove_unused(tx, 9) == 1201
