from __future__ import annotations

import pytest

from entrepot.catalog.community import notifications as rows
from entrepot.errors import NotAllowed, RepoNotFound
from entrepot.hub.accounts import administration, members
from entrepot.hub.callers import Caller
from entrepot.hub.community import discussion_notices, discussions, notification_lists, subscriptions
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import repositories
from entrepot.hub.repos.pulls import merges
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from entrepot.wire.accounts.administration import UserChanges
from tests.support import hub_work
from tests.support.pull_requests import propose
from tests.support.worlds import DAY_MS, World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("alice/m")


def work(world: World) -> None:
    """Run all jobs that are due."""
    while (outcome := hub_work.run_next(world.hub, handlers.new_owner())) is not None:
        assert outcome.error is None, outcome


def told(world: World, who: Caller) -> list[tuple[str, str]]:
    """Return what happened and why a user is told, for each unread notification about a discussion."""
    work(world)
    return [
        (item.row.data["what"], item.row.reason)
        for item in notification_lists.list_page(world.hub, who).items
        if item.row.kind == "discussion"
    ]


def test_the_owner_is_told_about_a_new_discussion_and_its_author_about_answers(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    assert told(world, world.alice) == [("opened", "watching")]
    assert told(world, world.bob) == []
    discussions.comment(world.hub, world.alice, ref, 1, "Because.")
    assert told(world, world.bob) == [("comment", "author")]
    discussions.comment(world.hub, world.zed, ref, 1, "I wonder too.")
    assert told(world, world.alice) == [("comment", "participating")]
    discussions.set_status(world.hub, world.alice, ref, 1, "closed")
    assert told(world, world.zed) == [("closed", "participating")]
    assert told(world, world.bob) == [("closed", "author")]


def test_a_lock_tells_no_one_and_silences_no_writer(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    discussions.lock(world.hub, world.alice, ref, 1, is_locked=True)
    assert told(world, world.bob) == []
    with pytest.raises(NotAllowed):
        discussions.comment(world.hub, world.bob, ref, 1, "@zed, look")
    assert told(world, world.zed) == []
    discussions.comment(world.hub, world.alice, ref, 1, "Because.")
    assert told(world, world.bob) == [("comment", "author")]


def test_those_who_are_mentioned_are_told_but_not_the_writer_nor_organisations(world: World, ref: RepoRef) -> None:
    text = "@ZED and @bob, see @acme and @nobody-here\n> @wendy said\n`@rita` ```\n@carl\n```"
    discussions.create(world.hub, world.bob, ref, "A question", text)
    assert told(world, world.zed) == [("opened", "mention")]
    for name in ("bob", "wendy", "rita", "carl"):
        assert told(world, world.caller(name)) == [], name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@alice, @bob-b. (@carl) @alice", ["alice", "bob-b", "carl"]),
        ("mail a@alice.example or https://x/@alice, @@alice", []),
        ("`@alice` ```\n@bob\n``` @carl ```@dora", ["carl"]),
        ("> @alice\n @bob", ["bob"]),
        ("@a @" + "b" * 43, []),
        (" ".join(f"@user{number}" for number in range(99)), [f"user{number}" for number in range(20)]),
    ],
)
def test_mentions_are_names_outside_code_and_quotations(text: str, names: list[str]) -> None:
    assert discussion_notices.mentions(text) == names


def test_a_hidden_repository_is_told_to_its_members_only(world: World) -> None:
    hidden = world.repo("acme/m", world.wendy, visibility="private")
    subscriptions.choose(world.hub, world.rita, hidden, "all")
    discussions.create(world.hub, world.wendy, hidden, "A question", "@bob @carl")
    assert told(world, world.rita) == [("opened", "watching")]
    assert told(world, world.carl) == [("opened", "mention")]
    assert told(world, world.bob) == []
    with world.hub.read() as tx:
        assert rows.page(tx, world.bob.account.id, None, is_unread=False, after=None, limit=9) == []


def test_what_is_not_visible_any_more_vanishes_from_list_and_count(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "@zed")
    assert told(world, world.zed) == [("opened", "mention")]
    assert notification_lists.count_unread(world.hub, world.zed) == 1
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert told(world, world.zed) == []
    assert notification_lists.count_unread(world.hub, world.zed) == 0
    assert len(told(world, world.alice)) == 1
    assert told(world, world.root) == []
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="public"))
    assert notification_lists.count_unread(world.hub, world.zed) == 1


def test_members_who_leave_lose_what_they_were_told(world: World) -> None:
    hidden = world.repo("acme/m", world.wendy, visibility="private")
    discussions.create(world.hub, world.wendy, hidden, "A question", "@rita")
    assert told(world, world.rita) == [("opened", "mention")]
    members.remove(world.hub, world.olga, "acme", "rita")
    assert told(world, world.rita) == []
    assert [item.row.kind for item in notification_lists.list_page(world.hub, world.rita).items] == ["membership"]


