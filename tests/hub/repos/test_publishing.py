from __future__ import annotations

from typing import Any

import attrs
import pytest

from entrepot.catalog import Read
from entrepot.catalog.files import file_links
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import refs
from entrepot.catalog.repos import repositories as rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, LargeFileMissing, RepoNotFound
from entrepot.git import EMPTY_TREE, Kind
from entrepot.hub import capabilities
from entrepot.hub.repos import repositories
from entrepot.hub.repos.publishing import Move, Publication, commit_object, has_moved, link_files, publish, touches_card
from entrepot.names import MAIN, Oid, RefName, RepoPath, RepoRef, RepoType, Sha256
from entrepot.storage import objects as stored
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture
def publication(world: World, ref: RepoRef) -> Publication:
    """A commit without files on top of main."""
    head = world.head(ref)
    commit = commit_object(world.hub, world.alice, EMPTY_TREE, (head,), "empty")
    made = [stored.row_of(stored.of(Kind.TREE, b"")), stored.row_of(commit)]
    return Publication(world.row_id(ref), Move(MAIN, head, commit.oid), (head,), made, (), (), 1)


def attempt(world: World, publication: Publication) -> bool:
    with world.hub.write() as tx:
        return publish(world.hub, tx, row_of(tx, publication), publication)


def row_of(tx: Read, publication: Publication) -> RepoRow:
    row = rows.by_id(tx, publication.repo_id)
    assert row is not None
    return row


def test_a_publication_stores_objects_and_enqueues_jobs(world: World, ref: RepoRef, publication: Publication) -> None:
    world.clock.advance(5)
    assert attempt(world, publication)
    assert world.paths(ref) == []
    with world.hub.read() as tx:
        assert [job.kind for job in jobs.find(tx, states=["ready"])] == ["history"]


@pytest.mark.parametrize(
    ("paths", "is_due"), [(["README.md"], True), (["x"], True), (["d/README.md"], False), ([], False)]
)
def test_the_card_is_due_when_the_top_of_main_changes(paths: list[str], is_due: bool) -> None:
    assert touches_card(RepoType.MODEL, [RepoPath(path) for path in paths]) is is_due


def test_the_card_of_a_dataset_is_due_when_its_data_changes() -> None:
    assert touches_card(RepoType.DATASET, [RepoPath("data/train.csv")])
    assert not touches_card(RepoType.DATASET, [RepoPath("data/train.py")])


def test_a_move_can_be_proved_later_also_when_the_ref_has_gone_on(
    world: World, ref: RepoRef, publication: Publication
) -> None:
    row_id, moved = world.row_id(ref), {MAIN: publication.move.new}

    def is_proved(moves: dict[RefName, Oid | None]) -> bool:
        with world.hub.read() as tx:
            return has_moved(row_id, moves, tx)

    assert not is_proved({**moved})
    with world.hub.write() as tx:
        publish(world.hub, tx, row_of(tx, publication), publication)
        assert tx.proof is not None
        assert tx.proof(tx)
    assert is_proved({**moved})
    world.add(ref, "later")
    assert is_proved({**moved})
    assert is_proved({**moved, RefName("refs/heads/gone"): None})
    assert not is_proved({MAIN: None})
    assert not is_proved({**moved, RefName("refs/heads/gone"): publication.move.new})


def test_a_ref_that_moved_is_left_alone(world: World, ref: RepoRef, publication: Publication) -> None:
    newer = world.add(ref, "a")
    assert not attempt(world, publication)
    assert world.head(ref) == newer


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"needed": (Oid("e" * 40),)}, Busy),
        ({"large": ((Sha256("e" * 64), RepoPath("w")),)}, LargeFileMissing),
    ],
)
def test_a_commit_with_missing_objects_is_not_published(
    world: World, ref: RepoRef, publication: Publication, change: dict[str, Any], error: type
) -> None:
    before = world.head(ref)
    with pytest.raises(error):
        attempt(world, attrs.evolve(publication, **change))
    assert world.head(ref) == before


def test_no_file_is_linked_for_its_digest_alone(world: World, ref: RepoRef, publication: Publication) -> None:
    sha256 = world.add_large(world.repo("alice/o"), "w", b"w" * 5000)
    with world.hub.write() as tx, pytest.raises(LargeFileMissing):
        link_files(tx, publication.repo_id, [(sha256, RepoPath("w"))], 1, MAIN, 1)
    with world.hub.read() as tx:
        assert file_links.usable(tx, publication.repo_id, [sha256]) == {}


def test_a_deleted_repository_takes_nothing(world: World, ref: RepoRef, publication: Publication) -> None:
    with world.hub.read() as tx:
        before = row_of(tx, publication)
    repositories.delete(world.hub, world.alice, ref)
    with world.hub.write() as tx, pytest.raises(RepoNotFound):
        capabilities.recheck(tx, world.alice, before, MAIN, world.hub.now_ms())
    with world.hub.read() as tx:
        assert refs.find(tx, publication.repo_id, MAIN) == publication.move.old
