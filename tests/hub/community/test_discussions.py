from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.catalog.repos import refs
from entrepot.errors import LoginRequired, Malformed, NotAllowed, Refused, RepoNotFound, ThingNotFound
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussion_rules, discussions
from entrepot.hub.community.discussion_events import HIDDEN, Comment, LockChange, PinChange, StatusChange, TitleChange
from entrepot.hub.repos.pulls import merges, openings, pull_refs, reviews
from entrepot.hub.webhooks import webhooks
from entrepot.names import RefName, RepoRef
from tests.support import hub_work
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("acme/m", world.wendy)


def begun(world: World, ref: RepoRef, by: MaybeCaller = None, title: str = "Title") -> int:
    return discussions.create(world.hub, by or world.bob, ref, title, "description").num


def texts(world: World, ref: RepoRef, num: int = 1) -> list[str]:
    events = discussions.show(world.hub, world.bob, ref, num).events
    return [event.what.latest.raw for event in events if isinstance(event.what, Comment)]


def test_a_discussion_begins_with_its_description(world: World, ref: RepoRef) -> None:
    num = begun(world, ref)
    found = discussions.show(world.hub, None, ref, num)
    assert (found.shown.discussion.status, found.shown.discussion.is_pull, found.shown.author.name) == (
        "open",
        False,
        "bob",
    )
    assert texts(world, ref) == ["description"]
    assert discussions.list_page(world.hub, None, ref).total == 1


def test_comments_are_edited_by_their_authors_and_by_writers(world: World, ref: RepoRef) -> None:
    begun(world, ref)
    uid = discussions.comment(world.hub, world.zed, ref, 1, "one").uid
    for who, text in ((world.zed, "two"), (world.wendy, "three")):
        event = discussions.edit_comment(world.hub, who, ref, 1, uid, text)
        assert isinstance(event.what, Comment)
        assert (event.what.latest.raw, event.author.name) == (text, "zed")
    refused: list[tuple[MaybeCaller, type[Exception]]]
    refused = [(world.bob, NotAllowed), (world.rita, NotAllowed), (None, LoginRequired)]
    for caller, error in refused:
        with pytest.raises(error):
            discussions.edit_comment(world.hub, caller, ref, 1, uid, "four")
    assert texts(world, ref) == ["description", "three"]


def test_a_hidden_comment_stays_hidden(world: World, ref: RepoRef) -> None:
    begun(world, ref)
    uid = discussions.comment(world.hub, world.zed, ref, 1, "secret").uid
    with pytest.raises(NotAllowed):
        discussions.hide_comment(world.hub, world.bob, ref, 1, uid)
    event = discussions.hide_comment(world.hub, world.zed, ref, 1, uid)
    assert isinstance(event.what, Comment)
    assert event.what.is_hidden
    with pytest.raises(Refused, match="hidden"):
        discussions.edit_comment(world.hub, world.zed, ref, 1, uid, "again")
    assert texts(world, ref) == ["description", HIDDEN]


def test_a_comment_belongs_to_its_discussion(world: World, ref: RepoRef) -> None:
    begun(world, ref)
    begun(world, ref)
    uid = discussions.comment(world.hub, world.bob, ref, 1, "one").uid
    changed = discussions.rename(world.hub, world.bob, ref, 1, "Another").uid
    for num, event in ((2, uid), (1, "0" * 24), (1, changed)):
        with pytest.raises(ThingNotFound):
            discussions.edit_comment(world.hub, world.bob, ref, num, event, "x")


def test_titles_and_states_change_and_say_so(world: World, ref: RepoRef) -> None:
    begun(world, ref)
    assert discussions.rename(world.hub, world.bob, ref, 1, " New  title ").what == TitleChange("Title", "New title")
    closed = discussions.set_status(world.hub, world.wendy, ref, 1, "closed", "Done.")
    assert closed.what == StatusChange("closed")
    assert texts(world, ref) == ["description", "Done."]
    for status, error in (("closed", Refused), ("merged", Malformed), ("draft", Malformed)):
        with pytest.raises(error):
            discussions.set_status(world.hub, world.bob, ref, 1, status)
    with pytest.raises(NotAllowed):
        discussions.set_status(world.hub, world.zed, ref, 1, "open")
    assert discussions.set_status(world.hub, world.bob, ref, 1, "open").what == StatusChange("open")


