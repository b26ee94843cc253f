from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import activity
from entrepot.catalog.repos.activity import DAY_MS, DailyActivity
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import PUBLIC_ONLY, Visibility

TODAY = 20_000
SOMEONE = 77


def test_activity_adds_up_by_day_within_what_is_seen(catalog: Catalog, add_repo: Callable[..., RepoRow]) -> None:
    public, private = add_repo("public"), add_repo("private", visibility="private")
    with catalog.write() as tx:
        for row, day in ((public, TODAY), (public, TODAY), (private, TODAY), (public, TODAY - 5), (private, TODAY - 6)):
            activity.add(tx, row, SOMEONE, day * DAY_MS + 1)
        activity.add(tx, public, SOMEONE + 1, TODAY * DAY_MS)
        every, some = None, Visibility(repos=[private.id])
        for seen, today in ((PUBLIC_ONLY, 2), (some, 3), (every, 3)):
            found = activity.by_account(tx, SOMEONE, TODAY - 5, seen)
            assert found == DailyActivity(TODAY - 5, {TODAY: today, TODAY - 5: 1})
        assert activity.by_owner(tx, public.namespace_id, TODAY, PUBLIC_ONLY).counts == {TODAY: 3}


def test_a_limit_drops_the_day_that_may_be_incomplete(
    catalog: Catalog, add_repo: Callable[..., RepoRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [add_repo(name) for name in "abc"]
    monkeypatch.setattr(activity, "MAX_ROWS", 4)
    with catalog.write() as tx:
        for row in rows:
            activity.add(tx, row, SOMEONE, (TODAY - 1) * DAY_MS)
            activity.add(tx, row, SOMEONE, TODAY * DAY_MS)
        assert activity.by_account(tx, SOMEONE, TODAY - 9, PUBLIC_ONLY) == DailyActivity(TODAY, {TODAY: 3})


def test_a_repository_that_is_moved_takes_its_activity_along(
    catalog: Catalog, repo: RepoRow, add_account: Callable[..., Account]
) -> None:
    other = add_account("other").id
    with catalog.write() as tx:
        activity.add(tx, repo, SOMEONE, TODAY * DAY_MS)
        activity.change_owner(tx, repo.id, other)
        assert activity.by_owner(tx, repo.namespace_id, TODAY, None).counts == {}
        assert activity.by_owner(tx, other, TODAY, None).counts == {TODAY: 1}
