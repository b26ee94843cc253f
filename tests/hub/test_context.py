from __future__ import annotations

import json
import pathlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts as account_rows
from entrepot.errors import (
    AccountSuspended,
    DataFolderError,
    EntrepotError,
    InvalidCredentials,
    LoginRequired,
    NotAllowed,
    ThingNotFound,
)
from entrepot.git.tree_names import TreeNames
from entrepot.hub import aliases, audit
from entrepot.hub.accounts import (
    accounts,
    administration,
    avatars,
    factor_resets,
    follows,
    invitations,
    members,
    orgs,
    sessions,
    sign_ins,
    tokens,
)
from entrepot.hub.accounts.orgs import NewOrg, OrgChanges
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.buckets import buckets
from entrepot.hub.callers import Caller, Role
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collections import CollectionDraft, CollectionUpdate
from entrepot.hub.context import open_hub
from entrepot.hub.data_folders import is_new
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.jobs import mirror_overviews, overviews
from entrepot.hub.repos import account_removal, repositories, restrictions
from entrepot.hub.repos.repositories import NewRepo
from entrepot.hub.search import profiles
from entrepot.hub.tables.known_layouts import KnownLayout
from entrepot.hub.tables.known_rows import KnownRows
from entrepot.hub.tables.reader import TableFacts
from entrepot.hub.versioned_cache import Share
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import Oid, RepoRef, RepoType
from entrepot.settings import Settings
from entrepot.wire.accounts.administration import NewOrgByAdmin, NewTokenByAdmin, Removal, UserChanges
from entrepot.wire.accounts.quotas import QuotaChanges
from tests.support.worlds import World


def test_a_folder_is_made_once_and_keeps_its_identity(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "deep" / "data"
    assert is_new(folder)
    hub = open_hub(Settings(data=folder), fsync=False)
    assert not is_new(folder)
    hub.close()
    again = open_hub(Settings(data=folder), fsync=False)
    assert (again.store_id, again.signer) == (hub.store_id, hub.signer)
    assert folder.stat().st_mode & 0o077 == 0
    assert "key" not in repr(hub.signer)
    assert abs(again.now_ms() - hub.now_ms()) < 60_000
    again.close()


def test_threads_that_open_a_new_folder_at_once_all_succeed(tmp_path: pathlib.Path) -> None:
    barrier = threading.Barrier(4)

    def opened(_number: int) -> str:
        barrier.wait()
        hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
        hub.close()
        return hub.store_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(opened, range(4)))) == 1


def test_a_folder_that_another_process_is_just_making_is_taken(tmp_path: pathlib.Path) -> None:
    (tmp_path / "format.12ab34cd").write_text("")
    (tmp_path / "entrepot.toml").write_text("")
    hub = open_hub(Settings(data=tmp_path), fsync=False)
    with hub.read() as tx:
        assert account_rows.find(tx, "nobody") is None
    hub.close()


@pytest.mark.parametrize("text", [json.dumps({"entrepot": 99}), "[]", "no json", ""])
def test_a_folder_of_another_layout_is_not_touched(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "format.json").write_text(text)
    with pytest.raises(DataFolderError, match=r"layout|damaged"):
        open_hub(Settings(data=tmp_path), fsync=False)
    assert [path.name for path in tmp_path.iterdir()] == ["format.json"]


def test_a_folder_of_other_data_is_not_changed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(DataFolderError, match="not empty"):
        open_hub(Settings(data=tmp_path), fsync=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError):
        open_hub(Settings(data=tmp_path / "file"), fsync=False)


def test_caches_of_folders_are_part_of_the_memory_that_the_settings_allow(tmp_path: pathlib.Path) -> None:
    key = (1, Oid("a" * 40))
    tree = b"".join(b"100644 %06d\0%b" % (number, bytes(20)) for number in range(20_000))
    for most, is_kept in ((Settings(data=tmp_path).remembered_bytes, True), (1 << 20, False)):
        hub = open_hub(Settings(data=tmp_path, remembered_bytes=most))
        hub.store.large_trees.put(key, tree)
        hub.store.names.put(key, TreeNames(tree))
        assert (hub.store.large_trees.find(key) is not None) == is_kept
        assert (hub.store.names.find(key) is not None) == is_kept
        hub.close()


def test_all_caches_of_the_store_follow_the_settings(tmp_path: pathlib.Path) -> None:
    limits = {}
    default = Settings(data=tmp_path).remembered_bytes
    for most in (default, 2 * default, 0):
        hub = open_hub(Settings(data=tmp_path, remembered_bytes=most))
        limits[most] = attrs.asdict(hub.store.limits)
        hub.close()
    assert limits[2 * default] == {name: 2 * size for name, size in limits[default].items()}
    stored = (Share.SCANNED_TREES, Share.LARGE_TREES, Share.TREE_NAMES, Share.LISTINGS, Share.XORB_INDEXES, Share.ROOTS)
    assert sum(limits[default].values()) == sum(share.mib for share in stored) << 20
    assert sum(limits[0].values()) == 4 << 20


