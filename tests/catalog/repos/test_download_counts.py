from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.repos import download_counts, repositories
from entrepot.catalog.repos.repositories import RepoRow

TODAY = 20_000


def shown(catalog: Catalog, repo: RepoRow) -> int:
    with catalog.read() as tx:
        found = repositories.by_id(tx, repo.id)
    assert found is not None
    return found.downloads


def test_downloads_of_a_day_add_up_by_repository(
    catalog: Catalog, repo: RepoRow, add_repo: Callable[..., RepoRow]
) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        download_counts.add(tx, TODAY, {repo.id: 2, other.id: 10})
        download_counts.add(tx, TODAY, {repo.id: 3})
    assert (shown(catalog, repo), shown(catalog, other)) == (5, 10)


def test_a_repository_shows_thirty_days_and_remembers_all(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        download_counts.add(tx, TODAY - 30, {repo.id: 100})
        download_counts.add(tx, TODAY - 29, {repo.id: 10})
        download_counts.add(tx, TODAY, {repo.id: 1})
    assert shown(catalog, repo) == 11
    with catalog.read() as tx:
        assert download_counts.totals(tx, repo.id).downloads == 111


def test_downloads_of_a_deleted_repository_are_dropped(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        download_counts.add(tx, TODAY, {999: 1, repo.id: 1})
        assert download_counts.totals(tx, 999).downloads == 0
        assert download_counts.totals(tx, repo.id).downloads == 1


def test_a_repository_without_downloads_counts_zero(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.read() as tx:
        assert download_counts.totals(tx, repo.id).downloads == 0


def test_totals_of_several_repositories_are_read_in_one_call(
    catalog: Catalog, repo: RepoRow, add_repo: Callable[..., RepoRow]
) -> None:
    other, unused = add_repo("other"), add_repo("unused")
    with catalog.write() as tx:
        download_counts.add(tx, TODAY - 300, {repo.id: 100})
        download_counts.add(tx, TODAY, {repo.id: 1, other.id: 2})
    with catalog.read() as tx:
        assert download_counts.all_times(tx, [repo.id, other.id, unused.id]) == {repo.id: 101, other.id: 2}
        assert download_counts.all_times(tx, []) == {}
