from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.webhooks import webhooks
from entrepot.catalog.webhooks.webhooks import Listener, WatchedSubject, WebhookRow
from entrepot.names import new_uid


@pytest.fixture
def add(catalog: Catalog, alice: Account) -> Callable[..., WebhookRow]:
    def add_row(*watched: WatchedSubject, owner: Account = alice, is_disabled: bool = False) -> WebhookRow:
        row = WebhookRow(0, new_uid(), owner.id, "https://x", "s", ("repo",), is_disabled, 1, watched)
        with catalog.write() as tx:
            return webhooks.add(tx, row)

    return add_row


def on_user(account: Account) -> WatchedSubject:
    return WatchedSubject(account.kind, account.name, account.id, None)


def on_repo(row: RepoRow) -> WatchedSubject:
    return WatchedSubject("model", str(row.ref.id), None, row.id)


def heard(catalog: Catalog, repo: RepoRow) -> list[Listener]:
    with catalog.read() as tx:
        return list(webhooks.listening(tx, repo.id, repo.namespace_id))


def test_a_webhook_reads_back_with_what_it_watches(
    catalog: Catalog, alice: Account, repo: RepoRow, add: Callable[..., WebhookRow]
) -> None:
    row = add(on_user(alice), on_repo(repo))
    with catalog.read() as tx:
        assert webhooks.of_owner(tx, alice.id) == [row]
        assert webhooks.find(tx, row.uid) == row
        assert webhooks.by_id(tx, row.id) == row
        assert webhooks.find(tx, "0" * 24) is None


def test_a_replaced_webhook_forgets_what_it_watched(
    catalog: Catalog, alice: Account, repo: RepoRow, add: Callable[..., WebhookRow]
) -> None:
    row = add(on_user(alice))
    changed = attrs.evolve(row, url="https://y", watched=(on_repo(repo),))
    with catalog.write() as tx:
        webhooks.replace(tx, changed)
        assert webhooks.by_id(tx, row.id) == changed


def test_a_removed_webhook_leaves_nothing(
    catalog: Catalog, alice: Account, repo: RepoRow, add: Callable[..., WebhookRow]
) -> None:
    row = add(on_user(alice), on_repo(repo))
    with catalog.write() as tx:
        webhooks.remove(tx, row.id)
        assert webhooks.of_owner(tx, alice.id) == []
    assert heard(catalog, repo) == []


def test_a_webhook_listens_once_and_a_disabled_one_not_at_all(
    catalog: Catalog, alice: Account, repo: RepoRow, add: Callable[..., WebhookRow]
) -> None:
    row = add(on_user(alice), on_repo(repo))
    add(on_user(alice), is_disabled=True)
    assert heard(catalog, repo) == [Listener(row.id, ("repo",), True, alice.id)]


def test_insiders_are_the_owner_the_members_and_administrators(
    catalog: Catalog,
    add_account: Callable[..., Account],
    add_repo: Callable[..., RepoRow],
    add: Callable[..., WebhookRow],
) -> None:
    org, member, stranger = add_account("acme", "org"), add_account("mia"), add_account("sam")
    with catalog.write() as tx:
        accounts.join_org(tx, org.id, member.id, "read")
        admin = accounts.add(tx, attrs.evolve(accounts.fresh("root", "user", 1), is_admin=True))
    repo = add_repo("m", owner=org)
    rows = [add(on_repo(repo), owner=owner) for owner in (member, stranger, admin)]
    assert heard(catalog, repo) == [
        Listener(row.id, ("repo",), is_insider, row.owner_id)
        for row, is_insider in zip(rows, (True, False, True), strict=True)
    ]
