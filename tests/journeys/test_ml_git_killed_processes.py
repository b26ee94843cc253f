"""Processes that are killed at any numbered step of commit, push, checkout and reset lose nothing, at a bucket."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.killed_ml_git import kill_at
from tests.support.machines import Machine, Team, create_team, publish

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

TAG = "vision__images__x__{}"

ADD_AND_COMMIT = (
    "after projects.changes.additions _pack",
    "after projects.changes.commits write_version",
    "before metadata.repositories MetadataRepository.record",
    "after metadata.repositories MetadataRepository.record",
    "after projects.changes.commits finish_commit",
)
PUSH = (
    "after metadata.repositories MetadataRepository.fetch_entity",
    "after stores.pushing _send_packs",
    "after stores.pushing _send_indexes",
    "after stores.pushing _send_record",
    "after metadata.publishing push",
    "after metadata.repositories MetadataRepository.mark_published",
    "before projects.transfers.pushes free_outbox",
)
CHECKOUT = (
    "after projects.transfers.checkouts fetch_contents",
    "before projects.transfers.checkouts finish_checkout",
    "after projects.files.placements remove_files",
    "after projects.files.placements _place",
    "after projects.files.placements _write_document",
    "before projects.files.placements _record",
    "after projects.files.placements _record",
)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return create_team(tmp_path)


@pytest.fixture
def writer(team: Team) -> Machine:
    """A machine with a published dataset `x`, and a new file that is not added."""
    machine = team.machine("ann")
    team.create(machine, "datasets", "x")
    machine.write("datasets/x/data/a", "one")
    machine.write("datasets/x/data/old", "x" * 3000)
    publish(machine, "datasets", "x")
    machine.write("datasets/x/data/b", "two" * 1000)
    return machine


@pytest.mark.parametrize("point", ADD_AND_COMMIT)
def test_an_add_or_a_commit(team: Team, writer: Machine, point: str) -> None:
    if "additions" in point:
        kill_at(writer, point, "datasets", "add", "x", "--bumpversion")
    else:
        writer.ok("datasets", "add", "x", "--bumpversion")
        kill_at(writer, point, "datasets", "commit", "x")
    writer.ok("datasets", "add", "x", "--bumpversion")
    outcome = writer.run("datasets", "commit", "x")
    assert outcome.code == (0 if TAG.format(2) in outcome.out else 1), outcome  # 1: the killed one made the version
    assert writer.ok("datasets", "branch", "x").startswith(f"('{TAG.format(2)}'")
    writer.ok("datasets", "push", "x")
    assert list(team.tags()) == [TAG.format(1), TAG.format(2)]
    assert team.lost_tags() == []
    reader = team.machine("bob")
    reader.ok("datasets", "checkout", "x")
    assert reader.files("datasets/x/data") == writer.files("datasets/x/data")


@pytest.mark.parametrize("point", PUSH)
def test_a_push(team: Team, writer: Machine, point: str) -> None:
    writer.ok("datasets", "add", "x", "--bumpversion")
    writer.ok("datasets", "commit", "x")
    kill_at(writer, point, "datasets", "push", "x")
    reader = team.machine("bob")
    if TAG.format(2) in team.tags():  # then it is whole, whatever the writer does next
        reader.ok("datasets", "checkout", "x")
        assert reader.files("datasets/x/data") == writer.files("datasets/x/data")
    else:
        reader.ok("datasets", "checkout", "x")
        assert sorted(reader.files("datasets/x/data")) == ["a", "old"]
    writer.ok("datasets", "push", "x")
    assert writer.ok("datasets", "push", "x") == "No blobs to push at this time.\n"
    assert team.lost_tags() == []
    reader.ok("datasets", "update")
    reader.ok("datasets", "checkout", "x")
    assert reader.files("datasets/x/data") == writer.files("datasets/x/data")
    assert reader.ok("datasets", "branch", "x") == writer.ok("datasets", "branch", "x")


@pytest.fixture
def reader(team: Team, writer: Machine) -> Machine:
    """A machine with version 1 and an untracked file, where version 2 is known."""
    machine = team.machine("bob")
    machine.ok("datasets", "checkout", "x")
    machine.write("datasets/x/data/mine", "untracked")
    (writer.folder / "datasets/x/data/old").unlink()
    writer.write("datasets/x/data/c", "two" * 1000)
    publish(writer, "datasets", "x")
    machine.ok("datasets", "update")
    return machine


@pytest.mark.parametrize("point", CHECKOUT)
def test_a_checkout(writer: Machine, reader: Machine, point: str) -> None:
    kill_at(reader, point, "datasets", "checkout", "x")
    assert '"corrupted": []' in reader.ok("datasets", "status", "x", "--json")
    assert reader.files("datasets/x/data")["mine"] == b"untracked"
    reader.ok("datasets", "checkout", "x")
    files = reader.files("datasets/x/data")
    assert files.pop("mine") == b"untracked"
    assert files == writer.files("datasets/x/data")
    assert reader.ok("datasets", "branch", "x").startswith(f"('{TAG.format(2)}'")
    assert "Total of corrupted files: 0" in reader.ok("datasets", "fsck")
