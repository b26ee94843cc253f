from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from entrepot.catalog import community_tables
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import LoginRequired, NotAllowed
from entrepot.hub import audit
from entrepot.hub.community import collection_views, collections
from entrepot.hub.community.collections import CollectionDraft, CollectionUpdate
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import branches, histories, lfs_files, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoId
from entrepot.settings import Settings
from tests.support.worlds import World

A = community_tables.audit


@pytest.fixture
def hub(tmp_path: pathlib.Path) -> Iterator[HubContext]:
    """A new hub with an empty audit log."""
    opened = open_hub(Settings(data=tmp_path / "empty"), fsync=False)
    yield opened
    opened.close()


def write(hub: HubContext, *actions: str) -> None:
    for action in actions:
        with hub.write() as tx:
            audit.record(hub, tx, audit.CONSOLE, action, "model alice/gpt", {"to": "private"})


def tamper(hub: HubContext, statement: sa.Executable) -> None:
    with hub.write() as tx:
        tx.sql.execute(statement)


def test_an_empty_log_is_whole(hub: HubContext) -> None:
    assert audit.verify(hub) == audit.ChainCheck(0, None, audit.START, is_intact=True)


def test_records_are_found_newest_first_and_the_chain_holds(hub: HubContext) -> None:
    write(hub, "repo.delete", "repo.configure", "repo.delete")
    rows = audit.search(hub, AuditFilter(action="repo.delete"))
    assert [(row.actor, row.subject, row.details) for row in rows] == [
        ("(console)", "model alice/gpt", '{"to":"private"}')
    ] * 2
    assert rows[0].id > rows[1].id
    verdict = audit.verify(hub)
    assert (verdict.rows, verdict.is_intact, verdict.head) == (3, True, rows[0].chain)


def test_a_change_that_is_rolled_back_leaves_no_row(hub: HubContext) -> None:
    def change_and_fail() -> None:
        with hub.write() as tx:
            audit.record(hub, tx, audit.CONSOLE, "repo.delete", "model alice/gpt")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert audit.verify(hub).rows == 0


@pytest.mark.parametrize("column", ["at_ms", "actor", "token", "action", "subject", "details"])
def test_a_changed_row_is_named(hub: HubContext, column: str) -> None:
    write(hub, "one", "two", "three")
    tamper(hub, sa.update(A).where(A.c.id == 2).values({column: 7 if column == "at_ms" else "x"}))
    verdict = audit.verify(hub)
    assert (verdict.broken_at, verdict.is_intact) == (2, False)


def test_a_row_dropped_from_the_middle_is_noticed_at_the_next(hub: HubContext) -> None:
    write(hub, "one", "two", "three")
    tamper(hub, sa.delete(A).where(A.c.id == 2))
    assert audit.verify(hub).broken_at == 3


def test_rows_dropped_from_the_end_are_noticed(hub: HubContext) -> None:
    write(hub, "one", "two", "three")
    tamper(hub, sa.delete(A).where(A.c.id >= 2))
    verdict = audit.verify(hub)
    assert (verdict.rows, verdict.broken_at, verdict.is_intact) == (1, None, False)


def test_a_dropped_log_is_noticed(hub: HubContext) -> None:
    write(hub, "one")
    tamper(hub, sa.delete(A))
    assert not audit.verify(hub).is_intact


def test_the_actor_is_the_account_and_its_token(world: World) -> None:
    hub, alice = world.hub, world.alice
    with hub.write() as tx:
        audit.record(hub, tx, alice, "token.create", "user alice")
        audit.record(hub, tx, None, "gate.ask", "model alice/gpt")
    anonymous, known = audit.search(hub, AuditFilter(), limit=2)
    assert (known.actor, known.token) == ("alice", alice.token.uid)
    assert (anonymous.actor, anonymous.token) == ("(anonymous)", None)


def test_a_head_that_was_kept_elsewhere_is_found_again(hub: HubContext) -> None:
    write(hub, "one")
    kept = audit.verify(hub).head
    write(hub, "two")
    assert audit.verify(hub, kept).knows_kept
    assert audit.verify(hub, audit.START).knows_kept
    assert not audit.verify(hub, "ab" * 32).knows_kept


def test_only_administrators_of_the_hub_read_the_log(world: World) -> None:
    assert audit.list_rows(world.hub, world.caller("root", "read"), AuditFilter(), limit=1)
    with pytest.raises(NotAllowed):
        audit.list_rows(world.hub, world.olga, AuditFilter())
    with pytest.raises(LoginRequired):
        audit.list_rows(world.hub, None, AuditFilter())


def test_deletions_and_changes_of_visibility_are_recorded(world: World) -> None:
    hub, ref = world.hub, world.repo("alice/m")
    sha256 = world.add_large(ref, "w.bin", b"\0" * 500)
    branches.create_branch(hub, world.alice, ref, "dev", start=None, is_empty=False, overwrites=False)
    branches.delete_branch(hub, world.alice, ref, "dev")
    branches.create_tag(hub, world.alice, ref, "main", "v1", None)
    branches.delete_tag(hub, world.alice, ref, "v1")
    histories.squash(hub, world.alice, ref, "main", "one")
    lfs_files.delete_content(hub, world.alice, ref, sha256, rewrites_history=False)
    repositories.configure(hub, world.alice, ref, RepoChanges(options={"immutableTags": True}))
    repositories.duplicate(hub, world.alice, ref, RepoId("alice", "copy"), "private")
    rows = audit.search(hub, AuditFilter(subject="model alice/m", actor="alice"))
    assert [row.action for row in reversed(rows)] == [
        "repo.create",
        "ref.delete",
        "ref.delete",
        "ref.squash",
        "file.delete",
        "repo.settings",
    ]
    assert rows[0].details == '{"immutableTags":"true"}'
    [copied] = audit.search(hub, AuditFilter(subject="model alice/copy"))
    assert copied.details == '{"from":"model alice/m","visibility":"private"}'
    assert audit.verify(hub).is_intact


def test_collections_that_are_opened_or_deleted_are_written_down(world: World) -> None:
    hub = world.hub
    made = collections.create(hub, world.alice, CollectionDraft("Mine", "alice", is_private=True))
    slug = collection_views.slug_of(made.row)
    for is_private in (True, False):
        collections.update(hub, world.alice, slug, CollectionUpdate(is_private=is_private))
    collections.delete(hub, world.alice, slug)
    rows = audit.search(hub, AuditFilter(subject=f"collection alice/{made.row.uid}"))
    assert [(row.action, row.details) for row in reversed(rows)] == [
        ("collection.settings", '{"private":false}'),
        ("collection.delete", '{"title":"Mine"}'),
    ]
