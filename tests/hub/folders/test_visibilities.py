from __future__ import annotations

import pytest

from entrepot.errors import InvalidName, NotAllowed, Refused
from entrepot.hub import access
from entrepot.hub.folders import grants, visibilities
from entrepot.hub.folders.folders import FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoType
from tests.support.worlds import World

MODEL = RepoType.MODEL
LLM = FolderId(MODEL, "alice", "llm")
FOLLOW = RepoChanges(visibility="folder")


@pytest.mark.parametrize("word", ["public", "private", None])
def test_known_visibilities_are_accepted(word: str | None) -> None:
    visibilities.check(word)


def test_another_visibility_is_refused() -> None:
    with pytest.raises(InvalidName, match="expected public or private"):
        visibilities.check("hidden")


def test_an_explicit_visibility_does_not_follow_the_folder(world: World) -> None:
    made = [world.repo(f"alice.llm/{word or 'none'}", visibility=word) for word in (None, "private", "public")]

    def private() -> list[bool]:
        with world.hub.read() as tx:
            return [access.visible(tx, world.alice, ref).is_private for ref in made]

    assert private() == [True, True, False]
    grants.grant(world.hub, world.alice, LLM, Subject(is_public=True), "view")
    assert private() == [False, True, False]


def test_a_repository_follows_its_folder_again(world: World) -> None:
    made = [world.repo(f"alice.llm/{word}", visibility=word) for word in ("private", "public")]

    def follow() -> list[tuple[bool, bool]]:
        changed = [repositories.configure(world.hub, world.alice, ref, FOLLOW) for ref in made]
        return [(row.is_private, row.follows) for row in changed]

    assert follow() == [(True, True), (True, True)]
    grants.grant(world.hub, world.alice, LLM, Subject(is_public=True), "view")
    with world.hub.read() as tx:
        assert not any(access.visible(tx, world.alice, ref).is_private for ref in made)
    with pytest.raises(Refused, match="in no folder"):
        repositories.configure(world.hub, world.alice, world.repo("alice/loose"), FOLLOW)


def test_an_editor_cannot_publish_a_private_repository_by_following(world: World) -> None:
    hidden = world.repo("alice.llm/hidden", visibility="private")
    grants.grant(world.hub, world.alice, LLM, Subject(user="bob"), "edit")
    assert repositories.configure(world.hub, world.bob, hidden, FOLLOW).is_private
    repositories.configure(world.hub, world.alice, hidden, RepoChanges(visibility="private"))
    grants.grant(world.hub, world.alice, LLM, Subject(is_public=True), "view")
    with pytest.raises(NotAllowed, match="may publish its private repositories"):
        repositories.configure(world.hub, world.bob, hidden, FOLLOW)
    assert not repositories.configure(world.hub, world.alice, hidden, FOLLOW).is_private
