"""A push that is killed at any of its steps is repeated with success, and never shows half a version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.workspace import stores
from entrepot.workspace.metadata.repositories import MetadataRepository
from entrepot.workspace.projects.changes import commits
from entrepot.workspace.projects.remotes import buckets
from entrepot.workspace.projects.transfers import pushes
from tests.support.machines import Machine, Team, create_team, publish
from tests.support.prepared_folders import PreparedFolders


class Killed(BaseException):
    """The process has ended here."""


def with_local_version(place: Path) -> Team:
    """Return a team whose machine has the published dataset `x` and a local version 2."""
    team = create_team(place)
    machine = team.machine("ann")
    team.create(machine, "datasets", "x")
    machine.write("datasets/x/data/a", "one")
    publish(machine, "datasets", "x")
    machine.write("datasets/x/data/b", "two" * 1000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    return team


@pytest.fixture
def team(prepared_folders: PreparedFolders) -> Team:
    return prepared_folders.lay_out(with_local_version)


@pytest.fixture
def machine(team: Team) -> Machine:
    return team.existing("ann")


def stop(*_: object, **__: object) -> None:
    raise Killed


def after(function: Callable[..., object]) -> Callable[..., object]:
    def run(*args: object, **options: object) -> object:
        function(*args, **options)
        raise Killed

    return run


POINTS: dict[str, tuple[object, str, bool]] = {
    "before the data": (stores, "push_version", False),
    "after the data": (stores, "push_version", True),
    "before the tag": (buckets, "publish", False),
    "after the tag, before bookkeeping": (MetadataRepository, "mark_published", False),
    "after bookkeeping": (MetadataRepository, "mark_published", True),
    "while the outbox is freed": (pushes, "free_outbox", False),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_push_is_repeated(team: Team, machine: Machine, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, is_after = POINTS[point]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, after(getattr(owner, name)) if is_after else stop)
        with pytest.raises(Killed):
            machine.run("datasets", "push", "x")
    other = team.machine("bob")
    is_published = len(team.tags()) == 2
    assert is_published is (
        point in ("after the tag, before bookkeeping", "after bookkeeping", "while the outbox is freed")
    )
    if is_published:  # then it is whole, whatever the writer does next
        other.ok("datasets", "checkout", "x", "--version=2")
    machine.ok("datasets", "push", "x")
    assert machine.ok("datasets", "push", "x") == "No blobs to push at this time.\n"
    assert team.lost_tags() == []
    other.ok("datasets", "update")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data") == machine.files("datasets/x/data")


@pytest.mark.parametrize("name", ["write_tag", "finish_commit"])
def test_a_killed_commit_is_completed_or_was_none(
    team: Team, machine: Machine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write("datasets/x/data/c", "three")
    machine.ok("datasets", "add", "x", "--bumpversion")
    with monkeypatch.context() as patch:
        patch.setattr(commits, name, stop)
        with pytest.raises(Killed):
            machine.run("datasets", "commit", "x")
    if name == "write_tag":
        machine.ok("datasets", "commit", "x")
    assert machine.ok("datasets", "branch", "x").startswith("('vision__images__x__3'")
    machine.ok("datasets", "push", "x")
    assert len(team.tags()) == 3
    assert team.lost_tags() == []
