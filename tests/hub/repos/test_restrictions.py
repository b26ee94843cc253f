from __future__ import annotations

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import InvalidName, LoginRequired, NotAllowed, Refused, RepoNotFound
from entrepot.hub import audit
from entrepot.hub.repos import restrictions
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.repos.restrictions import ProtectionChanges
from tests.support.worlds import World


def test_a_repository_is_disabled_and_enabled_by_a_named_administrator(world: World) -> None:
    ref = world.repo()
    done = restrictions.disable(world.hub, world.root, ref, " reported ")
    assert (done.repo, done.type, done.disabled, done.reason) == (str(ref.id), ref.type.value, True, "reported")
    done = restrictions.enable(world.hub, world.root, ref)
    assert (done.disabled, done.reason) == (False, None)
    rows = audit.search(world.hub, AuditFilter(actor="root"), limit=2)
    assert [(row.action, row.token is not None) for row in rows] == [("repo.enable", True), ("repo.disable", True)]


def test_protections_are_added_and_removed_and_audited(world: World) -> None:
    ref = world.repo()

    def change(**changes: object) -> tuple[list[str], bool]:
        found = restrictions.change_protections(
            world.hub,
            world.root,
            ref,
            ProtectionChanges(**changes),  # type: ignore[arg-type]
        )
        assert found == restrictions.show_protections(world.hub, world.root, ref)
        return list(found.branches), found.tags

    assert change(protect=["main", "r/*"], tags=True) == (["main", "r/*"], True)
    assert change(protect=["main"]) == (["main", "r/*"], True)
    assert change(unprotect=["main"], protect=["dev"]) == (["r/*", "dev"], True)
    assert change(unprotect_all=True, tags=False) == ([], False)
    rows = audit.search(world.hub, AuditFilter(actor="root", action="repo.settings"))
    assert len(rows) == 3  # one change changed nothing


def test_a_refused_change_of_protections_changes_nothing(world: World) -> None:
    ref = world.repo()
    for changes, kind in (
        (ProtectionChanges(unprotect=["dev"]), Refused),
        (ProtectionChanges(protect=["a..b"]), InvalidName),
    ):
        with pytest.raises(kind):
            restrictions.change_protections(world.hub, world.root, ref, changes)
    absent = RepoRef(RepoType.MODEL, RepoId("alice", "absent"))
    with pytest.raises(RepoNotFound):
        restrictions.change_protections(world.hub, world.root, absent, ProtectionChanges())
    assert restrictions.show_protections(world.hub, world.root, ref).branches == []


def test_only_administrators_of_the_hub_restrict_and_protect(world: World) -> None:
    ref = world.repo()
    calls = (
        lambda by: restrictions.show_protections(world.hub, by, ref),
        lambda by: restrictions.disable(world.hub, by, ref, "reason"),
        lambda by: restrictions.enable(world.hub, by, ref),
        lambda by: restrictions.change_protections(world.hub, by, ref, ProtectionChanges()),
    )
    for call in calls:
        with pytest.raises(LoginRequired):
            call(None)
        with pytest.raises(NotAllowed):
            call(world.olga)
    for call in calls[1:]:
        with pytest.raises(NotAllowed):
            call(world.caller("root", "read"))
