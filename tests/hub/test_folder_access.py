"""Who may do what in a folder, and what asking costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from entrepot.errors import LoginRequired, NotAllowed, ThingNotFound
from entrepot.hub import access, folder_access
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.repos import folders, grants
from entrepot.hub.repos.folders import FolderDraft, FolderId
from entrepot.hub.repos.grants import Subject
from entrepot.names import RepoId, RepoRef, RepoType
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


def test_a_type_without_folders_has_none(shared: World) -> None:
    with shared.hub.read() as tx, pytest.raises(ThingNotFound):
        folder_access.visible(tx, shared.olga, RepoType.SPACE, "acme", "llm")


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Collect the statements that the hub sends to its database."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    engine = world.hub.catalog._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def queries_of(world: World, caller: Caller, ref: RepoRef) -> int:
    with world.hub.read() as tx, counted(world) as sent:
        access.readable(tx, caller, ref)
        access.may_write(tx, caller, access.visible(tx, caller, ref))
    return len([statement for statement in sent if "folder" in statement]) * 100 + len(sent)


def test_a_folder_costs_its_grantees_one_query_and_others_none(shared: World) -> None:
    plain = shared.repo("acme/x", by=shared.olga, visibility="private")
    inside = shared.repo("acme.llm/x", by=shared.olga)
    assert queries_of(shared, shared.olga, plain) == queries_of(shared, shared.olga, inside) == 2
    assert queries_of(shared, shared.bob, inside) == 103


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
        with counted(shared) as sent:
            access.load_grants(tx, zed, rows)
            assert all(access.may_see(tx, zed, row) for row in rows)
    assert len(sent) == 1


def test_members_are_known_by_name(shared: World) -> None:
    ref = shared.repo("acme.llm/x", by=shared.olga)
    with shared.hub.read() as tx:
        row = access.visible(tx, shared.olga, ref)
        people = ("rita", "bob", "zed", "alice")
        members = [name for name in people if access.is_member(tx, shared.caller(name).account, row)]
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
