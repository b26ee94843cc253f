from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, file_tables
from entrepot.catalog.files import file_links, files, linked_forms, xet_files, xorbs
from entrepot.catalog.files.file_links import LinkUser
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import Claim, UnverifiedClaim, XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, RepoPath, Sha256, XetFileId, XetHash, new_uid
from tests.support.stored_rows import sha

AddRepo = Callable[..., RepoRow]


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


A, B, C = name(0xA), name(0xB), name(0xC)
F, G, H = (XetFileRow.of(name(0xF0 + number), 20, b"t") for number in range(3))
S, T = sha(1), sha(2)


def store(catalog: Catalog, file: XetFileRow, using: Sequence[XetHash] = (A,), now_ms: int = 5) -> None:
    with catalog.write() as tx:
        for xorb in using:
            xorbs.put(tx, XorbRow(xorb, 10, 20, 1, b"d", False), 1, now_ms)
        xet_files.put(tx, file, dict.fromkeys(using, b""), now_ms)


def claim_of(sha256: Sha256, file: XetFileRow) -> Claim:
    return Claim(sha256, file.id, file.hash, 20)


def claim(catalog: Catalog, repo: RepoRow, sha256: Sha256, file: XetFileRow, now_ms: int = 5, by: int = 9) -> None:
    with catalog.write() as tx:
        xet_files.claim(tx, repo.id, [claim_of(sha256, file)], by, now_ms)


def link(catalog: Catalog, repo: RepoRow, *sha256s: Sha256) -> None:
    with catalog.write() as tx:
        xet_files.link_claimed(tx, repo.id, xet_files.claimed(tx, repo.id, sha256s), 9, 6)
        file_links.name_links(tx, repo.id, [(sha256, RepoPath("w")) for sha256 in sha256s], MAIN, 6)


def unverified(catalog: Catalog, **options: Any) -> list[UnverifiedClaim]:
    with catalog.read() as tx:
        return xet_files.unverified(tx, 99, **options)


def readable(
    catalog: Catalog, repo: RepoRow, *, user_id: int | None = 9, is_writer: bool = True
) -> list[XetFileId | None]:
    """Return the files that a user can read under the hashes of F, G and H."""
    with catalog.read() as tx:
        user = LinkUser(user_id, is_writer)
        found = [xet_files.find_readable(tx, repo.id, file.hash, user) for file in (F, G, H)]
        return [file for file in found if file is not None]


def test_a_file_is_found_as_it_was_recorded(catalog: Catalog) -> None:
    store(catalog, F, [A, B])
    with catalog.read() as tx:
        assert xet_files.find(tx, F.id) == F
        assert xet_files.find(tx, G.id) is None
        assert xet_files.ids(tx) == [F.id]
        assert xet_files.xorbs_of(tx, [F.id, G.id]) == {A, B}
        assert xet_files.damaged_xorb_of(tx, F.id) is None


def test_each_way_to_make_a_file_is_recorded(catalog: Catalog) -> None:
    other = XetFileRow.of(F.hash, 20, b"other")
    assert other.id != F.id
    store(catalog, F, [A, B])
    store(catalog, other, [B, C])
    store(catalog, F, [A, B], now_ms=9)
    with catalog.write() as tx:
        xorbs.mark_damaged(tx, A, 5)
        assert (xet_files.find(tx, F.id), xet_files.find(tx, other.id)) == (F, other)
        assert xet_files.xorbs_of(tx, [F.id]) == {A, B}
        assert (xet_files.damaged_xorb_of(tx, F.id), xet_files.damaged_xorb_of(tx, other.id)) == (A, None)
        assert xet_files.remove_unused(tx, 9) == 1  # the first was touched
        assert xet_files.ids(tx) == [F.id]


