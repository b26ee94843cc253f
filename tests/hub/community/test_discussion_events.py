from __future__ import annotations

from collections.abc import Mapping

from entrepot.catalog.community.discussions import EventRow
from entrepot.hub.community import discussion_events
from entrepot.hub.community.discussion_events import (
    MAX_VERSIONS,
    Comment,
    CommitAdded,
    LockChange,
    PinChange,
    StatusChange,
    TitleChange,
)
from entrepot.names import Oid, Uid, new_uid


def read(
    world: object, *stored: tuple[str, Mapping[str, object]], author: int = 0
) -> list[discussion_events.DiscussionEvent]:
    events = [EventRow(n, new_uid(), 1, kind, author, data, n) for n, (kind, data) in enumerate(stored)]
    with world.hub.read() as tx:  # type: ignore[attr-defined]
        return discussion_events.read_events(tx, events)


def test_an_edited_comment_keeps_what_it_said_before(world: object) -> None:
    alice, bob = world.alice.account, world.bob.account  # type: ignore[attr-defined]
    data = discussion_events.comment_data("one", alice.uid, 1)
    data = discussion_events.edited(discussion_events.edited(data, "two", bob.uid, 2), "three", alice.uid, 3)
    [event] = read(world, ("comment", data), author=alice.id)
    comment = event.what
    assert isinstance(comment, Comment)
    assert (comment.latest.raw, comment.latest.updated_ms, comment.edits) == ("three", 3, 2)
    assert [(version.raw, version.author and version.author.name) for version in comment.history] == [
        ("one", "alice"),
        ("two", "bob"),
    ]
    assert event.author is not None
    assert event.author.name == "alice"


def test_a_long_history_loses_its_oldest_versions() -> None:
    data = discussion_events.comment_data("0", Uid("a" * 24), 0)
    for number in range(1, 70):
        data = discussion_events.edited(data, str(number), Uid("a" * 24), number)
    assert (len(data["history"]), data["history"][-1]["raw"], data["edits"]) == (MAX_VERSIONS, "68", 69)
    data = discussion_events.edited(
        discussion_events.edited(data, "x" * 60_000, Uid("a" * 24), 1), "y", Uid("a" * 24), 1
    )
    assert len(data["history"]) == MAX_VERSIONS
    data = discussion_events.edited(
        discussion_events.edited(data, "x" * 60_000, Uid("a" * 24), 1), "y", Uid("a" * 24), 1
    )
    assert sum(len(version["raw"]) for version in data["history"]) <= 64 * 1024


def test_nothing_is_left_of_a_hidden_comment() -> None:
    data = discussion_events.edited(
        discussion_events.comment_data("secret", Uid("a" * 24), 0), "secret 2", Uid("a" * 24), 1
    )
    assert "secret" not in str(discussion_events.hidden(data, Uid("b" * 24), 2))


def test_every_kind_is_read(world: object) -> None:
    oid = Oid("a" * 40)
    found = read(
        world,
        ("status-change", {"status": "closed"}),
        ("commit", {"subject": "s", "oid": oid}),
        ("title-change", {"from": "a", "to": "b"}),
        ("pinning-change", {"pinned": True}),
        ("locking-change", {"locked": False}),
    )
    assert [item.what for item in found] == [
        StatusChange("closed"),
        CommitAdded("s", oid),
        TitleChange("a", "b"),
        PinChange(True),
        LockChange(False),
    ]
    assert [item.author for item in found] == [None] * 5