def test_pinning_is_for_writers(world: World, ref: RepoRef) -> None:
    begun(world, ref)
    with pytest.raises(NotAllowed):
        discussions.pin(world.hub, world.bob, ref, 1, is_pinned=True)
    for _ in range(2):
        discussions.pin(world.hub, world.wendy, ref, 1, is_pinned=True)
    found = discussions.show(world.hub, None, ref, 1)
    assert found.shown.discussion.is_pinned
    assert [event.what for event in found.events[1:]] == [PinChange(True)]


def test_a_locked_discussion_is_changed_by_writers_only_and_read_by_all(world: World, ref: RepoRef) -> None:
    hub = world.hub
    openings.open_draft(hub, world.bob, ref, "Draft", "description")
    uid = discussions.comment(hub, world.bob, ref, 1, "mine").uid
    for who in (world.bob, world.zed, world.rita, world.caller("wendy", "read"), None):
        with pytest.raises((NotAllowed, LoginRequired)):
            discussions.lock(hub, who, ref, 1, is_locked=True)
    for _ in range(2):
        discussions.lock(hub, world.wendy, ref, 1, is_locked=True)
    before = discussions.show(hub, None, ref, 1)
    assert before.shown.discussion.is_locked
    assert [event.what for event in before.events[2:]] == [LockChange(True)]
    calls: list[Callable[[MaybeCaller], object]] = [
        lambda who: discussions.comment(hub, who, ref, 1, "x"),
        lambda who: discussions.edit_comment(hub, who, ref, 1, uid, "x"),
        lambda who: discussions.hide_comment(hub, who, ref, 1, uid),
        lambda who: discussions.rename(hub, who, ref, 1, "Other title"),
        lambda who: discussions.set_status(hub, who, ref, 1, "open"),
        lambda who: discussions.set_status(hub, who, ref, 1, "closed", "x"),
        lambda who: world.add(ref, "a", by=who, branch="refs/pr/1", summary="x"),
        lambda who: pull_refs.delete_ref(hub, who, ref, 1),
        lambda who: discussions.lock(hub, who, ref, 1, is_locked=False),
        lambda who: merges.merge(hub, who, ref, 1, text="x"),
    ]
    for call in calls:
        for who in (world.bob, world.zed, world.rita):
            with pytest.raises(NotAllowed):
                call(who)
    assert discussions.show(hub, world.zed, ref, 1) == before
    for call in calls[:5]:
        call(world.wendy)
    assert texts(world, ref) == ["description", HIDDEN, "x"]
    discussions.lock(hub, world.wendy, ref, 1, is_locked=False)
    assert discussions.comment(hub, world.zed, ref, 1, "again").what.latest.raw == "again"


def test_the_author_of_a_locked_pull_request_is_told_why(world: World, ref: RepoRef) -> None:
    begun(world, ref)
    openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    for num in (1, 2):
        discussions.lock(world.hub, world.wendy, ref, num, is_locked=True)
    with pytest.raises(NotAllowed, match=r"^Discussion 1 is locked: only those who may write to the model acme/m"):
        discussions.comment(world.hub, world.bob, ref, 1, "x")
    with pytest.raises(NotAllowed, match=r"^Pull request 2 is locked: only those who may write to the model acme/m"):
        world.add(ref, "a", by=world.bob, branch="refs/pr/2")


def test_a_locked_pull_request_is_merged_by_writers(world: World, ref: RepoRef) -> None:
    openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    discussions.set_status(world.hub, world.bob, ref, 1, "open")
    world.add(ref, "a", by=world.bob, branch="refs/pr/1")
    discussions.lock(world.hub, world.wendy, ref, 1, is_locked=True)
    merges.merge(world.hub, world.wendy, ref, 1, text="Thanks.")
    found = discussions.show(world.hub, None, ref, 1).shown.discussion
    assert (found.status, found.is_locked) == ("merged", True)


