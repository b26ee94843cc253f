from pathlib import Path

from entrepot.workspace.maintenance.remote_garbage import collect_remote
from tests.support.machines import Machine, Team, git


def test_versions_whose_tag_is_gone_are_garbage_and_others_are_kept(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c" * 10_000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    (nothing,) = collect_remote(machine.project(), grace_s=0, is_rehearsal=True)
    assert nothing.report.objects == 0
    git(team.remote("datasets"), "tag", "-d", "vision__images__x__2")
    other = team.machine("bob")
    (found,) = collect_remote(other.project(), grace_s=0, is_rehearsal=True)
    assert found.storage == "file://" + team.storage[1]
    assert found.report.objects > 0
    (young,) = collect_remote(other.project(), grace_s=86_400, is_rehearsal=True)
    assert young.report.objects == 0
    (recorded,) = collect_remote(other.project(), grace_s=0)
    assert (recorded.report.phase, recorded.report.objects) == (1, found.report.objects)
    assert list(Path(team.storage[1]).rglob("ws1/gc/*"))
    other.ok("datasets", "checkout", "x")
    assert "recorded for deletion" in other.ok("repository", "gc", "--remote", "--grace=0")


def test_versions_of_remotes_that_are_not_known_are_kept(team: Team, machine: Machine) -> None:
    other = team.machine("bob", ())
    (found,) = collect_remote(other.project(), grace_s=0, is_rehearsal=True)
    assert found.report.objects == 0
    assert machine.state().url == str(team.remote("datasets"))