def test_watchers_beyond_one_batch_are_told_and_repeating_the_job_tells_no_one_twice(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discussion_notices, "_BATCH", 2)
    everyone = ("bob", "carl", "rita", "wendy", "olga")
    for name in everyone:
        subscriptions.choose(world.hub, world.caller(name), ref, "all")
    discussions.create(world.hub, world.zed, ref, "A question", "Why?")
    for name in everyone:
        assert told(world, world.caller(name)) == [("opened", "watching")], name
    notification_lists.mark(world.hub, world.bob, None)
    with world.hub.read() as tx:
        [row] = rows.page(tx, world.bob.account.id, None, is_unread=False, after=None, limit=9)
    for _ in discussion_notices.notify_steps(world.hub, {"event": row.event_id}):
        pass
    assert told(world, world.bob) == []


def test_those_who_take_part_are_told_in_batches_too(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    for name in ("carl", "rita", "wendy", "olga"):
        discussions.comment(world.hub, world.caller(name), ref, 1, "So do I.")
        work(world)
    with world.hub.write() as tx:
        event = tx.sql.exec_driver_sql("select max(event_id) from notifications").scalar_one()
        tx.sql.exec_driver_sql("delete from notifications")
    monkeypatch.setattr(discussion_notices, "_BATCH", 2)
    steps = discussion_notices.notify_steps(world.hub, {"event": event})
    next(steps)
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("select count(*) from notifications").scalar_one() <= 2
    assert list(steps)
    for name in ("carl", "rita", "wendy"):
        assert told(world, world.caller(name)) == [("comment", "participating")], name
    assert told(world, world.bob) == [("comment", "author")]


def test_a_comment_costs_one_job_however_many_watch(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.zed, ref, "A question", "Why?")
    with world.hub.read() as tx:
        assert rows.page(tx, world.alice.account.id, None, is_unread=False, after=None, limit=9) == []
    assert told(world, world.alice) == [("opened", "watching")]


@pytest.mark.parametrize(("level", "after_comment"), [("none", []), ("participating", [])])
def test_an_owner_who_stops_watching_is_not_told(
    world: World, ref: RepoRef, level: str, after_comment: list[tuple[str, str]]
) -> None:
    subscriptions.choose(world.hub, world.alice, ref, level)
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    assert told(world, world.alice) == after_comment
    discussions.comment(world.hub, world.bob, ref, 1, "@alice?")
    assert told(world, world.alice) == ([] if level == "none" else [("comment", "mention")])


def test_a_muted_discussion_is_silent_and_others_are_not(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    subscriptions.mute(world.hub, world.alice, ref, 1, is_muted=True)
    discussions.comment(world.hub, world.bob, ref, 1, "@alice?")
    assert told(world, world.alice) == []
    discussions.create(world.hub, world.bob, ref, "Another one", "Why?")
    assert told(world, world.alice) == [("opened", "watching")]
    subscriptions.mute(world.hub, world.alice, ref, 1, is_muted=False)
    discussions.comment(world.hub, world.bob, ref, 1, "And now?")
    assert told(world, world.alice) == [("comment", "watching"), ("opened", "watching")]


def test_what_is_told_about_a_discussion_goes_with_it(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    assert len(told(world, world.alice)) == 1
    subscriptions.mute(world.hub, world.zed, ref, 1, is_muted=True)
    discussions.delete(world.hub, world.alice, ref, 1)
    assert told(world, world.alice) == []
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("select count(*) from subscriptions").scalar() == 0


def test_a_deleted_discussion_or_repository_ends_the_job(world: World, ref: RepoRef) -> None:
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    discussions.delete(world.hub, world.alice, ref, 1)
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    repositories.delete(world.hub, world.alice, ref)
    assert told(world, world.alice) == []
    with pytest.raises(RepoNotFound):
        discussions.show(world.hub, world.alice, ref, 2)


def test_a_suspended_account_is_told_nothing(world: World, ref: RepoRef) -> None:
    administration.change_user(world.hub, world.root, "zed", UserChanges(is_suspended=True))
    discussions.create(world.hub, world.bob, ref, "A question", "@zed")
    work(world)
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("select count(*) from notifications where reason = 'mention'").scalar() == 0


def test_a_merged_pull_request_is_told(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.txt")
    num = propose(world, ref)
    merges.merge(world.hub, world.alice, ref, num)
    assert ("merged", "author") in told(world, world.bob)


def test_old_notifications_are_deleted_every_day(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discussion_notices, "BATCH", 2)
    for number in range(5):
        discussions.create(world.hub, world.bob, ref, f"Question {number}", "Why?")
    assert len(told(world, world.alice)) == 5
    discussion_notices.plan_forgetting(world.hub)
    world.clock.advance(discussion_notices.KEPT_MS + DAY_MS)
    assert told(world, world.alice) == []
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("select count(*) from notifications").scalar() == 0