def test_a_full_discussion_can_be_locked(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(world, ref)
    monkeypatch.setattr(discussion_rules, "MAX_EVENTS", 1)
    discussions.lock(world.hub, world.wendy, ref, 1, is_locked=True)
    assert discussions.show(world.hub, None, ref, 1).shown.discussion.is_locked


def test_a_deleted_discussion_is_gone_and_its_number_used(world: World, ref: RepoRef) -> None:
    openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    with pytest.raises(NotAllowed):
        discussions.delete(world.hub, world.bob, ref, 1)
    discussions.delete(world.hub, world.wendy, ref, 1)
    with pytest.raises(ThingNotFound):
        discussions.show(world.hub, world.wendy, ref, 1)
    with world.hub.read() as tx:
        assert refs.find(tx, world.row_id(ref), RefName("refs/pr/1")) is None
    assert begun(world, ref) == 2


def test_lists_come_in_pages_newest_first(world: World, ref: RepoRef) -> None:
    for number in range(5):
        begun(world, ref, world.zed if number % 2 else world.bob, f"Talk {number}")
    openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    discussions.set_status(world.hub, world.wendy, ref, 2, "closed")

    def numbers(**wanted: Any) -> list[int]:
        return [item.discussion.num for item in discussions.list_page(world.hub, None, ref, **wanted).discussions]

    assert numbers() == [6, 5, 4, 3, 2, 1]
    assert numbers(offset=2, limit=2) == [4, 3]
    assert numbers(is_pull=True) == [6]
    assert numbers(is_pull=False, state="open") == [5, 4, 3, 1]
    assert numbers(state="closed") == [2]
    assert numbers(author="ZED") == [4, 2]
    assert numbers(author="nobody") == []
    page = discussions.list_page(world.hub, None, ref, limit=1)
    assert (page.total, page.closed) == (6, 1)
    with pytest.raises(Malformed):
        numbers(state="merged")


def test_those_of_a_private_repository_are_invisible(world: World) -> None:
    ref = world.repo(visibility="private")
    begun(world, ref, world.alice)
    for call in (
        lambda who: discussions.list_page(world.hub, who, ref),
        lambda who: discussions.show(world.hub, who, ref, 1),
        lambda who: discussions.show(world.hub, who, ref, 2),
        lambda who: discussions.comment(world.hub, who, ref, 1, "x"),
        lambda who: reviews.review(world.hub, who, ref, 1, with_diff=True),
        lambda who: merges.merge(world.hub, who, ref, 1),
    ):
        for who in (world.bob, None):
            with pytest.raises(RepoNotFound):
                call(who)


def test_comments_stay_when_their_author_is_deleted(world: World, ref: RepoRef) -> None:
    begun(world, ref, world.zed)
    hub_work.delete_user(world.hub, "zed")
    found = discussions.show(world.hub, None, ref, 1)
    assert (found.shown.author, found.events[0].author) == (None, None)
    assert found.events[0].what.latest.author is None
    accounts.create_user(world.hub, "newcomer")
    assert discussions.show(world.hub, None, ref, 1).shown.author is None


def test_many_begin_at_once_and_get_numbers_of_their_own(world: World, ref: RepoRef) -> None:
    made: list[int] = []
    people = [threading.Thread(target=lambda: made.append(begun(world, ref))) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(made) == list(range(1, 9))


def test_webhooks_receive_events_of_discussions(world: World, ref: RepoRef) -> None:
    wish = webhooks.WebhookDraft("https://example.org/hook", [("model", "acme/m")], ["discussion"])
    webhooks.create(world.hub, world.wendy, wish)
    openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    uid = discussions.comment(world.hub, world.bob, ref, 1, "one").uid
    discussions.edit_comment(world.hub, world.bob, ref, 1, uid, "two")
    discussions.rename(world.hub, world.bob, ref, 1, "Other")
    discussions.lock(world.hub, world.wendy, ref, 1, is_locked=True)
    discussions.delete(world.hub, world.wendy, ref, 1)
    with world.hub.read() as tx:
        payloads = list(
            tx.sql.execute(
                sa.select(community_tables.events.c.payload).order_by(community_tables.events.c.id)
            ).scalars()
        )
    assert [(it["event"]["scope"], it["event"]["action"]) for it in payloads] == [
        ("discussion", "create"),
        ("discussion.comment", "create"),
        ("discussion.comment", "update"),
        ("discussion", "update"),
        ("discussion", "update"),
        ("discussion", "delete"),
    ]
    assert [it["discussion"]["locked"] for it in payloads] == [False] * 4 + [True] * 2
    first = payloads[0]["discussion"]
    assert (first["num"], first["title"], first["status"], first["isPullRequest"]) == (1, "Draft", "draft", True)
    assert first["changes"] == {"base": "refs/heads/main"}
    assert first["author"] == {"id": world.bob.account.uid}
    assert first["url"]["api"] == "/api/models/acme/m/discussions/1"
    assert [it["comment"]["content"] for it in payloads[:3]] == ["text", "one", "two"]
