from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, community_tables
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.webhooks import deliveries, webhooks
from entrepot.catalog.webhooks.webhooks import WatchedSubject, WebhookRow
from entrepot.names import new_uid


@pytest.fixture
def hook(catalog: Catalog, alice: Account) -> WebhookRow:
    watched = (WatchedSubject("user", "alice"),)
    with catalog.write() as tx:
        return webhooks.add(tx, WebhookRow(0, new_uid(), alice.id, "https://x", None, ("repo",), False, 1, watched))


@pytest.fixture
def tell(catalog: Catalog, hook: WebhookRow) -> Callable[[RepoRow, str, int], None]:
    def tell_about(repo: RepoRow, word: str, now_ms: int) -> None:
        with catalog.write() as tx:
            event = deliveries.add_event(tx, repo.id, repo.namespace_id, "repo", {"word": word}, now_ms)
            deliveries.add(tx, hook.id, event, repo.id, now_ms)

    return tell_about


Tell = Callable[[RepoRow, str, int], None]


def next_word(catalog: Catalog, hook: WebhookRow, repo: RepoRow) -> str | None:
    with catalog.read() as tx:
        found = deliveries.first(tx, hook.id, repo.id)
    return None if found is None else found.payload["word"]


def test_the_oldest_that_has_not_ended_is_next(catalog: Catalog, hook: WebhookRow, repo: RepoRow, tell: Tell) -> None:
    tell(repo, "one", 1)
    tell(repo, "two", 2)
    assert next_word(catalog, hook, repo) == "one"
    with catalog.write() as tx:
        first = deliveries.first(tx, hook.id, repo.id)
        assert first is not None
        deliveries.take(tx, first.id, 99)
        taken = deliveries.first(tx, hook.id, repo.id)
        assert taken is not None
        assert (taken.id, taken.state, taken.attempts, taken.next_ms) == (first.id, "sending", 1, 99)
        deliveries.conclude(tx, first.id, "pending", 503, "later", 120)
    assert next_word(catalog, hook, repo) == "one"
    with catalog.write() as tx:
        deliveries.conclude(tx, first.id, "done", 200, "ok", 130)
    assert next_word(catalog, hook, repo) == "two"
    with catalog.read() as tx:
        ended = deliveries.find(tx, hook.id, first.uid)
    assert ended is not None
    assert (ended.state, ended.status, ended.answer, ended.finished_ms) == ("done", 200, "ok", 130)


def test_each_repository_has_a_line_of_its_own(
    catalog: Catalog, hook: WebhookRow, add_repo: Callable[..., RepoRow], tell: Tell
) -> None:
    left, right = add_repo("left"), add_repo("right")
    tell(left, "l", 1)
    tell(right, "r", 2)
    assert [next_word(catalog, hook, repo) for repo in (left, right)] == ["l", "r"]
    with catalog.read() as tx:
        assert deliveries.waiting(tx, hook.id) == [left.id, right.id]


def test_the_log_is_read_newest_first_in_pages(catalog: Catalog, hook: WebhookRow, repo: RepoRow, tell: Tell) -> None:
    for number in range(3):
        tell(repo, str(number), number)
    with catalog.read() as tx:
        first = deliveries.of_webhook(tx, hook.id, before=None, limit=2)
        rest = deliveries.of_webhook(tx, hook.id, before=first[-1].id, limit=2)
    assert [item.payload["word"] for item in (*first, *rest)] == ["2", "1", "0"]


def test_a_repeated_delivery_goes_to_the_end_of_the_queue(
    catalog: Catalog, hook: WebhookRow, repo: RepoRow, tell: Tell
) -> None:
    tell(repo, "one", 1)
    tell(repo, "two", 2)
    with catalog.write() as tx:
        first = deliveries.first(tx, hook.id, repo.id)
        assert first is not None
        deliveries.repeat(tx, first.id, 3)
        words = [item.payload["word"] for item in deliveries.of_webhook(tx, hook.id, before=None, limit=9)]
    assert words == ["one", "two", "one"]


def test_old_finished_deliveries_are_deleted_and_waiting_ones_are_not(
    catalog: Catalog, hook: WebhookRow, repo: RepoRow, tell: Tell
) -> None:
    for word in ("old", "new", "waits"):
        tell(repo, word, 1)
    with catalog.write() as tx:
        for at_ms in (10, 20):
            first = deliveries.first(tx, hook.id, repo.id)
            assert first is not None
            deliveries.conclude(tx, first.id, "done", 200, "", at_ms)
        assert (deliveries.forget(tx, 15, 9), deliveries.forget(tx, 15, 9)) == (1, 0)
        events, looked_at = sa.select(sa.func.count()).select_from(community_tables.events), [0]
        assert tx.sql.execute(events).scalar_one() == 3
        while (last := deliveries.forget_events(tx, 15, looked_at[-1], 2)) is not None:
            looked_at.append(last)
        assert (tx.sql.execute(events).scalar_one(), len(looked_at)) == (2, 3)
        words = [item.payload["word"] for item in deliveries.of_webhook(tx, hook.id, before=None, limit=9)]
    assert words == ["waits", "new"]


def test_the_last_result_is_one_that_will_be_repeated_else_the_last_that_ended(
    catalog: Catalog, hook: WebhookRow, repo: RepoRow, tell: Tell
) -> None:
    def last() -> tuple[str, int | None] | None:
        with catalog.read() as tx:
            found = deliveries.last_results(tx, [hook.id, hook.id + 1]).get(hook.id)
        return None if found is None else (found.state, found.status)

    for number, word in enumerate(("one", "two", "three")):
        tell(repo, word, number)
    assert last() is None
    for state, status in (("done", 200), ("failed", 404), ("pending", 500)):
        with catalog.write() as tx:
            first = deliveries.first(tx, hook.id, repo.id)
            assert first is not None
            deliveries.take(tx, first.id, 10)
            deliveries.conclude(tx, first.id, state, status, "", 11)
        assert last() == (state, status)
    tell(repo, "four", 12)
    assert last() == ("pending", 500)
    with catalog.read() as reading:
        assert deliveries.last_results(reading, []) == {}
