from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, community_tables
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import notifications
from entrepot.catalog.community.notifications import NotificationRow
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility

AddRepo = Callable[..., RepoRow]


def told(topic: str = "t", at_ms: int = 1, **more: Any) -> NotificationRow:
    return NotificationRow(topic, "discussion", "", 0, at_ms, **more)


def listed(catalog: Catalog, user: Account, seen: Visibility | None, **wanted: Any) -> list[str]:
    with catalog.read() as tx:
        options: dict[str, Any] = {"is_unread": False, "after": None, "limit": 9} | wanted
        return [row.topic for row in notifications.page(tx, user.id, seen, **options)]


def test_news_about_a_topic_replace_what_was_told_and_are_unread(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        notifications.put(tx, told(at_ms=1, data={"n": 1}), {alice.id: "watching"})
        assert notifications.mark(tx, alice.id, None, None, is_read=True) == 1
        notifications.put(tx, told(at_ms=2, data={"n": 2}), {alice.id: "mention"})
        [row] = notifications.page(tx, alice.id, None, is_unread=True, after=None, limit=9)
    assert (row.data, row.reason, row.happened_ms, row.is_read) == ({"n": 2}, "mention", 2, False)


def test_an_earlier_or_repeated_event_changes_nothing(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        notifications.put(tx, told(at_ms=5, event_id=5), {alice.id: "mention"})
        notifications.mark(tx, alice.id, None, None, is_read=True)
        for event_id in (4, 5):
            notifications.put(tx, told(at_ms=9, event_id=event_id), {alice.id: "watching"})
        [row] = notifications.page(tx, alice.id, None, is_unread=False, after=None, limit=9)
    assert (row.event_id, row.reason, row.is_read) == (5, "mention", True)


def test_notifications_come_newest_first_in_pages_that_repeat_nothing(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        for topic, at_ms in (("a", 1), ("b", 3), ("c", 3), ("d", 2)):
            notifications.put(tx, told(topic, at_ms), {alice.id: ""})
        first = notifications.page(tx, alice.id, None, is_unread=True, after=None, limit=2)
        after = (first[-1].happened_ms, first[-1].id)
    assert [row.topic for row in first] == ["c", "b"]
    assert listed(catalog, alice, None, after=after) == ["d", "a"]


@pytest.mark.parametrize("change", [{"visibility": "private"}, {"is_disabled": True}, {"deleted_ms": 5}])
def test_what_is_hidden_vanishes_from_the_list_and_from_the_count(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], add_repo: AddRepo, change: dict[str, object]
) -> None:
    repo, bob, seen = add_repo("a"), add_account("bob"), Visibility()
    with catalog.write() as tx:
        notifications.put(tx, told("gone", repo_id=repo.id), {bob.id: ""})
        notifications.put(tx, told("kept"), {bob.id: ""})
        assert notifications.count_unread(tx, bob.id, seen, 9) == 2
        repositories.update(tx, repo.id, **change)
        assert notifications.count_unread(tx, bob.id, seen, 9) == 1
        member = Visibility([repo.namespace_id])
        assert notifications.count_unread(tx, bob.id, member, 9) == (2 if "visibility" in change else 1)
        assert notifications.count_unread(tx, bob.id, None, 1) == 1
        told_all = notifications.page(tx, bob.id, None, is_unread=True, after=None, limit=9)
        assert notifications.mark(tx, bob.id, seen, [row.uid for row in told_all], is_read=True) == 1
        assert notifications.mark(tx, bob.id, seen, None, is_read=False) == 1
    assert listed(catalog, bob, seen) == ["kept"]
    assert listed(catalog, alice, seen) == []


def test_only_members_see_who_asks_for_access_to_what_everyone_sees(
    catalog: Catalog, add_account: Callable[..., Account], add_repo: AddRepo
) -> None:
    repo, bob = add_repo("a"), add_account("bob")
    asked = attrs.evolve(told("asks", repo_id=repo.id), kind=notifications.ACCESS_REQUEST)
    with catalog.write() as tx:
        notifications.put(tx, asked, {bob.id: ""})
    for seen, topics in ((Visibility([repo.namespace_id]), ["asks"]), (Visibility(), []), (None, ["asks"])):
        with catalog.read() as tx:
            assert notifications.count_unread(tx, bob.id, seen, 9) == len(topics)
        assert listed(catalog, bob, seen) == topics


def test_marks_concern_only_the_own_notifications_that_are_named(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        for topic in "ab":
            notifications.put(tx, told(topic), {alice.id: "", bob.id: ""})
        [row, _] = notifications.page(tx, alice.id, None, is_unread=True, after=None, limit=9)
        assert notifications.mark(tx, bob.id, None, [row.uid], is_read=True) == 0
        assert notifications.mark(tx, alice.id, None, [row.uid, "x"], is_read=True) == 1
        assert notifications.is_unread_about(tx, alice.id, "a")
        assert not notifications.is_unread_about(tx, alice.id, "b")
        notifications.mark_topic(tx, alice.id, "a")
        assert notifications.count_unread(tx, alice.id, None, 9) == 0
        assert notifications.count_unread(tx, bob.id, None, 9) == 2
        notifications.remove_topic(tx, bob.id, "a")
    assert listed(catalog, bob, None) == ["b"]


def test_only_the_newest_are_kept_for_each_user(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        for at_ms in range(1, 6):
            notifications.put(tx, told(f"t{at_ms}", at_ms), {alice.id: "", bob.id: ""})
        notifications.keep_newest(tx, [alice.id], 2)
    assert listed(catalog, alice, None) == ["t5", "t4"]
    with catalog.write() as tx:
        assert notifications.forget(tx, 4, 2) == 2
        assert notifications.forget(tx, 4, 2) == 1
        assert tx.sql.execute(sa.select(sa.func.count()).select_from(community_tables.notifications)).scalar_one() == 4
    assert listed(catalog, bob, None) == ["t5", "t4"]


def test_one_account_does_not_push_out_the_notifications_that_others_cause(catalog: Catalog, alice: Account) -> None:
    caused_by = {"a1": 1, "b1": 2, "flood1": 3, "flood2": 3, "c1": 4, "flood3": 3, "flood4": 3, "b2": 2}
    with catalog.write() as tx:
        for at_ms, (topic, actor) in enumerate(caused_by.items(), 1):
            notifications.put(tx, attrs.evolve(told(topic, at_ms), actor_id=actor), {alice.id: ""})
        notifications.keep_newest(tx, [alice.id], 6)
    assert listed(catalog, alice, None) == ["b2", "flood4", "flood3", "c1", "b1", "a1"]
    with catalog.write() as tx:
        notifications.keep_newest(tx, [alice.id], 4)
    assert listed(catalog, alice, None) == ["b2", "flood4", "c1", "a1"]


def test_the_count_reads_one_index(catalog: Catalog, alice: Account) -> None:
    with catalog.read() as tx:
        if tx.sql.dialect.name != "sqlite":
            pytest.skip("the plan of SQLite")
        statement = notifications._COUNT_ALL.params(user=alice.id, most=100)
        text = statement.compile(dialect=tx.sql.dialect, compile_kwargs={"literal_binds": True})
        plan = [row[-1] for row in tx.sql.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()]
    assert any("notifications_unread" in step for step in plan), plan
    assert not any(step.startswith("SCAN notifications") for step in plan), plan
