"""Several people who publish at the same time: every acknowledged version is on the branch, unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.machines import Machine, Team, create_team, git, publish


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return create_team(tmp_path)


def committed(team: Team, name: str, versions: int) -> Machine:
    """A machine with an entity of its name and committed, unpublished versions."""
    machine = team.machine(name)
    team.create(machine, "datasets", f"of-{name}")
    for number in range(1, versions + 1):
        machine.write(f"datasets/of-{name}/data/f{number}", f"{name} {number}")
        machine.ok("datasets", "add", f"of-{name}", "--bumpversion")
        machine.ok("datasets", "commit", f"of-{name}")
    return machine


@pytest.mark.parametrize("writers", [2, 4])
def test_pushes_at_the_same_time_are_all_on_the_branch(team: Team, writers: int) -> None:
    versions = 3
    machines = {f"w{number}": committed(team, f"w{number}", versions) for number in range(writers)}
    shas: dict[str, str] = {}
    for machine in machines.values():
        listed = git(
            machine.folder / ".ml-git/datasets/metadata",
            *("for-each-ref", "--format=%(refname:lstrip=3) %(*objectname)", "refs/entrepot/unpublished"),
        )
        shas |= dict(line.split() for line in listed.splitlines())
    running = {name: machine.start("datasets", "push", f"of-{name}") for name, machine in machines.items()}
    for process in running.values():
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        assert out.count("published ") == versions
    assert team.tags() == shas
    assert team.lost_tags() == []
    git(team.remote("datasets"), "fsck", "--strict")
    reader = team.machine("reader")
    for name in machines:
        reader.ok("datasets", "checkout", f"of-{name}")
        assert len(reader.files(f"datasets/of-{name}/data")) == versions
    assert reader.ok("datasets", "list", "--long").split() == sorted(f"of-{name}" for name in machines)


def same_entity(team: Team) -> tuple[Machine, Machine]:
    """Two machines with the published version 1 of `x`, each with a different version 2 that is not published."""
    ann, bob = team.machine("ann"), team.machine("bob")
    team.create(ann, "datasets", "x")
    ann.write("datasets/x/data/a", "one")
    publish(ann, "datasets", "x")
    bob.ok("datasets", "update")
    bob.ok("datasets", "checkout", "x")
    for machine, name in ((ann, "ann"), (bob, "bob")):
        machine.write(f"datasets/x/data/{name}", name)
        machine.ok("datasets", "add", "x", "--bumpversion")
        machine.ok("datasets", "commit", "x")
    return ann, bob


def test_the_second_push_of_one_number_is_refused_and_leads_out(team: Team) -> None:
    ann, bob = same_entity(team)
    ann.ok("datasets", "push", "x")
    refused = bob.run("datasets", "push", "x")
    assert refused.code == 3
    assert "published by ann" in refused.err
    assert "--bumpversion" in refused.err
    assert bob.files("datasets/x/data") == {"a": b"one", "bob": b"bob"}
    bob.ok("datasets", "add", "x", "--bumpversion")
    bob.ok("datasets", "commit", "x")
    assert "published vision__images__x__3:" in bob.ok("datasets", "push", "x")
    assert team.lost_tags() == []
    ann.ok("datasets", "update")
    ann.ok("datasets", "checkout", "x")
    assert ann.files("datasets/x/data") == {"a": b"one", "bob": b"bob"}


def test_a_lost_number_can_be_replaced_in_one_step(team: Team) -> None:
    ann, bob = same_entity(team)
    ann.ok("datasets", "push", "x")
    outcome = bob.run("datasets", "push", "x", "--bumpversion")
    assert outcome.code == 0, outcome.err
    assert "published vision__images__x__3:" in outcome.out
    assert "WARNING - vision__images__x__2 was published by someone else" in outcome.err
    assert "version: 3" in (bob.folder / "datasets/x/x.spec").read_text()
    assert bob.ok("datasets", "branch", "x").startswith("('vision__images__x__3'")
    assert list(team.tags()) == [f"vision__images__x__{number}" for number in (1, 2, 3)]


def test_different_numbers_of_one_entity_are_both_published(team: Team) -> None:
    ann, bob = same_entity(team)
    ann.ok("datasets", "push", "x")
    bob.ok("datasets", "reset", "x", "--soft", "--reference=head~1")
    bob.ok("datasets", "update")
    outcome = bob.run("datasets", "commit", "x", "--version=5")
    assert outcome.code == 0, outcome.err
    assert "WARNING" in outcome.err
    bob.ok("datasets", "push", "x")
    assert list(team.tags()) == [f"vision__images__x__{number}" for number in (1, 2, 5)]
    assert team.lost_tags() == []


def test_the_same_content_under_the_same_number_is_no_conflict(team: Team) -> None:
    ann, bob = team.machine("ann"), team.machine("bob")
    for machine in (ann, bob):
        team.create(machine, "datasets", "x")
        machine.write("datasets/x/data/a", "one")
        machine.ok("datasets", "add", "x")
        machine.ok("datasets", "commit", "x")
    ann.ok("datasets", "push", "x")
    assert bob.ok("datasets", "push", "x") == "No blobs to push at this time.\n"
    assert bob.ok("datasets", "branch", "x") == ann.ok("datasets", "branch", "x")


def test_two_adds_at_the_same_time(team: Team) -> None:
    machine = team.machine("ann")
    for name in ("x", "y"):
        team.create(machine, "datasets", name)
        for number in range(20):
            machine.write(f"datasets/{name}/data/{number}", f"{name} {number}" * 100)
    running = [machine.start("datasets", "add", name) for name in ("x", "y")]
    for process in running:
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    for name in ("x", "y"):
        machine.ok("datasets", "commit", name)
        machine.ok("datasets", "push", name)
    other = team.machine("bob")
    for name in ("x", "y"):
        other.ok("datasets", "checkout", name)
        assert other.files(f"datasets/{name}/data") == machine.files(f"datasets/{name}/data")
