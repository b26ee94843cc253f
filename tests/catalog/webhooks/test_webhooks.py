from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders, grants, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.webhooks import webhooks
from entrepot.catalog.webhooks.webhooks import Listener, WatchedSubject, WebhookRow
from entrepot.names import RepoId, RepoRef, RepoType, new_uid


@pytest.fixture
def add(catalog: Catalog, alice: Account) -> Callable[..., WebhookRow]:
    def add_row(*watched: WatchedSubject, owner: Account = alice, is_disabled: bool = False) -> WebhookRow:
        row = WebhookRow(0, new_uid(), owner.id, "https://x", "s", ("repo",), is_disabled, 1, watched)
        with catalog.write() as tx:
            return webhooks.add(tx, row)

    return add_row


def on_user(account: Account) -> WatchedSubject:
    return WatchedSubject(account.kind, account.name)


def on_repo(row: RepoRow) -> WatchedSubject:
    return WatchedSubject("model", str(row.ref.id))


def heard(catalog: Catalog, repo: RepoRow) -> list[Listener]:
    with catalog.read() as tx:
        return list(webhooks.listening(tx, repo.id, repo.namespace_id, repo.ref))


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


def test_a_grant_to_an_organisation_makes_insiders_of_its_members_only(
    catalog: Catalog,
    alice: Account,
    add_account: Callable[..., Account],
    add_repo: Callable[..., RepoRow],
    add: Callable[..., WebhookRow],
) -> None:
    folder = add_account("alice/space", "folder")
    org, member, stranger = add_account("acme", "org"), add_account("mia"), add_account("sam")
    with catalog.write() as tx:
        accounts.join_org(tx, org.id, member.id, "read")
        folders.add(tx, RepoType.MODEL, folder.id, alice.id, 1)
        found = folders.at(tx, RepoType.MODEL, folder.id)
        assert found is not None
        grants.put(tx, found.id, org.id, "read", alice.id, 1)
    repo = add_repo("m", owner=folder)
    rows = [add(on_repo(repo), owner=owner) for owner in (member, stranger)]
    assert [(it.webhook_id, it.is_insider) for it in heard(catalog, repo)] == [(rows[0].id, True), (rows[1].id, False)]
    with catalog.read() as tx:
        told = [webhooks.is_insider(tx, it.id, folder.id, RepoType.MODEL) for it in (member, stranger)]
    assert told == [True, False]


def test_a_name_is_watched_before_something_has_it(
    catalog: Catalog,
    add_account: Callable[..., Account],
    add_repo: Callable[..., RepoRow],
    add: Callable[..., WebhookRow],
) -> None:
    on_name, on_org = add(WatchedSubject("model", "Acme/M")), add(WatchedSubject("org", "ACME"))
    add(WatchedSubject("dataset", "acme/m"), WatchedSubject("user", "acme"), WatchedSubject("model", "acme/other"))
    repo = add_repo("m", owner=add_account("acme", "org"))
    assert [it.webhook_id for it in heard(catalog, repo)] == [on_name.id, on_org.id]


def test_a_former_name_leads_to_the_repository_until_another_has_it(
    catalog: Catalog, repo: RepoRow, add_repo: Callable[..., RepoRow], add: Callable[..., WebhookRow]
) -> None:
    old, new = add(on_repo(repo)), add(WatchedSubject("model", "alice/later"))
    with catalog.write() as tx:
        repositories.rename(tx, repo, RepoRef(RepoType.MODEL, RepoId("alice", "later")), repo.namespace_id)
        moved = repositories.by_id(tx, repo.id)
    assert moved is not None
    assert [it.webhook_id for it in heard(catalog, moved)] == [old.id, new.id]
    successor = add_repo(repo.name)
    assert [it.webhook_id for it in heard(catalog, moved)] == [new.id]
    assert [it.webhook_id for it in heard(catalog, successor)] == [old.id]


def test_a_suspended_user_is_no_insider(catalog: Catalog, alice: Account, add_account: Callable[..., Account]) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        assert [webhooks.is_insider(tx, it.id, alice.id, RepoType.MODEL) for it in (alice, bob)] == [True, False]
        accounts.update(tx, alice.id, suspended_ms=1)
        assert not webhooks.is_insider(tx, alice.id, alice.id, RepoType.MODEL)
