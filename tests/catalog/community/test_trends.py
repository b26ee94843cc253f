from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import likes, trends
from entrepot.catalog.repos import download_counts, repositories
from entrepot.catalog.repos.repositories import RepoRow

DAY_MS = 86_400_000
TODAY = 20_000
NOW_MS = TODAY * DAY_MS + 1234


def score(catalog: Catalog, row: RepoRow, now_ms: int = NOW_MS) -> float:
    with catalog.write() as tx:
        trends.refresh(tx, [row.id], now_ms)
        found = repositories.by_id(tx, row.id)
    assert found is not None
    return found.trending


def test_todays_downloads_count_whole_and_likes_ten_times(catalog: Catalog, alice: Account, repo: RepoRow) -> None:
    with catalog.write() as tx:
        download_counts.add(tx, TODAY, {repo.id: 3})
        likes.add(tx, repo.id, alice.id, NOW_MS)
    assert score(catalog, repo) == 13.0


def test_attention_fades_and_ends(catalog: Catalog, alice: Account, repo: RepoRow) -> None:
    with catalog.write() as tx:
        download_counts.add(tx, TODAY, {repo.id: 8})
        likes.add(tx, repo.id, alice.id, NOW_MS)
    scores = [score(catalog, repo, NOW_MS + age * DAY_MS) for age in range(8)]
    assert scores == sorted(scores, reverse=True)
    assert scores[6] == pytest.approx(18 / 8)
    assert scores[7] == 0.0


def test_repositories_whose_trend_may_have_changed_are_known(
    catalog: Catalog, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    downloaded, liked, faded, quiet = (add_repo(name) for name in ("a", "b", "c", "d"))
    with catalog.write() as tx:
        download_counts.add(tx, TODAY, {downloaded.id: 1})
        likes.add(tx, liked.id, alice.id, NOW_MS)
        repositories.update(tx, faded.id, trending=0.5)
        assert set(trends.stale(tx, NOW_MS)) == {downloaded.id, liked.id, faded.id}
        trends.refresh(tx, trends.stale(tx, NOW_MS), NOW_MS)
        assert set(trends.stale(tx, NOW_MS + 30 * DAY_MS)) == {downloaded.id, liked.id}
        trends.refresh(tx, [downloaded.id, liked.id], NOW_MS + 30 * DAY_MS)
        assert trends.stale(tx, NOW_MS + 30 * DAY_MS) == []
    assert quiet.trending == 0.0
