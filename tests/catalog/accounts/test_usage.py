from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import usage
from entrepot.catalog.accounts.usage import StoredBytes
from entrepot.catalog.files import file_links, files, xet_files, xorbs
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.names import MAIN, Oid, RepoPath, Sha256, XetHash
from tests.support.stored_rows import sha

AddRepo = Callable[..., RepoRow]


def name(number: int) -> XetHash:
    return XetHash(f"{number:064x}")


R, S, T = sha(1), sha(2), sha(3)
F, G = XetFileRow.of(name(0xF0), 20, b"f"), XetFileRow.of(name(0xF1), 20, b"g")
A, B = name(0xA), name(0xB)
FORMS = {S: LinkedForm(20, F.id, F.hash), T: LinkedForm(50, G.id, G.hash)}


def fill(catalog: Catalog) -> None:
    """Add the file R (raw, 100 bytes), and the chunks of S (xorbs A and B) and T (xorb B)."""
    with catalog.write() as tx:
        for xorb, size in ((A, 10), (B, 7)):
            xorbs.put(tx, XorbRow(xorb, size, 20, 1, b"d", False), 1, 1)
        xet_files.put(tx, F, {A: b"", B: b""}, 1)
        xet_files.put(tx, G, {B: b""}, 1)
        files.reserve(tx, R, 100, 1)
        files.reserve(tx, T, 50, 1)


def link(catalog: Catalog, row: RepoRow, *sha256s: Sha256) -> None:
    with catalog.write() as tx:
        file_links.link(tx, row.id, [sha256 for sha256 in sha256s if sha256 not in FORMS], None, 1)
        forms = {sha256: FORMS[sha256] for sha256 in sha256s if sha256 in FORMS}
        file_links.link_forms(tx, row.id, forms, None, 1)


def holdings(catalog: Catalog, row: RepoRow, *sha256s: Sha256) -> dict[str, int]:
    with catalog.read() as tx:
        return {holding.key: holding.size for holding in usage.holdings(tx, row.id, sha256s or (R, S, T))}


def elsewhere(catalog: Catalog, row: RepoRow, seen_by: Visibility | None = None) -> set[str]:
    everything = [StoredBytes(R, 100), StoredBytes(T, 50), StoredBytes(f"xorb:{A}", 10), StoredBytes(f"xorb:{B}", 7)]
    with catalog.read() as tx:
        return usage.needed_elsewhere(tx, everything, row.id, seen_by)


def test_a_repository_holds_raw_bytes_and_whole_xorbs_once_each(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    link(catalog, repo, R, S, T)
    assert holdings(catalog, repo) == {R: 100, f"xorb:{A}": 10, f"xorb:{B}": 7}
    assert holdings(catalog, add_repo("other")) == {}
    assert holdings(catalog, repo, T) == {f"xorb:{B}": 7}


def test_blobs_linked_by_other_repositories_are_needed_elsewhere(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    other = add_repo("other")
    link(catalog, repo, R, S, T)
    assert elsewhere(catalog, repo) == set()
    link(catalog, other, R)
    assert elsewhere(catalog, repo) == {R}
    link(catalog, other, T)
    assert elsewhere(catalog, repo) == {R, f"xorb:{B}"}
    with catalog.write() as tx:
        repositories.unlink(tx, other, 1)
    assert elsewhere(catalog, repo) == set()


def test_a_link_to_chunks_elsewhere_needs_them_but_not_the_bytes_of_that_sha256(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    other = add_repo("other")
    with catalog.write() as tx:
        file_links.link_forms(tx, other.id, {R: LinkedForm(20, G.id, G.hash)}, None, 1)
    assert elsewhere(catalog, repo) == {f"xorb:{B}"}


def test_repositories_the_caller_cannot_read_are_not_counted(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    fill(catalog)
    hidden = add_repo("hidden", visibility="private")
    link(catalog, hidden, R, S)
    with catalog.write() as tx:
        objects.put(tx, hidden.id, [ObjectRow(Oid("1" * 40), "blob", 50, None, T, None)], 1)
    assert elsewhere(catalog, repo) == {R, T, f"xorb:{A}", f"xorb:{B}"}
    assert elsewhere(catalog, repo, Visibility()) == set()
    assert elsewhere(catalog, repo, Visibility([hidden.namespace_id])) == {T}, "no commit names the others"
    with catalog.write() as tx:
        file_links.name_links(tx, hidden.id, [(R, RepoPath("r")), (S, RepoPath("s"))], MAIN, 1)
    assert elsewhere(catalog, repo, Visibility()) == set()
    assert elsewhere(catalog, repo, Visibility([hidden.namespace_id])) == {R, T, f"xorb:{A}", f"xorb:{B}"}


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
    other = add_repo("other")
    raw, forms = [sha(100 + number) for number in range(1201)], dict[Sha256, LinkedForm]()
    with catalog.write() as tx:
        for number, one in enumerate(raw):
            files.reserve(tx, one, 1, 1)
            xorbs.put(tx, XorbRow(name(9000 + number), 2, 2, 1, b"d", False), 1, 1)
            row = XetFileRow.of(name(5000 + number), 2, b"")
            xet_files.put(tx, row, {name(9000 + number): b""}, 1)
            forms[sha(20_000 + number)] = LinkedForm(2, row.id, row.hash)
        for linked in (repo, other):
            file_links.link(tx, linked.id, raw, None, 1)
            file_links.link_forms(tx, linked.id, forms, None, 1)
    with catalog.read() as tx:
        found = usage.holdings(tx, repo.id, [*raw, *forms])
        assert sum(holding.size for holding in found) == 3 * 1201
        assert len(usage.needed_elsewhere(tx, found, repo.id, None)) == 2 * 1201
