"""What is not about folders respects them: links, chunks, jobs, webhooks, collections, accounts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.webhooks import webhooks as hook_rows
from entrepot.errors import (
    AccountNotFound,
    InvalidCredentials,
    QuotaExceeded,
    Refused,
    RepoMoved,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import access, audit
from entrepot.hub.accounts import accounts, administration, quotas
from entrepot.hub.callers import Role
from entrepot.hub.community import collections
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.files import chunk_rights, lfs, xet_tokens
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.lfs import RequestedObject, SignedUrl
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import account_removal, folders, grants, repositories
from entrepot.hub.repos.folders import FolderChanges, FolderDraft, FolderId
from entrepot.hub.repos.grants import Subject
from entrepot.hub.search import profiles
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType, Sha256
from entrepot.wire.accounts.administration import Removal
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET
LLM = FolderId(MODEL, "alice", "llm")
REPO = RepoRef(MODEL, RepoId("alice.llm", "x"))
DATA = b"weights" * 1000
SHA256 = Sha256(hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def shared(world: World) -> World:
    """A hub with a repository in a folder of alice, which bob may edit, and one in the folder of the other type."""
    world.repo("alice.llm/x")
    world.repo("alice.llm/x", kind=DATASET)
    grants.grant(world.hub, world.alice, LLM, Subject(user="bob"), "edit")
    return world


def unshare(world: World, wanted: FolderId = LLM) -> None:
    grants.revoke(world.hub, world.alice, wanted, Subject(user="bob"))


# --- links and chunks ---------------------------------------------------------------


def test_links_end_with_the_grant(shared: World) -> None:
    shared.add_large(REPO, "w.bin", DATA)
    [answer] = lfs.plan_downloads(shared.hub, shared.bob, REPO, [RequestedObject(SHA256, len(DATA))])
    assert isinstance(answer.link, SignedUrl)
    lfs.fetch(shared.hub, SHA256, answer.link.query).close()
    other = RequestedObject(Sha256("ab" * 32), 5)
    [upload] = lfs.plan_uploads(shared.hub, shared.bob, REPO, [other], takes_parts=False)
    assert isinstance(upload.link, SignedUrl)
    issued = xet_tokens.issue_write(shared.hub, shared.bob, REPO)
    xet_tokens.check(shared.hub, issued.secret, issued.store)
    unshare(shared)
    with pytest.raises(ThingNotFound):
        lfs.fetch(shared.hub, SHA256, answer.link.query)
    with pytest.raises(RepoNotFound):
        lfs.receive(shared.hub, other.sha256, upload.link.query)
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(shared.hub, issued.secret, issued.store)


def test_xet_tokens_survive_the_renaming_of_a_folder(shared: World) -> None:
    issued = xet_tokens.issue_write(shared.hub, shared.bob, REPO)
    folders.change(shared.hub, shared.alice, LLM, FolderChanges(name="words"))
    assert xet_tokens.check(shared.hub, issued.secret, issued.store).may_write
    unshare(shared, FolderId(MODEL, "alice", "words"))
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(shared.hub, issued.secret, issued.store)


@pytest.mark.parametrize("scope", ["readable", "namespace"])
def test_an_editor_uses_the_chunks_of_the_folder_and_no_others(make_sender: Callable[..., Sender], scope: str) -> None:
    sender = make_sender(dedup_scope=scope)
    world = sender.world
    model, dataset = (world.repo("alice.llm/x", kind=kind) for kind in (MODEL, DATASET))
    private = world.repo("alice/secret", visibility="private")
    grants.grant(world.hub, world.alice, LLM, Subject(user="bob"), "edit")
    found = {}
    for name, ref in (("model", model), ("dataset", dataset), ("private", private)):
        pieces = sender.chunks(name)
        sender.add(ref, "w", pieces, by=world.alice)
        given, xorb = sender.give(model, by=world.bob), sender.xorb(pieces)
        with world.hub.read() as tx:
            rights = ChunkRights(tx, chunk_rights.viewer_of(world.hub, tx, given), [xorb.hash])
        found[name] = bool(rights.of(xorb.hash).first(4).any())
    assert found == {"model": True, "dataset": False, "private": False}


def test_a_large_file_of_a_folder_is_known_to_its_grantees_only(shared: World) -> None:
    shared.add_large(REPO, "w.bin", DATA)
    mine, theirs = shared.repo("bob/m"), shared.repo("zed/m")
    for ref, who, is_known in ((mine, shared.bob, True), (theirs, shared.zed, False)):
        [answer] = lfs.plan_uploads(shared.hub, who, ref, [RequestedObject(SHA256, len(DATA))], takes_parts=False)
        assert (answer.link is None) is is_known


# --- jobs, webhooks, collections ------------------------------------------------------


def test_jobs_of_folders_take_the_turns_of_their_owner(shared: World) -> None:
    shared.add(REPO, "README.md", b"---\nlicense: mit\n---\n")
    with shared.hub.read() as tx:
        query = sa.select(tables.jobs.c.namespace_id).where(tables.jobs.c.kind == "card").distinct()
        assert set(tx.sql.execute(query).scalars()) == {shared.alice.account.id}


def noted(world: World) -> list[tuple[str, str]]:
    events, deliveries = community_tables.events, community_tables.deliveries
    query = sa.select(events.c.payload).join(deliveries, deliveries.c.event_id == events.c.id).order_by(deliveries.c.id)
    with world.hub.read() as tx:
        found = list(tx.sql.execute(query).scalars())
    return [(one["event"]["scope"], one["event"]["action"]) for one in found]


@pytest.mark.parametrize(
    ("owner", "what", "is_told"),
    [
        ("alice", ("user", "alice"), True),
        ("alice", ("model", "alice.llm/x"), True),
        ("bob", ("user", "alice"), True),
        ("bob", ("model", "alice.llm/x"), True),
        ("bob", ("dataset", "alice.llm/x"), False),
        ("zed", ("user", "alice"), False),
    ],
)
def test_webhooks_hear_of_folders_what_their_owners_see(
    shared: World, owner: str, what: tuple[str, str], is_told: bool
) -> None:
    webhooks.create(shared.hub, shared.caller(owner), WebhookDraft("https://example.org/", [what]))
    shared.add(REPO, "a")
    shared.add(RepoRef(DATASET, REPO.id), "a")
    expected = [("repo.content", "update")] * (2 if what[0] == "user" and owner == "alice" else 1)
    assert noted(shared) == (expected if is_told else [])


def test_webhooks_follow_a_renamed_folder_and_hear_of_its_changes(shared: World) -> None:
    webhooks.create(shared.hub, shared.alice, WebhookDraft("https://example.org/", [("model", "alice.llm/x")]))
    folders.change(shared.hub, shared.alice, LLM, FolderChanges(name="words"))
    words = FolderId(MODEL, "alice", "words")
    shared.add(RepoRef(MODEL, RepoId("alice.words", "x")), "a")
    grants.grant(shared.hub, shared.alice, words, Subject(is_public=True), "view")
    folders.delete(shared.hub, shared.alice, words)
    assert noted(shared) == [
        ("repo", "move"),
        ("repo.content", "update"),
        ("repo.config", "update"),
        ("repo", "delete"),
    ]


def test_an_insider_of_a_folder_is_one_now(shared: World) -> None:
    with shared.hub.read() as tx:
        row = access.visible(tx, shared.alice, REPO)
        people = ("alice", "root", "bob", "zed")
        ids = [shared.caller(name).account.id for name in people]
        found = [[hook_rows.is_insider(tx, it, row.namespace_id, kind) for it in ids] for kind in (MODEL, DATASET)]
    assert found == [[True, True, True, False], [True, True, False, False]]


def test_a_collection_shows_items_in_folders_to_whom_they_are_shared(shared: World) -> None:
    made = collections.create(shared.hub, shared.alice, CollectionDraft("All", item=("model", str(REPO.id))))
    seen = {name: collections.get(shared.hub, shared.caller(name), made.slug).items for name in ("alice", "bob", "zed")}
    assert {name: [item.name for item in items] for name, items in seen.items()} == {
        "alice": ["alice.llm/x"],
        "bob": ["alice.llm/x"],
        "zed": [],
    }
    with pytest.raises(AccountNotFound):
        collections.create(shared.hub, shared.alice, CollectionDraft("Of a folder", "alice.llm"))
    with pytest.raises(AccountNotFound):
        collections.create(shared.hub, shared.root, CollectionDraft("Of a folder", "alice.llm"))


# --- accounts -----------------------------------------------------------------------


def test_a_folder_is_no_account(shared: World) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: quotas.change(shared.hub, "alice.llm", {"max_repos": 5}),
        lambda: quotas.show(shared.hub, "alice.llm"),
        lambda: administration.list_repos(shared.hub, audit.CONSOLE, "alice.llm"),
        lambda: accounts.delete_user(shared.hub, "alice.llm"),
        lambda: account_removal.delete_org(shared.hub, audit.CONSOLE, "alice.llm", Removal(purge=True)),
        lambda: account_removal.transfer_all(shared.hub, audit.CONSOLE, "alice.llm", "bob"),
        lambda: accounts.set_member(shared.hub, "alice.llm", "bob", Role.ADMIN),
    ]
    for call in calls:
        with pytest.raises(AccountNotFound):
            call()
    assert [row.name for row in accounts.list_orgs(shared.hub)] == ["acme"]


def test_what_an_account_stores_includes_its_folders(shared: World) -> None:
    found = profiles.stored(shared.hub, shared.alice, None)
    assert sorted(str(full.info.row.ref) for full in found) == ["dataset alice.llm/x", "model alice.llm/x"]
    with pytest.raises(Refused, match=r"alice\.llm/x"):
        accounts.delete_user(shared.hub, "alice")


def test_folders_are_transferred_with_their_grants(shared: World) -> None:
    shared.repo("alice/loose")
    grants.grant(shared.hub, shared.alice, LLM, Subject(user="zed"), "view")
    done = account_removal.delete_user(shared.hub, audit.CONSOLE, "alice", Removal(transfer_to="bob"))
    assert sorted(done.moved) == ["bob.llm/x", "bob/loose", "datasets/bob.llm/x"]
    moved = FolderId(MODEL, "bob", "llm")
    assert folders.show(shared.hub, shared.bob, moved).permission == "own"
    assert [row.subject for row in grants.list_grants(shared.hub, shared.bob, moved).items] == ["zed"]
    with shared.hub.read() as tx, pytest.raises(RepoMoved):
        access.visible(tx, shared.zed, REPO)


def test_a_transfer_is_all_or_nothing(shared: World) -> None:
    folders.create(shared.hub, shared.zed, FolderDraft(MODEL, "llm"))
    with pytest.raises(Refused, match=r"alice\.llm"):
        account_removal.transfer_all(shared.hub, audit.CONSOLE, "alice", "zed")
    quotas.change(shared.hub, "bob", {"max_repos": 1})
    with pytest.raises(QuotaExceeded):
        account_removal.transfer_all(shared.hub, audit.CONSOLE, "alice", "bob")
    assert folders.show(shared.hub, shared.alice, LLM).permission == "own"


def test_a_purged_account_leaves_no_folder(shared: World) -> None:
    done = account_removal.delete_user(shared.hub, audit.CONSOLE, "alice", Removal(purge=True))
    assert sorted(done.purged) == ["alice.llm/x", "datasets/alice.llm/x"]
    list(maintenance.gc(shared.hub, grace_ms=0))
    assert list(maintenance.fsck(shared.hub)) == []
    with shared.hub.read() as tx:
        for table in (tables.folders, tables.folder_grants, tables.folder_redirects):
            assert tx.sql.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
        left = tx.sql.execute(sa.select(tables.namespaces.c.name).where(tables.namespaces.c.kind == "folder"))
        assert left.all() == []


def test_copies_into_a_folder_are_for_its_editors(shared: World) -> None:
    mine = shared.repo("bob/m", visibility="public")
    copy = repositories.duplicate(shared.hub, shared.bob, mine, RepoId("alice.llm", "copy"), None)
    assert (copy.owner, copy.is_private, copy.follows) == ("alice", True, True)
    unshare(shared)
    with pytest.raises(RepoNotFound), shared.hub.read() as tx:
        access.visible(tx, shared.bob, copy.ref)
