"""Who may do what in a folder, what asking costs, and how links, chunks, webhooks and accounts respect it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.webhooks import webhooks as hook_rows
from entrepot.errors import (
    AccountNotFound,
    EntrepotError,
    InvalidCredentials,
    LoginRequired,
    NotAllowed,
    QuotaExceeded,
    Refused,
    RepoMoved,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import access, audit, folder_access, roles, scopes
from entrepot.hub.accounts import accounts, administration, quotas, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.audit import CONSOLE
from entrepot.hub.callers import FINE_GRAINED, Caller, MaybeCaller, Role
from entrepot.hub.community import collections
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.files import chunk_rights, lfs, xet_tokens
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import account_removal, repositories
from entrepot.hub.scopes import RequestedScope
from entrepot.hub.search import profiles
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType, Sha256
from entrepot.wire.accounts.administration import Removal
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.database_statements import counted
from tests.support.worlds import World

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET
LLM = FolderId(MODEL, "acme", "llm")


@pytest.fixture
def shared(world: World) -> World:
    """A hub with a folder of an organisation, which bob may edit and zed may view."""
    folders.create(world.hub, world.olga, FolderDraft(MODEL, "llm", "acme"))
    for name, role in (("bob", "edit"), ("zed", "view")):
        grants.grant(world.hub, world.olga, LLM, Subject(user=name), role)
    return world


def permission(world: World, caller: MaybeCaller) -> str | None:
    with world.hub.read() as tx:
        try:
            return folder_access.permission(tx, caller, folder_access.visible(tx, caller, MODEL, "acme", "llm"))
        except ThingNotFound:
            return None


def test_roles_and_grants_give_permissions(shared: World) -> None:
    found = {name: permission(shared, shared.caller(name)) for name in ("olga", "wendy", "carl", "rita", "bob", "zed")}
    assert found == {"olga": "own", "wendy": "edit", "carl": "view", "rita": "view", "bob": "edit", "zed": "view"}
    assert permission(shared, shared.root) == "own"
    assert permission(shared, shared.alice) is None
    assert permission(shared, None) is None


@pytest.mark.parametrize(
    ("name", "error"), [("zed", NotAllowed), ("bob", None), ("rita", NotAllowed), ("alice", ThingNotFound)]
)
def test_who_edits(shared: World, name: str, error: type[Exception] | None) -> None:
    with shared.hub.read() as tx:
        if error is None:
            assert folder_access.editable(tx, shared.caller(name), MODEL, "acme", "llm")[0].name == "llm"
            return
        with pytest.raises(error):
            folder_access.editable(tx, shared.caller(name), MODEL, "acme", "llm")


def test_who_owns(shared: World) -> None:
    with shared.hub.read() as tx:
        assert folder_access.owned(tx, shared.olga, MODEL, "acme", "llm")[1].account.name == "olga"
        for name in ("wendy", "bob", "zed"):
            with pytest.raises(NotAllowed, match="'own' is needed"):
                folder_access.owned(tx, shared.caller(name), MODEL, "acme", "llm")
        with pytest.raises(NotAllowed):
            folder_access.owned(tx, shared.caller("olga", "read"), MODEL, "acme", "llm")
        with pytest.raises(LoginRequired):
            folder_access.owned(tx, None, MODEL, "acme", "llm")


def test_folders_are_made_by_writers_and_above(world: World) -> None:
    for name, told in (("rita", "'read', 'write' is needed"), ("carl", "'contributor', 'write' is needed")):
        with pytest.raises(NotAllowed, match=told):
            folders.create(world.hub, world.caller(name), FolderDraft(MODEL, name, "acme"))
    for name in ("wendy", "olga"):
        assert folders.create(world.hub, world.caller(name), FolderDraft(MODEL, name, "acme"))


def test_a_folder_is_no_owner_of_folders(shared: World) -> None:
    with pytest.raises(NotAllowed, match="don't have the rights"):
        folders.create(shared.hub, shared.root, FolderDraft(MODEL, "deep", "acme.llm"))


def test_a_token_that_may_only_read_changes_no_folder(shared: World) -> None:
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("org", "acme", [scopes.READ])])
    limited = shared.hub.identify(tokens.create_for(shared.hub, "olga", wish)[0].secret)
    with pytest.raises(NotAllowed, match=r"lacks the permission .* for the folder acme\.llm"):
        folders.change(shared.hub, limited, LLM, FolderChanges(description="x"))
    with pytest.raises(NotAllowed, match="lacks the permission"):
        folders.create(shared.hub, limited, FolderDraft(MODEL, "other", "acme"))


def test_a_type_without_folders_has_none(shared: World) -> None:
    with shared.hub.read() as tx, pytest.raises(ThingNotFound):
        folder_access.visible(tx, shared.olga, RepoType.SPACE, "acme", "llm")


def queries_of(world: World, caller: Caller, ref: RepoRef) -> int:
    with world.hub.read() as tx, counted(world.hub) as sent:
        access.readable(tx, caller, ref)
        access.may_write(tx, caller, access.visible(tx, caller, ref))
    return len([statement for statement in sent if "folder" in statement]) * 100 + len(sent)


def test_a_folder_costs_its_grantees_one_query_and_others_none(shared: World) -> None:
    plain = shared.repo("acme/x", by=shared.olga, visibility="private")
    inside = shared.repo("acme.llm/x", by=shared.olga)
    assert queries_of(shared, shared.olga, plain) == queries_of(shared, shared.olga, inside) == 2
    assert queries_of(shared, shared.bob, inside) == 103


def refusal_of(world: World, caller: Caller, what: Callable[[Any, Caller], object]) -> tuple[str, list[str]]:
    """Return the type of an error and the statements before it."""
    fresh = attrs.evolve(caller, granted={})
    with world.hub.read() as tx, counted(world.hub) as sent, pytest.raises(EntrepotError) as caught:
        what(tx, fresh)
    return type(caught.value).__name__, sorted(sent)


@pytest.mark.parametrize("name", ["alice", "bob", "olga"])
def test_refusing_what_a_folder_hides_costs_as_much_as_refusing_what_does_not_exist(shared: World, name: str) -> None:
    folders.create(shared.hub, shared.root, FolderDraft(MODEL, "den", "wendy"))
    folders.create(shared.hub, shared.root, FolderDraft(MODEL, "old", "wendy"))
    shared.repo("wendy.den/x", by=shared.root)
    shared.repo("wendy.den/left", by=shared.root)
    shared.repo("wendy.old/x", by=shared.root)
    shared.repo("wendy/out", by=shared.root, visibility="private")
    for old, new in (("wendy.den/left", "wendy.den/new"), ("wendy/out", "wendy.den/in")):
        refs = [RepoRef(MODEL, RepoId(*one.split("/"))) for one in (old, new)]
        repositories.move(shared.hub, shared.root, *refs)
    folders.change(shared.hub, shared.root, FolderId(MODEL, "wendy", "old"), FolderChanges(name="moved"))
    caller = shared.caller(name)

    def repo(namespace: str, called: str) -> tuple[str, list[str]]:
        ref = RepoRef(MODEL, RepoId(namespace, called))
        return refusal_of(shared, caller, lambda tx, one: access.visible(tx, one, ref))

    def folder(called: str) -> tuple[str, list[str]]:
        return refusal_of(shared, caller, lambda tx, one: folder_access.visible(tx, one, MODEL, "wendy", called))

    def maker(kind: RepoType, called: str) -> tuple[str, list[str]]:
        return refusal_of(shared, caller, lambda tx, one: access.namespace_for(tx, one, f"wendy.{called}", kind))

    hidden = [repo("wendy.den", "x"), repo("wendy.den", "left"), repo("wendy.old", "x")]
    assert hidden == [repo("wendy.den", "none"), repo("wendy.den", "none"), repo("wendy.no", "x")]
    assert repo("wendy", "out") == repo("wendy", "none")
    assert folder("den") == folder("old") == folder("none")
    assert maker(MODEL, "den") == maker(DATASET, "den") == maker(MODEL, "none")


def test_many_folders_are_looked_up_together(shared: World) -> None:
    refs = []
    for number in range(4):
        folders.create(shared.hub, shared.olga, FolderDraft(MODEL, f"f{number}", "acme"))
        wanted = FolderId(MODEL, "acme", f"f{number}")
        grants.grant(shared.hub, shared.olga, wanted, Subject(user="zed"), "view")
        refs.append(shared.repo(f"acme.f{number}/x", by=shared.olga))
    zed = shared.zed
    with shared.hub.read() as tx:
        rows = [access.visible(tx, shared.olga, ref) for ref in refs]
        with counted(shared.hub) as sent:
            roles.load_grants(tx, zed, rows)
            assert all(access.may_see(tx, zed, row) for row in rows)
    assert len(sent) == 1


def test_members_are_known_by_name(shared: World) -> None:
    ref = shared.repo("acme.llm/x", by=shared.olga)
    with shared.hub.read() as tx:
        row = access.visible(tx, shared.olga, ref)
        people = ("rita", "bob", "zed", "alice")
        members = [name for name in people if roles.is_member(tx, shared.caller(name).account, row)]
    assert members == ["rita", "bob", "zed"]


def test_a_repository_tells_the_permission_on_it(shared: World) -> None:
    ref = shared.repo("acme.llm/x", by=shared.carl)
    with shared.hub.read() as tx:
        row = access.visible(tx, shared.olga, ref)
        people = ("olga", "wendy", "carl", "rita", "bob", "zed")
        found = [folder_access.permission_on(tx, shared.caller(name), row) for name in people]
        assert folder_access.permission_on(tx, None, row) == "view"
    assert found == ["own", "edit", "edit", "view", "edit", "view"]


def test_the_sibling_of_the_other_type_is_another_folder(shared: World) -> None:
    folders.create(shared.hub, shared.olga, FolderDraft(DATASET, "llm", "acme"))
    sibling = shared.repo("acme.llm/x", by=shared.olga, kind=DATASET)
    assert sibling == RepoRef(DATASET, RepoId("acme.llm", "x"))
    with shared.hub.read() as tx, pytest.raises(ThingNotFound):
        folder_access.visible(tx, shared.bob, DATASET, "acme", "llm")


# --- what is not about folders ---------------------------------------------------------

ALICES = FolderId(MODEL, "alice", "llm")
REPO = RepoRef(MODEL, RepoId("alice.llm", "x"))
DATA = b"weights" * 1000
SHA256 = Sha256(hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def lent(world: World) -> World:
    """A hub with a repository in a folder of alice, which bob may edit, and one in the folder of the other type."""
    world.repo("alice.llm/x")
    world.repo("alice.llm/x", kind=DATASET)
    grants.grant(world.hub, world.alice, ALICES, Subject(user="bob"), "edit")
    return world


def unshare(world: World, wanted: FolderId = ALICES) -> None:
    grants.revoke(world.hub, world.alice, wanted, Subject(user="bob"))


# --- links and chunks ---------------------------------------------------------------


def test_links_end_with_the_grant(lent: World) -> None:
    lent.add_large(REPO, "w.bin", DATA)
    [answer] = lfs.plan_downloads(lent.hub, lent.bob, REPO, [RequestedObject(SHA256, len(DATA))])
    assert isinstance(answer.link, SignedUrl)
    lfs.fetch(lent.hub, SHA256, answer.link.query).close()
    other = RequestedObject(Sha256("ab" * 32), 5)
    [upload] = lfs.plan_uploads(lent.hub, lent.bob, REPO, [other], takes_parts=False)
    assert isinstance(upload.link, SignedUrl)
    issued = xet_tokens.issue_write(lent.hub, lent.bob, REPO)
    xet_tokens.check(lent.hub, issued.secret, issued.store)
    unshare(lent)
    with pytest.raises(ThingNotFound):
        lfs.fetch(lent.hub, SHA256, answer.link.query)
    with pytest.raises(RepoNotFound):
        lfs.receive(lent.hub, other.sha256, upload.link.query)
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(lent.hub, issued.secret, issued.store)


def test_xet_tokens_survive_the_renaming_of_a_folder(lent: World) -> None:
    issued = xet_tokens.issue_write(lent.hub, lent.bob, REPO)
    folders.change(lent.hub, lent.alice, ALICES, FolderChanges(name="words"))
    assert xet_tokens.check(lent.hub, issued.secret, issued.store).may_write
    unshare(lent, FolderId(MODEL, "alice", "words"))
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(lent.hub, issued.secret, issued.store)


@pytest.mark.parametrize("scope", ["readable", "namespace"])
def test_an_editor_uses_the_chunks_of_the_folder_and_no_others(make_sender: Callable[..., Sender], scope: str) -> None:
    sender = make_sender(dedup_scope=scope)
    world = sender.world
    model, dataset = (world.repo("alice.llm/x", kind=kind) for kind in (MODEL, DATASET))
    private = world.repo("alice/secret", visibility="private")
    grants.grant(world.hub, world.alice, ALICES, Subject(user="bob"), "edit")
    found = {}
    for name, ref in (("model", model), ("dataset", dataset), ("private", private)):
        pieces = sender.chunks(name)
        sender.add(ref, "w", pieces, by=world.alice)
        given, xorb = sender.give(model, by=world.bob), sender.xorb(pieces)
        with world.hub.read() as tx:
            rights = ChunkRights(tx, chunk_rights.viewer_of(world.hub, tx, given), [xorb.hash])
        found[name] = bool(rights.of(xorb.hash).first(4).any())
    assert found == {"model": True, "dataset": False, "private": False}


def test_a_large_file_of_a_folder_is_known_to_its_grantees_only(lent: World) -> None:
    lent.add_large(REPO, "w.bin", DATA)
    mine, theirs = lent.repo("bob/m"), lent.repo("zed/m")
    for ref, who, is_known in ((mine, lent.bob, True), (theirs, lent.zed, False)):
        [answer] = lfs.plan_uploads(lent.hub, who, ref, [RequestedObject(SHA256, len(DATA))], takes_parts=False)
        assert (answer.link is None) is is_known


# --- jobs, webhooks, collections ------------------------------------------------------


def test_jobs_of_folders_take_the_turns_of_their_owner(lent: World) -> None:
    lent.add(REPO, "README.md", b"---\nlicense: mit\n---\n")
    with lent.hub.read() as tx:
        query = sa.select(tables.jobs.c.namespace_id).where(tables.jobs.c.kind == "card").distinct()
        assert set(tx.sql.execute(query).scalars()) == {lent.alice.account.id}


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
    lent: World, owner: str, what: tuple[str, str], is_told: bool
) -> None:
    webhooks.create(lent.hub, lent.caller(owner), WebhookDraft("https://example.org/", [what]))
    lent.add(REPO, "a")
    lent.add(RepoRef(DATASET, REPO.id), "a")
    expected = [("repo.content", "update")] * (2 if what[0] == "user" and owner == "alice" else 1)
    assert noted(lent) == (expected if is_told else [])


def test_webhooks_follow_a_renamed_folder_and_hear_of_its_changes(lent: World) -> None:
    webhooks.create(lent.hub, lent.alice, WebhookDraft("https://example.org/", [("model", "alice.llm/x")]))
    folders.change(lent.hub, lent.alice, ALICES, FolderChanges(name="words"))
    words = FolderId(MODEL, "alice", "words")
    lent.add(RepoRef(MODEL, RepoId("alice.words", "x")), "a")
    grants.grant(lent.hub, lent.alice, words, Subject(is_public=True), "view")
    folders.delete(lent.hub, lent.alice, words)
    assert noted(lent) == [
        ("repo", "move"),
        ("repo.content", "update"),
        ("repo.config", "update"),
        ("repo", "delete"),
    ]


def test_an_insider_of_a_folder_is_one_now(lent: World) -> None:
    with lent.hub.read() as tx:
        row = access.visible(tx, lent.alice, REPO)
        people = ("alice", "root", "bob", "zed")
        ids = [lent.caller(name).account.id for name in people]
        found = [[hook_rows.is_insider(tx, it, row.namespace_id, kind) for it in ids] for kind in (MODEL, DATASET)]
    assert found == [[True, True, True, False], [True, True, False, False]]


def test_a_collection_shows_items_in_folders_to_whom_they_are_shared(lent: World) -> None:
    made = collections.create(lent.hub, lent.alice, CollectionDraft("All", item=("model", str(REPO.id))))
    seen = {name: collections.get(lent.hub, lent.caller(name), made.slug).items for name in ("alice", "bob", "zed")}
    assert {name: [item.name for item in items] for name, items in seen.items()} == {
        "alice": ["alice.llm/x"],
        "bob": ["alice.llm/x"],
        "zed": [],
    }
    with pytest.raises(AccountNotFound):
        collections.create(lent.hub, lent.alice, CollectionDraft("Of a folder", "alice.llm"))
    with pytest.raises(AccountNotFound):
        collections.create(lent.hub, lent.root, CollectionDraft("Of a folder", "alice.llm"))


# --- accounts -----------------------------------------------------------------------


def test_a_folder_is_no_account(lent: World) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: quotas.change(lent.hub, "alice.llm", {"max_repos": 5}),
        lambda: quotas.show(lent.hub, "alice.llm"),
        lambda: administration.list_repos(lent.hub, audit.CONSOLE, "alice.llm"),
        lambda: hub_work.delete_user(lent.hub, "alice.llm"),
        lambda: account_removal.delete_org(lent.hub, audit.CONSOLE, "alice.llm", Removal(purge=True)),
        lambda: account_removal.transfer_all(lent.hub, audit.CONSOLE, "alice.llm", "bob"),
        lambda: accounts.set_member(lent.hub, "alice.llm", "bob", Role.ADMIN),
    ]
    for call in calls:
        with pytest.raises(AccountNotFound):
            call()
    assert [row.name for row in administration.list_orgs(lent.hub, CONSOLE)] == ["acme"]


def test_the_storage_of_an_account_includes_its_folders(lent: World) -> None:
    found = profiles.stored(lent.hub, lent.alice, None).items
    assert sorted(str(full.info.row.ref) for full in found) == ["dataset alice.llm/x", "model alice.llm/x"]
    with pytest.raises(Refused, match=r"alice\.llm/x"):
        hub_work.delete_user(lent.hub, "alice")


def test_folders_are_transferred_with_their_grants(lent: World) -> None:
    lent.repo("alice/loose")
    grants.grant(lent.hub, lent.alice, ALICES, Subject(user="zed"), "view")
    done = account_removal.delete_user(lent.hub, audit.CONSOLE, "alice", Removal(transfer_to="bob"))
    assert sorted(done.moved) == ["bob.llm/x", "bob/loose", "datasets/bob.llm/x"]
    moved = FolderId(MODEL, "bob", "llm")
    assert folders.show(lent.hub, lent.bob, moved).permission == "own"
    assert [row.subject for row in grants.list_grants(lent.hub, lent.bob, moved).items] == ["zed"]
    with lent.hub.read() as tx, pytest.raises(RepoMoved):
        access.visible(tx, lent.zed, REPO)


def test_a_transfer_is_all_or_nothing(lent: World) -> None:
    folders.create(lent.hub, lent.zed, FolderDraft(MODEL, "llm"))
    with pytest.raises(Refused, match=r"alice\.llm"):
        account_removal.transfer_all(lent.hub, audit.CONSOLE, "alice", "zed")
    quotas.change(lent.hub, "bob", {"max_repos": 1})
    with pytest.raises(QuotaExceeded):
        account_removal.transfer_all(lent.hub, audit.CONSOLE, "alice", "bob")
    assert folders.show(lent.hub, lent.alice, ALICES).permission == "own"


def test_a_purged_account_leaves_no_folder(lent: World) -> None:
    done = account_removal.delete_user(lent.hub, audit.CONSOLE, "alice", Removal(purge=True))
    assert sorted(done.purged) == ["alice.llm/x", "datasets/alice.llm/x"]
    list(maintenance.gc(lent.hub, grace_ms=0))
    assert list(maintenance.fsck(lent.hub)) == []
    with lent.hub.read() as tx:
        for table in (tables.folders, tables.folder_grants, tables.folder_redirects):
            assert tx.sql.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
        left = tx.sql.execute(sa.select(tables.namespaces.c.name).where(tables.namespaces.c.kind == "folder"))
        assert left.all() == []


def test_copies_into_a_folder_are_for_its_editors(lent: World) -> None:
    mine = lent.repo("bob/m", visibility="public")
    copy = repositories.duplicate(lent.hub, lent.bob, mine, RepoId("alice.llm", "copy"), None)
    assert (copy.owner, copy.is_private, copy.follows) == ("alice", True, True)
    unshare(lent)
    with pytest.raises(RepoNotFound), lent.hub.read() as tx:
        access.visible(tx, lent.bob, copy.ref)
