import pytest

from entrepot.errors import ChunkMissing
from entrepot.workspace.projects.transfers.pushes import (
    PushOptions,
    free_outbox,
    is_adding,
    local_versions,
    plan_pushes,
    push_versions,
)
from entrepot.workspace.state.locks import exclusive
from tests.support.machines import Machine, Team


def commit(machine: Machine, name: str) -> None:
    machine.write(f"datasets/x/data/{name}", name * 1000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")


def test_all_local_versions_are_published_in_order(team: Team, machine: Machine) -> None:
    commit(machine, "c")
    commit(machine, "d")
    entity = machine.entity("x")
    planned = plan_pushes(entity)
    assert [version.tag for version in planned.published] == ["vision__images__x__2", "vision__images__x__3"]
    assert len(team.tags()) == 1
    refs = machine.state().metadata.refs()
    assert [tag.number for tag in local_versions(entity, refs)] == [2, 3]
    report = push_versions(entity, PushOptions())
    assert [version.tag for version in report.published] == [version.tag for version in planned.published]
    assert push_versions(entity).published == ()
    assert team.lost_tags() == []


def test_the_outbox_is_empty_after_a_push(machine: Machine) -> None:
    commit(machine, "c")
    assert machine.state().outbox.size > 0
    push_versions(machine.entity("x"))
    assert machine.state().outbox.size == 0


def test_chunks_are_kept_while_files_are_added(machine: Machine) -> None:
    state = machine.state()
    with exclusive(state.folder / "adding/y", "y"):
        assert is_adding(state)
        assert free_outbox(state) == 0
    assert not is_adding(state)


def test_a_version_whose_content_is_nowhere_is_not_published(team: Team, machine: Machine) -> None:
    import shutil

    commit(machine, "c")
    shutil.rmtree(machine.state().outbox.folder)
    (machine.folder / "datasets/x/data/c").unlink()
    with pytest.raises(ChunkMissing):
        push_versions(machine.entity("x"))
    assert list(team.tags()) == ["vision__images__x__1"]
    machine.write("datasets/x/data/c", "c" * 1000)
    assert push_versions(machine.entity("x")).published
