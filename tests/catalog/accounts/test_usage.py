from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import usage
from entrepot.catalog.accounts.usage import StoredBytes
from entrepot.catalog.files import files, xet_files, xorbs
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Oid, Sha256, XetHash

AddRepo = Callable[..., RepoRow]


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


def sha(number: int) -> Sha256:
    return Sha256(f"{number:064x}")


R, S, T = sha(1), sha(2), sha(3)
F, G = name(0xF0), name(0xF1)
A, B = name(0xA), name(0xB)


def fill(catalog: Catalog) -> None:
    """Add the files R (raw, 100 bytes), S (chunked as F, xorbs A and B) and T (raw, and chunked as G, xorb B)."""
    with catalog.write() as tx:
        for xorb, size in ((A, 10), (B, 7)):
            xorbs.put(tx, XorbRow(xorb, size, 20, 1, b"d", False), 1, 1)
        xet_files.put(tx, XetFileRow(F, 20, b""), {A: b"", B: b""}, 1)
        xet_files.put(tx, XetFileRow(G, 20, b""), {B: b""}, 1)
        files.reserve(tx, R, 100, 1)
        files.put_chunked(tx, S, 20, F, 1)
        files.reserve(tx, T, 50, 1)
        files.set_chunked(tx, T, G)


def link(catalog: Catalog, row: RepoRow, *sha256s: Sha256) -> None:
    with catalog.write() as tx:
        files.link(tx, row.id, sha256s, None, 1)


def holdings(catalog: Catalog, row: RepoRow, *sha256s: Sha256) -> dict[str, int]:
    with catalog.read() as tx:
        return {holding.key: holding.size for holding in usage.holdings(tx, row.id, sha256s or (R, S, T))}


def elsewhere(catalog: Catalog, row: RepoRow) -> set[str]:
    everything = [StoredBytes(R, 100), StoredBytes(T, 50), StoredBytes(f"xorb:{A}", 10), StoredBytes(f"xorb:{B}", 7)]
    with catalog.read() as tx:
        return usage.needed_elsewhere(tx, everything, row.id)


def test_a_repository_holds_raw_bytes_and_whole_xorbs_once_each(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    link(catalog, repo, R, S, T)
    assert holdings(catalog, repo) == {R: 100, T: 50, f"xorb:{A}": 10, f"xorb:{B}": 7}
    assert holdings(catalog, repo, T) == {T: 50, f"xorb:{B}": 7}
    assert holdings(catalog, add_repo("other")) == {}
    with catalog.write() as tx:
        files.drop_raw(tx, T)
    assert holdings(catalog, repo, T) == {f"xorb:{B}": 7}


def test_a_link_on_a_claim_holds_the_claimed_chunks_and_nothing_else(catalog: Catalog, repo: RepoRow) -> None:
    fill(catalog)
    with catalog.write() as tx:
        xet_files.claim(tx, repo.id, [Claim(R, G, 20), Claim(S, G, 20)], None, 1)
        xet_files.link_claimed(tx, repo.id, [R, S], None, 1)
    assert holdings(catalog, repo) == {f"xorb:{B}": 7}


def test_what_others_link_is_needed_elsewhere(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    fill(catalog)
    other = add_repo("other")
    link(catalog, repo, R, S, T)
    assert elsewhere(catalog, repo) == set()
    link(catalog, other, R)
    assert elsewhere(catalog, repo) == {R}
    link(catalog, other, T)
    assert elsewhere(catalog, repo) == {R, T, f"xorb:{B}"}
    with catalog.write() as tx:
        repositories.unlink(tx, other, 1)
    assert elsewhere(catalog, repo) == set()


def test_a_claim_elsewhere_needs_its_chunks_but_not_the_bytes_of_that_sha256(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    other = add_repo("other")
    with catalog.write() as tx:
        xet_files.claim(tx, other.id, [Claim(R, G, 20)], None, 1)
        xet_files.link_claimed(tx, other.id, [R], None, 1)
    assert elsewhere(catalog, repo) == {f"xorb:{B}"}


def test_an_object_elsewhere_needs_raw_bytes_but_a_pointer_does_not(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    other = add_repo("other")
    with catalog.write() as tx:
        objects.put(tx, other.id, [ObjectRow(Oid("1" * 40), "blob", 100, None, R, None)], 1)
        objects.put(tx, other.id, [ObjectRow(Oid("2" * 40), "blob", 130, b"p", T, 50)], 1)
        objects.put(tx, repo.id, [ObjectRow(Oid("3" * 40), "blob", 50, None, T, None)], 1)
    assert elsewhere(catalog, repo) == {R}


def test_many_files_and_xorbs_are_counted(catalog: Catalog, repo: RepoRow, add_repo: AddRepo) -> None:
    many = [sha(100 + number) for number in range(1201)]
    with catalog.write() as tx:
        for number, one in enumerate(many):
            files.reserve(tx, one, 1, 1)
            xorbs.put(tx, XorbRow(name(9000 + number), 2, 2, 1, b"d", False), 1, 1)
            xet_files.put(tx, XetFileRow(name(5000 + number), 2, b""), {name(9000 + number): b""}, 1)
            files.set_chunked(tx, one, name(5000 + number))
    other = add_repo("other")
    link(catalog, repo, *many)
    link(catalog, other, *many)
    with catalog.read() as tx:
        found = usage.holdings(tx, repo.id, many)
        assert sum(holding.size for holding in found) == 3 * 1201
        assert len(usage.needed_elsewhere(tx, found, repo.id)) == 2 * 1201
