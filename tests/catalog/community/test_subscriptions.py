from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import subscriptions
from entrepot.catalog.community.subscriptions import ALL, NONE, WHOLE_REPO
from entrepot.catalog.repos.repositories import RepoRow


def test_a_choice_replaces_the_earlier_one_and_can_be_withdrawn(
    catalog: Catalog, alice: Account, repo: RepoRow
) -> None:
    with catalog.write() as tx:
        for level in (ALL, NONE):
            subscriptions.put(tx, repo.id, WHOLE_REPO, alice.id, level)
        subscriptions.put(tx, repo.id, 3, alice.id, ALL)
        assert subscriptions.find(tx, repo.id, WHOLE_REPO, alice.id) == NONE
        assert subscriptions.levels(tx, repo.id, 3, [alice.id, 99]) == {alice.id: ALL}
        subscriptions.put(tx, repo.id, WHOLE_REPO, alice.id, None)
        assert subscriptions.find(tx, repo.id, WHOLE_REPO, alice.id) is None


def test_watchers_come_in_pages_without_those_of_single_discussions(
    catalog: Catalog, repo: RepoRow, add_account: Callable[..., Account]
) -> None:
    people = [add_account(name) for name in ("bob", "carl", "dora", "eve")]
    with catalog.write() as tx:
        for account in people[:3]:
            subscriptions.put(tx, repo.id, WHOLE_REPO, account.id, ALL)
        subscriptions.put(tx, repo.id, 1, people[3].id, ALL)
        first = subscriptions.watchers(tx, repo.id, after=0, limit=2)
        assert first == [people[0].id, people[1].id]
        assert subscriptions.watchers(tx, repo.id, after=first[-1], limit=2) == [people[2].id]