def test_a_reader_gets_the_chunks_that_the_repository_or_they_themselves_have_sent(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    """A content that several sent in different xorbs."""
    rows = [XetFileRow.of(F.hash, 20, bytes([number])) for number in range(4)]
    for number, row in enumerate(rows):
        store(catalog, row, [name(0xA0 + number)])
    claim(catalog, add_repo("other"), S, rows[0], by=1)
    assert readable(catalog, repo) == []
    claim(catalog, repo, S, rows[1], by=1)
    claim(catalog, repo, S, rows[2], by=2)
    by_one, by_two = (readable(catalog, repo, user_id=user, is_writer=False) for user in (1, 2))
    assert (by_one, by_two) == ([rows[1].id], [rows[2].id])
    assert readable(catalog, repo, user_id=2) == [rows[2].id]
    assert readable(catalog, repo, user_id=3, is_writer=False) == []
    with catalog.write() as tx:
        assert xet_files.claimed(tx, repo.id, [S], LinkUser(2, True)) == {S: claim_of(S, rows[2])}
        form = LinkedForm(20, rows[3].id, F.hash)
        file_links.link_forms(tx, repo.id, {S: form}, 2, 6)
        file_links.name_links(tx, repo.id, [(S, RepoPath("w"))], MAIN, 6)
    assert readable(catalog, repo, user_id=1, is_writer=False) == [rows[3].id]


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
        assert xet_files.claimed(tx, repo.id, [S, T]) == {S: claim_of(S, F)}
        assert xet_files.claimed(tx, other.id, [S, T]) == {S: claim_of(S, G)}
        assert xet_files.claimed(tx, repo.id, []) == {}


def test_a_claim_is_readable_in_its_repository_only(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    other = add_repo("other")
    store(catalog, F)
    claim(catalog, repo, S, F)
    assert (readable(catalog, repo), readable(catalog, other)) == ([F.id], [])
    assert readable(catalog, repo, user_id=8, is_writer=False) == []
    link(catalog, repo, S)
    assert readable(catalog, repo, user_id=8, is_writer=False) == [F.id]  # a commit names it now
    with catalog.write() as tx:
        assert xet_files.forget_claims(tx, 5) == 0
        assert xet_files.forget_claims(tx, 6) == 1
    assert (readable(catalog, repo), readable(catalog, other)) == ([F.id], [])
    with catalog.write() as tx:
        file_links.unlink(tx, repo.id, [S])
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
        file_links.link(tx, repo.id, [S], None, 1)
    claim(catalog, repo, S, F)
    link(catalog, repo, S)
    with catalog.read() as tx:
        assert file_links.usable(tx, repo.id, [S]) == {S: 7}
        assert file_links.xet_hashes(tx, repo.id, [S]) == {}


@pytest.mark.parametrize("is_of_one_repo", [True, False])
def test_claims_of_two_users_about_one_hash_are_on_pages_once_each(
    catalog: Catalog, repo: RepoRow, is_of_one_repo: bool
) -> None:
    for file in (F, G):
        store(catalog, file)
    made = [(1, F), (2, G), (3, F)]
    with catalog.write() as tx:
        for owner, file in made:
            link = {"repo_id": repo.id, "sha256": S, "owner_id": owner, "size": file.size, "uid": new_uid()}
            tx.sql.execute(sa.insert(file_tables.file_links).values(**link, linked_ms=1, xet_file=file.id))
    found: list[UnverifiedClaim] = []
    repo_id = repo.id if is_of_one_repo else None
    with catalog.read() as tx:
        while page := xet_files.unverified(tx, 1, after=found[-1] if found else None, repo_id=repo_id):
            found += page
        files = sorted((F, G), key=lambda file: file.id)
        assert found == [UnverifiedClaim(repo.id, S, file.id, file.size) for file in files]
        assert xet_files.unverified_bytes(tx) == F.size + G.size


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
    first, second = UnverifiedClaim(repo.id, S, F.id, F.size), UnverifiedClaim(other.id, T, G.id, G.size)
    assert unverified(catalog) == [first, second]
    assert unverified(catalog, after=first) == [second]
    assert unverified(catalog, after=second) == []
    assert unverified(catalog, repo_id=repo.id) == [first]
    with catalog.read() as tx:
        assert xet_files.unverified_bytes(tx) == F.size + G.size
        assert xet_files.unverified_bytes(tx, other.id) == G.size
        assert xet_files.repos_with_claims(tx) == [repo.id, other.id]
    with catalog.write() as tx:
        linked_forms.mark_verified(tx, repo.id, S, F.id)
        linked_forms.mark_false_claim(tx, other.id, T, F.id)
    assert unverified(catalog) == [second]
    with catalog.write() as tx:
        linked_forms.mark_false_claim(tx, other.id, T, G.id)
        assert xet_files.repos_with_claims(tx) == []
    assert unverified(catalog) == []


@pytest.mark.parametrize("keeper", ["claim", "link", "nothing"])
def test_a_file_stays_as_long_as_something_leads_to_it(catalog: Catalog, repo: RepoRow, keeper: str) -> None:
    store(catalog, F)
    if keeper in ("claim", "link"):
        claim(catalog, repo, S, F)
    if keeper == "link":
        link(catalog, repo, S)
        with catalog.write() as tx:
            xet_files.forget_claims(tx, 99)
    with catalog.write() as tx:
        assert xet_files.remove_unused(tx, 5) == 0
        gone = xet_files.remove_unused(tx, 6)
        assert gone == (keeper == "nothing")
        assert xet_files.xorbs_of(tx, [F.id]) == (set() if gone else {A})


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
    many = [XetFileRow.of(name(1000 + number), 20, b"") for number in range(1201)]
    shas = [sha(5000 + number) for number in range(1201)]
    with catalog.write() as tx:
        xorbs.put(tx, XorbRow(A, 10, 20, 1, b"d", False), 1, 5)
        xet_files.put_many(tx, [(file, {A: b""}) for file in many], 5)
        xet_files.claim(tx, repo.id, [claim_of(s, f) for s, f in zip(shas, many, strict=True)], 9, 5)
        assert xet_files.xorbs_of(tx, [file.id for file in many]) == {A}
        assert len(xet_files.claimed(tx, repo.id, shas)) == 1201
        xet_files.withdraw(tx, repo.id, shas)
        assert xet_files.remove_unused(tx, 9) == 1201
