from __future__ import annotations

import pytest
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.repos import activity as activity_rows
from entrepot.errors import AccountNotFound
from entrepot.hub import audit
from entrepot.hub.community import discussions
from entrepot.hub.repos import account_removal, repositories
from entrepot.hub.search import activity
from entrepot.hub.search.activity import ActivityCalendar
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.accounts.administration import Removal
from tests.support.worlds import DAY_MS, World


def total(found: ActivityCalendar) -> int:
    return sum(found.counts.values())


def test_commits_discussions_and_comments_count_on_their_day(world: World) -> None:
    before = total(activity.of_user(world.hub, None, "bob"))
    ref = world.repo("bob/m", by=world.bob)
    made = total(activity.of_user(world.hub, None, "bob")) - before
    day = world.clock.now_ms // DAY_MS
    world.add(ref, "a.txt", by=world.bob)
    world.clock.advance(DAY_MS)
    opened = discussions.create(world.hub, world.bob, ref, "A question", "What is it?")
    discussions.comment(world.hub, world.bob, ref, opened.num, "It is a model.")
    found = activity.of_user(world.hub, None, "Bob")
    assert found.counts == {day: made + 1, day + 1: 2}
    assert found.last == day + 1
    assert activity.weekday(found.first) == 0
    assert found.last - found.first == 7 * (activity.WEEKS - 1) + activity.weekday(found.last)


def test_what_happened_in_private_repositories_is_as_if_it_had_not(world: World) -> None:
    world.add(world.repo("alice/open"), "a.txt")
    shown = activity.of_user(world.hub, None, "alice")
    hidden = world.repo("alice/hidden", visibility="private")
    world.add(hidden, "a.txt")
    discussions.create(world.hub, world.alice, hidden, "A secret", "Nobody knows")
    for stranger in (None, world.bob):
        assert activity.of_user(world.hub, stranger, "alice") == shown
    assert total(activity.of_user(world.hub, world.alice, "alice")) >= total(shown) + 2


def test_an_organisation_shows_what_members_did_in_repositories_that_the_caller_sees(world: World) -> None:
    public = world.repo("acme/open", by=world.olga)
    private = world.repo("acme/closed", by=world.olga, visibility="private")
    before = {name: total(activity.of_org(world.hub, world.caller(name), "acme")) for name in ("bob", "rita")}
    world.add(public, "a.txt", by=world.wendy)
    world.add(private, "a.txt", by=world.olga)
    after = {name: total(activity.of_org(world.hub, world.caller(name), "acme")) for name in ("bob", "rita")}
    assert after == {"bob": before["bob"] + 1, "rita": before["rita"] + 2}


def test_activity_goes_with_a_repository_that_moves_and_ends_with_one_that_is_deleted(world: World) -> None:
    before = total(activity.of_org(world.hub, None, "acme"))
    ref = world.repo("olga/m", by=world.olga)
    world.add(ref, "a.txt", by=world.olga)
    mine = total(activity.of_user(world.hub, None, "olga"))
    there = RepoRef(RepoType.MODEL, RepoId("acme", "m"))
    repositories.move(world.hub, world.olga, ref, there)
    assert total(activity.of_org(world.hub, None, "acme")) == before + mine
    assert total(activity.of_user(world.hub, None, "olga")) == mine
    repositories.delete(world.hub, world.olga, there)
    assert total(activity.of_org(world.hub, None, "acme")) == before
    assert total(activity.of_user(world.hub, None, "olga")) == 0


def test_more_than_a_year_ago_is_not_counted(world: World) -> None:
    world.add(world.repo("alice/m"), "a.txt")
    assert total(activity.of_user(world.hub, None, "alice")) > 0
    world.clock.advance(7 * activity.WEEKS * DAY_MS)
    assert activity.of_user(world.hub, None, "alice").counts == {}


def test_a_calendar_that_would_add_up_too_much_begins_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("alice/m")
    for _ in range(3):
        world.clock.advance(DAY_MS)
        world.add(ref, f"{world.clock.now_ms}.txt")
    monkeypatch.setattr(activity_rows, "MAX_ROWS", 2)
    found = activity.of_user(world.hub, None, "alice")
    assert (found.first, found.counts) == (found.last, {found.last: 1})


def test_only_accounts_of_the_right_kind_have_a_calendar(world: World) -> None:
    for find, name in ((activity.of_user, "acme"), (activity.of_org, "alice"), (activity.of_user, "no")):
        with pytest.raises(AccountNotFound):
            find(world.hub, None, name)


def test_nothing_is_kept_about_an_account_that_is_deleted(world: World) -> None:
    ref = world.repo("alice/m")
    discussions.create(world.hub, world.bob, ref, "A question", "What is it?")
    world.add(world.repo("bob/m"), "a.txt")
    gone = world.bob.account.id
    rows = tables.activity
    wanted = sa.select(rows).where((rows.c.account_id == gone) | (rows.c.owner_id == gone))
    with world.hub.read() as tx:
        assert {row.owner_id for row in tx.sql.execute(wanted)} == {gone, world.alice.account.id}
    account_removal.delete_user(world.hub, audit.CONSOLE, "bob", Removal(purge=True))
    with world.hub.read() as tx:
        assert tx.sql.execute(wanted).all() == []
