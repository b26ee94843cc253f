from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.catalog.repos import repositories
from entrepot.hub import events
from entrepot.hub.repos import branches, lfs_files
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import RepoRef
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    made: RepoRef = world.repo("alice/m")
    return made


def noted(world: World) -> list[dict[str, Any]]:
    with world.hub.read() as tx:
        return list(
            tx.sql.execute(
                sa.select(community_tables.events.c.payload).order_by(community_tables.events.c.id)
            ).scalars()
        )


def listen(world: World, owner: str = "alice", what: tuple[str, str] = ("user", "alice")) -> None:
    webhooks.create(world.hub, world.caller(owner), WebhookDraft("https://example.org/", [what]))


def test_no_event_is_recorded_without_webhooks(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.txt")
    assert noted(world) == []


def test_every_way_to_move_a_ref_emits_an_event(world: World, ref: RepoRef) -> None:
    listen(world)
    hub, alice = world.hub, world.alice
    branches.create_branch(hub, alice, ref, "dev", start=None, is_empty=False, overwrites=False)
    branches.create_branch(hub, alice, ref, "bare", start=None, is_empty=True, overwrites=False)
    branches.create_tag(hub, alice, ref, "main", "v1", None)
    branches.delete_tag(hub, alice, ref, "v1")
    branches.delete_branch(hub, alice, ref, "dev")
    told = [
        (move["ref"], bool(move["oldSha"]), bool(move["newSha"])) for one in noted(world) for move in one["updatedRefs"]
    ]
    assert told == [
        ("refs/heads/dev", False, True),
        ("refs/heads/bare", False, True),
        ("refs/tags/v1", False, True),
        ("refs/tags/v1", True, False),
        ("refs/heads/dev", True, False),
    ]


def test_rewriting_history_without_a_file_emits_an_event(world: World, ref: RepoRef) -> None:
    sha256 = world.add_large(ref, "big.bin", b"x" * 100)
    listen(world)
    lfs_files.delete_content(world.hub, world.alice, ref, sha256, rewrites_history=True)
    [event] = noted(world)
    assert [move["ref"] for move in event["updatedRefs"]] == ["refs/heads/main"]


def test_one_event_goes_to_each_webhook_once_however_it_watches(world: World, ref: RepoRef) -> None:
    webhooks.create(
        world.hub, world.alice, WebhookDraft("https://example.org/", [("user", "alice"), ("model", "alice/m")])
    )
    listen(world, "bob", ("model", "alice/m"))
    world.add(ref, "a.txt")
    with world.hub.read() as tx:
        assert len(tx.sql.execute(sa.select(community_tables.deliveries)).all()) == 2
    assert len(noted(world)) == 1


def test_events_of_a_rolled_back_transaction_are_not_sent(world: World, ref: RepoRef) -> None:
    listen(world)

    def change_and_fail() -> None:
        with world.hub.write() as tx:
            row = repositories.find(tx, ref)
            assert row is not None
            events.emit(world.hub, tx, row, "repo", "update")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert noted(world) == []


def test_the_head_is_sent_with_events_of_repositories_only(world: World, ref: RepoRef) -> None:
    listen(world)
    with world.hub.write() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        events.emit(world.hub, tx, row, "repo", "update")
        events.emit(world.hub, tx, row, "discussion", "create", {"discussion": {"num": 1}})
        events.emit_content(world.hub, tx, row, [])
    first, second = noted(world)
    assert "headSha" in first["repo"]
    assert "headSha" not in second["repo"]
    assert second["discussion"] == {"num": 1}