def test_what_is_known_of_datasets_follows_the_settings(tmp_path: pathlib.Path) -> None:
    key, layout = (1, Oid("a" * 40), ""), KnownLayout({"a": "x" * 100_000})
    table = TableFacts(1, False, {"a": "x" * 200_000}, 0)
    rows = KnownRows("default", "train", Oid("a" * 40), (), {}, [{"a": "x" * 10_000}], 0, 1, False)
    for most, is_kept in ((Settings(data=tmp_path).remembered_bytes, True), (0, False)):
        hub = open_hub(Settings(data=tmp_path, remembered_bytes=most))
        hub.layouts.put(key, layout)
        hub.tables.facts.put("a", table)
        hub.first_rows.put(key[:2], rows)
        assert (hub.layouts.find(key) is not None) == is_kept
        assert (hub.tables.facts.find("a") is not None) == is_kept
        assert (hub.first_rows.find(key[:2]) is not None) == is_kept
        hub.layouts.put(key, KnownLayout({}))
        assert hub.layouts.find(key) is not None, "small ones are always kept"
        hub.close()


# --- rights that end while a request waits for its locks ---


@attrs.frozen
class Place:
    """What the callers of these tests are about to change."""

    world: World
    repo: RepoRef
    collection: str
    folder: FolderId


Change = Callable[[Place, Caller], object]

OF_ORG: dict[str, Change] = {
    "members.change_role": lambda at, by: members.change_role(at.world.hub, by, "acme", "rita", "write"),
    "members.remove": lambda at, by: members.remove(at.world.hub, by, "acme", "rita"),
    "orgs.configure": lambda at, by: orgs.configure(at.world.hub, by, "acme", OrgChanges(fullname="Mine")),
    "invitations.invite": lambda at, by: invitations.invite(at.world.hub, by, "acme", "bob", "admin"),
    "avatars.remove": lambda at, by: avatars.remove(at.world.hub, by, "acme"),
    "collections.create": lambda at, by: collections.create(at.world.hub, by, CollectionDraft("new", "acme")),
    "collections.update": lambda at, by: collections.update(
        at.world.hub, by, at.collection, CollectionUpdate(title="mine")
    ),
    "collections.delete": lambda at, by: collections.delete(at.world.hub, by, at.collection),
    "collection_items.add": lambda at, by: collection_items.add(
        at.world.hub, by, at.collection, ("model", str(at.repo.id)), None
    ),
    "folders.create": lambda at, by: folders.create(at.world.hub, by, FolderDraft(RepoType.MODEL, "late", "acme")),
    "folders.change": lambda at, by: folders.change(at.world.hub, by, at.folder, FolderChanges(description="mine")),
    "folders.delete": lambda at, by: folders.delete(at.world.hub, by, at.folder),
    "grants.grant": lambda at, by: grants.grant(at.world.hub, by, at.folder, Subject(is_public=True), "view"),
    "repositories.create": lambda at, by: repositories.create(
        at.world.hub, by, NewRepo(RepoType.MODEL, "late", namespace="acme")
    ),
    "buckets.create": lambda at, by: buckets.create(at.world.hub, by, "acme", "late"),
}
"""Changes for which a role in an organisation is needed."""

OF_HUB: dict[str, Change] = {
    "change_user": lambda at, by: administration.change_user(at.world.hub, by, "bob", UserChanges(is_admin=True)),
    "create_token": lambda at, by: administration.create_token(at.world.hub, by, "bob", NewTokenByAdmin(role="write")),
    "revoke": lambda at, by: administration.revoke(at.world.hub, by, "bob", at.world.bob.token.uid),
    "set_quota": lambda at, by: administration.set_quota(at.world.hub, by, "bob", QuotaChanges(max_repos=0)),
    "create_org": lambda at, by: administration.create_org(at.world.hub, by, NewOrgByAdmin(name="late", admin="bob")),
    "set_member": lambda at, by: administration.set_member(at.world.hub, by, "acme", "bob", "admin"),
    "remove_member": lambda at, by: administration.remove_member(at.world.hub, by, "acme", "rita"),
    "reset factors": lambda at, by: factor_resets.reset(at.world.hub, by, "bob"),
    "issue_code": lambda at, by: sign_ins.issue_code(at.world.hub, by, "bob", 600),
    "alias": lambda at, by: aliases.put(at.world.hub, "late", at.repo, by=aliases.require_admin(by)),
    "disable": lambda at, by: restrictions.disable(at.world.hub, by, at.repo, "late"),
    "transfer_all": lambda at, by: account_removal.transfer_all(at.world.hub, by, "acme", "bob"),
    "delete_user": lambda at, by: account_removal.delete_user(at.world.hub, by, "zed", Removal(purge=True)),
    "delete_org": lambda at, by: account_removal.delete_org(at.world.hub, by, "acme", Removal(purge=True)),
    "repack": lambda at, by: mirror_overviews.request_repack(at.world.hub, by, at.repo),
    "sweep": lambda at, by: overviews.request_sweep(at.world.hub, by),
    "retry_job": lambda at, by: overviews.retry_job(at.world.hub, by, 1),
    "cancel_job": lambda at, by: overviews.cancel_job(at.world.hub, by, 1),
}
"""Changes for administrators of the hub."""

