from __future__ import annotations

from typing import NoReturn

import pytest

from entrepot.catalog.community import notifications as rows
from entrepot.catalog.community.notifications import NotificationRow
from entrepot.errors import LimitExceeded, LoginRequired, NotAllowed, RepoNotFound, StoreFull
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.community import discussions, notification_lists
from entrepot.hub.scopes import RequestedScope
from tests.hub.community.test_discussion_notices import work
from tests.support.worlds import World


def tell(world: World, *topics: str) -> None:
    with world.hub.write() as tx:
        for topic in topics:
            world.clock.advance(1)
            told = NotificationRow(topic, "membership", "", 0, world.clock(), data={"role": "read"})
            rows.put(tx, told, {world.bob.account.id: "personal"})


def test_pages_lead_to_the_next_one_and_end(world: World) -> None:
    tell(world, *"abcd")
    first = notification_lists.list_page(world.hub, world.bob, limit=2)
    rest = notification_lists.list_page(world.hub, world.bob, after=first.after, limit=2)
    assert [item.row.topic for item in (*first.items, *rest.items)] == ["d", "c", "b", "a"]
    assert rest.after is None
    assert notification_lists.count_unread(world.hub, world.bob) == 4


def test_marking_as_read_and_as_unread_changes_the_list_and_the_count(world: World) -> None:
    tell(world, "a", "b")
    [newest, _] = notification_lists.list_page(world.hub, world.bob).items
    assert notification_lists.mark(world.hub, world.bob, [newest.row.uid]) == 1
    assert [item.row.topic for item in notification_lists.list_page(world.hub, world.bob).items] == ["a"]
    assert len(notification_lists.list_page(world.hub, world.bob, is_unread=False).items) == 2
    assert notification_lists.mark(world.hub, world.bob, [newest.row.uid], is_read=False) == 1
    assert notification_lists.mark(world.hub, world.bob, None) == 2
    assert notification_lists.count_unread(world.hub, world.bob) == 0
    with pytest.raises(LimitExceeded):
        notification_lists.mark(world.hub, world.bob, ["x"] * 501)


def test_the_count_ends_at_a_hundred(world: World) -> None:
    tell(world, *(f"t{number}" for number in range(103)))
    assert notification_lists.count_unread(world.hub, world.bob) == notification_lists.MAX_COUNTED == 100


def test_anonymous_callers_and_fine_grained_tokens_have_no_notifications(world: World) -> None:
    tell(world, "a")
    scope = RequestedScope("user", "bob", ("repo.content.read",))
    made = tokens.create_for(world.hub, "bob", TokenDraft(FINE_GRAINED, places=[scope]))[0]
    fine = world.hub.identify(made.secret)
    assert notification_lists.count_unread(world.hub, fine) == 0
    assert notification_lists.count_unread(world.hub, None) == 0
    with pytest.raises(NotAllowed, match="fine-grained"):
        notification_lists.list_page(world.hub, fine)
    with pytest.raises(NotAllowed):
        notification_lists.mark(world.hub, fine, None)
    with pytest.raises(LoginRequired):
        notification_lists.list_page(world.hub, None)
    with pytest.raises(NotAllowed):
        notification_lists.mark(world.hub, world.caller("bob", "read"), None)
    assert len(notification_lists.list_page(world.hub, world.caller("bob", "read")).items) == 1


def refuse(*_locks: object, **_more: object) -> NoReturn:
    raise StoreFull("the disk")


def test_seeing_a_discussion_marks_what_was_told_about_it_for_the_visitor_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.repo("alice/m")
    for title in ("A question", "Another one"):
        discussions.create(world.hub, world.bob, ref, title, "@zed")
    work(world)
    with monkeypatch.context() as patched:
        patched.setattr(world.hub.store.catalog, "write", refuse)
        notification_lists.note_seen(world.hub, world.zed, ref, 1)
    assert notification_lists.count_unread(world.hub, world.zed) == 2
    notification_lists.note_seen(world.hub, world.zed, ref, 1)
    notification_lists.note_seen(world.hub, world.zed, ref, 1)
    notification_lists.note_seen(world.hub, None, ref, 1)
    notification_lists.note_seen(world.hub, world.caller("alice", "read"), ref, 1)
    items = notification_lists.list_page(world.hub, world.zed).items
    assert [item.discussion.num for item in items if item.discussion is not None] == [2]
    assert notification_lists.count_unread(world.hub, world.alice) == 2
    with pytest.raises(RepoNotFound):
        notification_lists.note_seen(world.hub, world.zed, world.repo("alice/h", visibility="private"), 1)
