"""Commands that are killed at any step lose nothing and are continued, at a hub as at a bucket."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import pytest

from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import Site
from tests.support.hub_sites import create as create_on_hub
from tests.support.killed_ml_git import kill_at
from tests.support.machines import Machine, create_team, publish

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

TAG = "computer-vision__images__x__{}"

PUSH = (
    "before projects.remotes.hubs prepare_repository",
    "after projects.remotes.hubs prepare_repository",
    "after projects.remotes.hubs send_contents",
    "before hubs.publishing push",
    "after hubs.publishing push",
    "before hubs.repositories HubMetadata.mark_published",
    "after hubs.repositories HubMetadata.mark_published",
    "before projects.transfers.pushes free_outbox",
)
CHECKOUT = (
    "before projects.transfers.checkouts fetch_contents",
    "after projects.transfers.checkouts fetch_contents",
    "before projects.transfers.checkouts finish_checkout",
    "after projects.files.placements remove_files",
    "after projects.files.placements _place",
    "before projects.files.placements _record",
    "after projects.files.placements _record",
)
COPY = (
    "after maintenance.hub_copies prepare_repository",
    "after maintenance.hub_copies send_contents",
    "before maintenance.hub_copies write_tag",
    "after maintenance.hub_copies write_tag",
    "before maintenance.hub_copies publish_on_hub",
    "after hubs.publishing push",
    "before maintenance.hub_copies set_mutability",
)


@pytest.fixture
def site(entrepot_hub: RunningHub, tmp_path: Path) -> Site:
    return Site.create(entrepot_hub, tmp_path)


@pytest.fixture
def writer(site: Site) -> Machine:
    """A machine with a dataset `x` that is committed and not published."""
    machine = site.machine("ann", "datasets")
    create_on_hub(machine, "datasets", "x", "strict", {"a": b"one", "old": b"x" * 3000})
    machine.ok("datasets", "add", "x")
    machine.ok("datasets", "commit", "x")
    return machine


@pytest.mark.parametrize("point", PUSH)
def test_a_push_to_a_hub(site: Site, writer: Machine, point: str) -> None:
    kill_at(writer, point, "datasets", "push", "x")
    reader = site.machine("bob", "datasets")
    if reader.run("datasets", "tag", "list", "x").code == 0:  # then it is whole, whatever the writer does next
        reader.ok("datasets", "checkout", "x")
        assert reader.files("datasets/x/data") == writer.files("datasets/x/data")
    writer.ok("datasets", "push", "x")
    assert writer.ok("datasets", "push", "x") == "No blobs to push at this time.\n"
    reader.ok("datasets", "update")
    assert reader.ok("datasets", "tag", "list", "x") == f"{TAG.format(1)}\n"
    reader.ok("datasets", "checkout", "x")
    assert reader.files("datasets/x/data") == writer.files("datasets/x/data")
    assert reader.ok("datasets", "branch", "x") == writer.ok("datasets", "branch", "x")


@pytest.fixture
def reader(site: Site, writer: Machine) -> Machine:
    """A machine with version 1 and an untracked file, where version 2 is known."""
    writer.ok("datasets", "push", "x")
    machine = site.machine("bob", "datasets")
    machine.ok("datasets", "checkout", "x")
    machine.write("datasets/x/data/mine", "untracked")
    (writer.folder / "datasets/x/data/old").unlink()
    writer.write("datasets/x/data/b", "two")
    writer.write("datasets/x/data/c", "two")
    publish(writer, "datasets", "x")
    machine.ok("datasets", "update")
    return machine


@pytest.mark.parametrize("point", CHECKOUT)
def test_a_checkout_from_a_hub(writer: Machine, reader: Machine, point: str) -> None:
    kill_at(reader, point, "datasets", "checkout", "x")
    status = reader.ok("datasets", "status", "x", "--json")
    assert '"corrupted": []' in status
    assert reader.files("datasets/x/data")["mine"] == b"untracked"
    reader.ok("datasets", "checkout", "x")
    files = reader.files("datasets/x/data")
    assert files.pop("mine") == b"untracked"
    assert files == writer.files("datasets/x/data")
    assert reader.ok("datasets", "branch", "x").startswith(f"('{TAG.format(2)}'")
    assert "Total of corrupted files: 0" in reader.ok("datasets", "fsck")


@pytest.mark.parametrize("point", COPY)
def test_a_copy_to_a_hub(site: Site, tmp_path: Path, point: str) -> None:
    team = attrs.evolve(create_team(tmp_path), environ=site.environ(site.user.token))
    source = team.machine("carl")
    team.create(source, "datasets", "x")
    for name in ("a", "b"):
        source.write(f"datasets/x/data/{name}", name)
        publish(source, "datasets", "x")
    kill_at(source, point, "datasets", "to-hub", "x", site.url)
    said = source.ok("datasets", "to-hub", "x", site.url)
    assert [line.partition(":")[0] for line in said.splitlines()] == [f"vision__images__x__{n}" for n in (1, 2)]
    again = source.ok("datasets", "to-hub", "x", site.url).splitlines()
    assert all(line.endswith("is on the hub already") for line in again)
    reader = site.machine("bob", "datasets")
    reader.ok("datasets", "checkout", "x")
    assert reader.files("datasets/x/data") == source.files("datasets/x/data")
