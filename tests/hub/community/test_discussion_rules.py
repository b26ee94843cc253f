from __future__ import annotations

import pytest

from entrepot.catalog.community import discussions as rows
from entrepot.errors import LimitExceeded, LoginRequired, Malformed, NotAllowed, RepoNotFound, ThingNotFound
from entrepot.hub.community import discussion_rules, discussions
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.support.worlds import World


@pytest.mark.parametrize(("text", "title"), [("  a  b \n c", "a b c"), ("abc", "abc"), ("x" * 200, "x" * 200)])
def test_a_title_is_one_line(text: str, title: str) -> None:
    assert discussion_rules.checked_title(text) == title


@pytest.mark.parametrize("text", ["", "ab", " a  ", "x" * 201])
def test_a_title_has_three_to_two_hundred_characters(text: str) -> None:
    with pytest.raises(Malformed, match="3 to 200"):
        discussion_rules.checked_title(text)


def test_a_text_is_neither_empty_nor_too_long() -> None:
    assert discussion_rules.checked_text("a\0b") == "ab"
    with pytest.raises(Malformed):
        discussion_rules.checked_text(" \n")
    with pytest.raises(LimitExceeded):
        discussion_rules.checked_text("x" * 65_537)


def test_who_sees_a_repository_takes_part(world: World) -> None:
    ref, hidden = world.repo("acme/public", world.wendy), world.repo("acme/hidden", world.wendy, visibility="private")
    with world.hub.read() as tx:
        for who in (world.bob, world.rita, world.wendy):
            assert discussion_rules.get_repo_to_discuss(tx, who, ref)[1] == who
        with pytest.raises(LoginRequired):
            discussion_rules.get_repo_to_discuss(tx, None, ref)
        with pytest.raises(NotAllowed, match="read"):
            discussion_rules.get_repo_to_discuss(tx, world.caller("bob", "read"), ref)
        assert discussion_rules.get_repo_to_discuss(tx, world.rita, hidden)[1] == world.rita
        with pytest.raises(RepoNotFound):
            discussion_rules.get_repo_to_discuss(tx, world.bob, hidden)


def test_author_and_writers_lead_only_writers_own(world: World) -> None:
    ref = world.repo("acme/m", world.wendy)
    discussions.create(world.hub, world.bob, ref, "Title", "text")
    with world.hub.read() as tx:
        for who in (world.bob, world.wendy, world.olga):
            assert discussion_rules.get_discussion_to_change(tx, who, ref, 1)[2].num == 1
        for who in (world.zed, world.rita):
            with pytest.raises(NotAllowed, match="author"):
                discussion_rules.get_discussion_to_change(tx, who, ref, 1)
        assert discussion_rules.owned(tx, world.wendy, ref, 1)[2].num == 1
        with pytest.raises(NotAllowed):
            discussion_rules.owned(tx, world.bob, ref, 1)
        for num in (2, 0, -1, 1 << 40):
            with pytest.raises(ThingNotFound):
                discussion_rules.get_discussion_to_change(tx, world.wendy, ref, num)
        with pytest.raises(ThingNotFound, match="pull request"):
            discussion_rules.get_pull(tx, discussion_rules.visible_repo(tx, None, ref), 1)


def test_discussions_can_be_disabled(world: World) -> None:
    ref = world.repo()
    discussions.create(world.hub, world.alice, ref, "Title", "text")
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"discussionsDisabled": True}))
    for call in (
        lambda: discussions.create(world.hub, world.alice, ref, "Title", "text"),
        lambda: discussions.list_page(world.hub, world.alice, ref),
        lambda: discussions.show(world.hub, None, ref, 1),
        lambda: discussions.check_create(world.hub, world.alice, ref),
        lambda: discussions.delete(world.hub, world.alice, ref, 1),
    ):
        with pytest.raises(NotAllowed, match="Discussions are disabled"):
            call()


def test_a_discussion_takes_only_so_many_events_but_can_always_be_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discussion_rules, "MAX_EVENTS", 2)
    ref = world.repo()
    discussions.create(world.hub, world.bob, ref, "Title", "text")
    discussions.comment(world.hub, world.bob, ref, 1, "second")
    with pytest.raises(LimitExceeded):
        discussions.comment(world.hub, world.bob, ref, 1, "third")
    discussions.set_status(world.hub, world.bob, ref, 1, "closed")
    with world.hub.read() as tx:
        discussion = rows.find(tx, world.row_id(ref), 1)
    assert discussion is not None
    assert (discussion.status, discussion.comments) == ("closed", 1)
