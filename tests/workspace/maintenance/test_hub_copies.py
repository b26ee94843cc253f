from __future__ import annotations

import subprocess
from pathlib import Path

import attrs
import pytest

from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import Site
from tests.support.machines import Machine, Team, create_team, publish
from tests.support.old_projects import publish_old

TAG = "vision__images__x__{}"


@pytest.fixture
def site(entrepot_hub: RunningHub, tmp_path: Path) -> Site:
    return Site.create(entrepot_hub, tmp_path)


@pytest.fixture
def team(tmp_path: Path, site: Site) -> Team:
    return attrs.evolve(create_team(tmp_path), environ=site.environ(site.user.token))


@pytest.fixture
def source(team: Team, site: Site) -> Machine:
    """A machine with two versions of the dataset x, and a model that is linked to the second, at git remotes."""
    machine = team.machine("ann", ("datasets", "models"))
    team.create(machine, "datasets", "x", "strict")
    machine.write("datasets/x/data/a", f"{site.user.name} a")
    publish(machine, "datasets", "x")
    machine.write("datasets/x/data/b", f"{site.user.name} b")
    publish(machine, "datasets", "x")
    team.create(machine, "models", "net", "mutable")
    machine.write("models/net/data/w", "weights")
    machine.ok("models", "add", "net")
    machine.ok("models", "commit", "net", "--dataset=x")
    machine.ok("models", "push", "net")
    return machine


def authors(folder: Path, tag: str) -> str:
    command = ["git", "log", "-1", "--format=%an %ae %at %cn %ce %ct %s", tag]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_all_versions_come_over_with_their_authors(source: Machine, site: Site) -> None:
    said = source.ok("datasets", "to-hub", "x", site.url)
    assert [line.partition(":")[0] for line in said.splitlines()] == [TAG.format(1), TAG.format(2)]
    other = site.machine("bob", "datasets")
    other.ok("datasets", "checkout", TAG.format(1))
    assert set(other.files("datasets/x/data")) == {"a"}
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data") == source.files("datasets/x/data")
    for number in (1, 2):
        old = authors(source.state().metadata.folder, TAG.format(number))
        assert authors(other.state().metadata.folder, TAG.format(number)) == old


def test_a_copy_is_continued_and_repeated(source: Machine, site: Site) -> None:
    source.ok("datasets", "to-hub", "x", site.url)
    source.write("datasets/x/data/c", "c")
    publish(source, "datasets", "x")
    lines = source.ok("datasets", "to-hub", "x", site.url).splitlines()
    assert [line.endswith("is on the hub already") for line in lines] == [True, True, False]
    again = source.ok("datasets", "to-hub", "x", site.url).splitlines()
    assert all(line.endswith("is on the hub already") for line in again)


def test_a_rehearsal_writes_nothing(source: Machine, site: Site) -> None:
    said = source.ok("datasets", "to-hub", "x", site.url, "--dry-run")
    assert said.splitlines()[1].startswith(f"{TAG.format(2)}: would send 2 objects")
    assert not list(site.api.list_datasets(author=site.user.name))


def test_links_lead_to_the_copies(source: Machine, site: Site) -> None:
    source.ok("datasets", "to-hub", "x", site.url)
    source.ok("models", "to-hub", "net", site.url)
    other = site.machine("bob", "datasets", "models")
    other.ok("models", "checkout", "net", "-d")
    assert set(other.files("datasets/x/data")) == {"a", "b"}


def test_a_link_without_a_copy_is_kept_and_said(source: Machine, site: Site) -> None:
    outcome = source.run("models", "to-hub", "net", site.url)
    assert outcome.code == 0
    assert "copy the dataset first" in outcome.err


def test_a_copy_may_have_another_name_and_links_and_later_copies_find_it(source: Machine, site: Site) -> None:
    source.ok("datasets", "to-hub", "x", site.url, "--repo-name=pictures")
    assert [found.id for found in site.api.list_datasets(author=site.user.name)] == [f"{site.user.name}/pictures"]
    outcome = source.run("models", "to-hub", "net", site.url)
    assert (outcome.code, outcome.err.count("is not on the hub")) == (0, 0)
    source.write("datasets/x/data/c", "c")
    publish(source, "datasets", "x")
    lines = source.ok("datasets", "to-hub", "x", site.url).splitlines()
    assert [line.endswith("is on the hub already") for line in lines] == [True, True, False]
    other = site.machine("bob", "datasets", "models")
    other.ok("models", "checkout", "net", "-d")
    assert set(other.files("datasets/x/data")) == {"a", "b"}
    other.ok("datasets", "checkout", "x")
    assert set(other.files("datasets/x/data")) == {"a", "b", "c"}
    refused = source.run("datasets", "to-hub", "x", site.url, "--repo-name=elsewhere")
    assert refused.code == 3
    assert "cannot be changed" in refused.err


def test_another_version_with_the_tag_of_a_link_is_no_copy_of_it(source: Machine, site: Site) -> None:
    machine = site.machine("bob", "datasets")
    for number in (1, 2):
        if number == 1:
            machine.ok("datasets", "create", "x", "--categories=vision, images", "--mutability=strict")
        machine.write(f"datasets/x/data/other{number}", f"other {number}")
        publish(machine, "datasets", "x")
    outcome = source.run("models", "to-hub", "net", site.url)
    assert (outcome.code, outcome.err.count(f"{TAG.format(2)} is not on the hub")) == (0, 1)


def test_files_on_a_hub_are_not_copied(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    refused = machine.run("datasets", "to-hub", "x", site.url)
    assert refused.code == 3
    assert "already" in refused.err


def test_another_version_on_the_hub_is_a_conflict(source: Machine, site: Site) -> None:
    machine = site.machine("bob", "datasets")
    machine.ok("datasets", "create", "x", "--categories=vision, images", "--mutability=strict")
    machine.write("datasets/x/data/other", "other")
    machine.ok("datasets", "add", "x")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    refused = source.run("datasets", "to-hub", "x", site.url)
    assert refused.code == 3
    assert "has other files" in refused.err


def test_versions_of_the_old_format_come_over(team: Team, site: Site) -> None:
    for number in (1, 2):
        publish_old(team, "y", number, {"data/a": b"one" * number, "data/b": site.user.name.encode()})
    machine = team.machine("bob")
    machine.ok("datasets", "to-hub", "y", site.url)
    other = site.machine("carl", "datasets")
    for number in (1, 2):
        other.ok("datasets", "checkout", "y", f"--version={number}")
        assert other.files("datasets/folder/y/data") == {"a": b"one" * number, "b": site.user.name.encode()}
