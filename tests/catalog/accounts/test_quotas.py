from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import quotas
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.quotas import QuotaRow
from entrepot.catalog.files import file_links, files
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Sha256


def test_a_quota_takes_the_place_of_the_one_before(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        for row in (QuotaRow(max_bytes=5), QuotaRow(max_repos=7, max_file_bytes=0), QuotaRow()):
            quotas.put(tx, alice.id, row)
            assert quotas.find(tx, alice.id) == row


def test_deleted_repositories_do_not_count(catalog: Catalog, alice: Account, add_repo: Callable[..., RepoRow]) -> None:
    kept, gone = add_repo("kept"), add_repo("gone")
    with catalog.write() as tx:
        for row, digit in ((kept, "a"), (gone, "b")):
            sha256 = Sha256(digit * 64)
            files.reserve(tx, sha256, 100, 1)
            files.confirm(tx, sha256, 100)
            file_links.link(tx, row.id, [sha256], alice.id, 1)
        assert (quotas.count_repos(tx, alice.id), quotas.bytes_of_namespace(tx, alice.id)) == (2, 200)
        repositories.unlink(tx, gone, 9)
        assert (quotas.count_repos(tx, alice.id), quotas.bytes_of_namespace(tx, alice.id)) == (1, 100)
        assert quotas.bytes_of_repo(tx, kept.id) == 100