OF_USER: dict[str, Change] = {
    "webhooks.create": lambda at, by: webhooks.create(
        at.world.hub, by, WebhookDraft("https://hooks.example/x", [("user", "bob")])
    ),
    "tokens.create": lambda at, by: tokens.create(at.world.hub, by, TokenDraft("write")),
    "follows.follow": lambda at, by: follows.follow(at.world.hub, by, "alice", is_user=True),
    "profile": lambda at, by: profiles.change_profile(at.world.hub, by, fullname="Late"),
    "orgs.create": lambda at, by: orgs.create(at.world.hub, by, NewOrg("late")),
}
"""Changes for which a token of the account is enough."""


@pytest.fixture
def place(world: World) -> Place:
    repo = world.repo("acme/m", by=world.olga)
    collection = collections.create(world.hub, world.olga, CollectionDraft("old", "acme"))
    folders.create(world.hub, world.olga, FolderDraft(RepoType.MODEL, "shared", "acme"))
    return Place(world, repo, collection.slug, FolderId(RepoType.MODEL, "acme", "shared"))


@pytest.mark.parametrize("name", OF_ORG)
def test_a_role_that_ends_meanwhile_changes_nothing_in_an_organisation(place: Place, name: str) -> None:
    olga = place.world.olga
    accounts.set_member(place.world.hub, "acme", "root", Role.ADMIN)
    accounts.set_member(place.world.hub, "acme", "olga", Role.READ)
    with pytest.raises(NotAllowed):
        OF_ORG[name](place, olga)


@pytest.mark.parametrize("name", OF_HUB)
def test_an_administrator_who_is_dismissed_meanwhile_changes_nothing(place: Place, name: str) -> None:
    root = place.world.root
    administration.change_user(place.world.hub, audit.CONSOLE, "alice", UserChanges(is_admin=True))
    administration.change_user(place.world.hub, audit.CONSOLE, "root", UserChanges(is_admin=False))
    with pytest.raises(NotAllowed):
        OF_HUB[name](place, root)


@pytest.mark.parametrize("name", OF_USER)
def test_what_a_caller_has_proved_themselves_with_must_still_be_valid(place: Place, name: str) -> None:
    world = place.world
    bob, (browser, secret) = world.bob, world.browser("bob")
    tokens.revoke(world.hub, bob, bob.token.uid)
    with pytest.raises(InvalidCredentials):
        OF_USER[name](place, bob)
    sessions.sign_out(world.hub, secret)
    with pytest.raises(LoginRequired):
        OF_USER[name](place, browser)


def test_a_suspended_account_changes_nothing(place: Place) -> None:
    bob = place.world.bob
    administration.change_user(place.world.hub, audit.CONSOLE, "bob", UserChanges(is_suspended=True))
    with pytest.raises(AccountSuspended):
        OF_USER["profile"](place, bob)


def test_rights_that_have_grown_meanwhile_do_not_disturb(place: Place) -> None:
    wendy = place.world.wendy
    accounts.set_member(place.world.hub, "acme", "wendy", Role.ADMIN)
    OF_USER["profile"](place, wendy)
    OF_ORG["repositories.create"](place, wendy)


def test_a_grant_that_ends_meanwhile_does_not_count(place: Place) -> None:
    world = place.world
    bob, subject = world.bob, Subject(user="bob")
    grants.grant(world.hub, world.olga, place.folder, subject, "edit")
    OF_ORG["folders.change"](place, bob)
    grants.revoke(world.hub, world.olga, place.folder, subject)
    assert bob.granted
    with pytest.raises((NotAllowed, ThingNotFound)):
        OF_ORG["folders.change"](place, bob)


def test_a_change_that_waits_in_another_thread_is_refused_after_a_demotion(world: World) -> None:
    olga, refused = world.olga, list[EntrepotError]()

    def change() -> None:
        try:
            members.change_role(world.hub, olga, "acme", "bob", "admin")
        except EntrepotError as error:
            refused.append(error)

    accounts.set_member(world.hub, "acme", "bob", Role.READ)
    accounts.set_member(world.hub, "acme", "root", Role.ADMIN)
    waiting = threading.Thread(target=change)
    with world.hub.write(Lock.hub(), Lock.audit()) as tx:  # the thread waits for this transaction
        waiting.start()
        org = orgs.find(tx, "acme")
        accounts.assign_role(world.hub, tx, audit.CONSOLE, org, olga.account, Role.READ)
    waiting.join()
    [error] = refused
    assert isinstance(error, NotAllowed)
