from __future__ import annotations

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.repos import repo_rights, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoType
from tests.support.worlds import World


def test_rights_are_what_the_use_cases_grant(world: World) -> None:
    ref = world.repo("acme/m", world.wendy)

    def rights(by: MaybeCaller) -> tuple[bool, bool, bool]:
        found = repo_rights.of(world.hub, by, ref)
        return found.may_write, found.may_discuss, found.has_discussions

    assert rights(world.wendy) == (True, True, True)
    assert rights(world.bob) == (False, True, True)
    assert rights(None) == (False, False, True)
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(options={"discussionsDisabled": True}))
    assert rights(world.bob) == (False, True, False)


def test_models_with_results_in_the_card_or_event_files_have_metrics(world: World) -> None:
    plain, model, data = world.repo(), world.repo("alice/run"), world.repo("alice/d", kind=RepoType.DATASET)
    for ref in (model, data):
        world.add(ref, "events.out.tfevents.1")
    found = [repo_rights.of(world.hub, None, ref).has_metrics for ref in (plain, model, data)]
    assert found == [False, True, False]
