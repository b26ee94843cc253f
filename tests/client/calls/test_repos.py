from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.client.calls import known, repos
from entrepot.client.calls.repos import Filter
from entrepot.client.http_errors import HubFailure
from entrepot.client.hubs import Hub
from entrepot.errors import Conflict, RepoNotFound, RevisionNotFound
from entrepot.names import VERSIONED_TYPES, RepoId, RepoRef, RepoType
from entrepot.wire.repos.repositories import RepoSettings

MakeRepo = Callable[..., RepoRef]


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_the_life_of_a_repository(hub: Hub, fresh_repo: MakeRepo, kind: RepoType) -> None:
    ref = fresh_repo(kind, "private")
    info = hub.send(repos.describe(ref))
    assert (info.id, info.private) == (str(ref.id), True)
    assert hub.send(repos.configure(ref, RepoSettings(private=False))) == {"private": False}
    moved = RepoRef(kind, RepoId("tester", f"{ref.id.name}-moved"))
    hub.send(repos.move(ref, moved))
    assert hub.send(repos.describe(ref)).id == str(moved.id)
    copy = RepoRef(kind, RepoId("tester", f"{ref.id.name}-copy"))
    assert hub.send(repos.duplicate(moved, copy, visibility="private")).url.endswith(copy.path)
    hub.send(repos.delete(moved))
    with pytest.raises(RepoNotFound, match="was not found"):
        hub.send(repos.describe(moved))


def test_a_name_that_is_taken_comes_with_the_address(hub: Hub, fresh_repo: MakeRepo) -> None:
    ref = fresh_repo()
    with pytest.raises(Conflict) as caught:
        hub.send(repos.create(ref))
    assert isinstance(caught.value, HubFailure)
    assert caught.value.document["url"] == f"{hub.endpoint}/{ref.path}"


def test_files_and_revisions_are_described_when_asked_for(hub: Hub, fresh_repo: MakeRepo) -> None:
    ref = fresh_repo()
    siblings = known(hub.send(repos.describe(ref, "main", blobs=True)).siblings)
    assert siblings is not None
    assert [(file.rfilename, known(file.size)) for file in siblings] == [(".gitattributes", 1519)]
    only = hub.send(repos.describe(ref, expand=["likes"]))
    assert (known(only.likes), known(only.sha)) == (0, None)
    with pytest.raises(RevisionNotFound):
        hub.send(repos.describe(ref, "no-such-branch"))


def test_access_is_checked(hub: Hub, fresh_repo: MakeRepo) -> None:
    ref = fresh_repo()
    hub.send(repos.check_access(ref))
    hub.send(repos.check_access(ref, write=True))
    with pytest.raises(RepoNotFound):
        hub.send(repos.check_access(RepoRef(RepoType.DATASET, ref.id)))


def test_lists_go_from_page_to_page(hub: Hub, fresh_repo: MakeRepo) -> None:
    made = [fresh_repo(RepoType.DATASET) for _ in range(3)]
    wanted = Filter(author="tester", sort="createdAt", limit=1, search="calls")
    found = hub.pages(repos.page(RepoType.DATASET, wanted))
    assert [next(found).id for _ in made] == [str(ref.id) for ref in reversed(made)]


def test_conditions_become_a_query() -> None:
    wanted = Filter(search="a b", tags=("x", "license:mit"), gated=False, full=True, extra=(("linked", "true"),))
    assert repos.page(RepoType.SPACE, wanted).query == (
        ("search", "a b"),
        ("filter", "x"),
        ("filter", "license:mit"),
        ("gated", "false"),
        ("full", "true"),
        ("linked", "true"),
    )
