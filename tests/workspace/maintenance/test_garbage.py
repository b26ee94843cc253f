from entrepot.workspace.maintenance.garbage import LocalGarbage, collect_local
from tests.support.machines import Machine, Team


def test_drafts_and_caches_are_removed_and_local_versions_kept(team: Team, machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c" * 1000)
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    state = machine.state()
    state.drafts.mkdir(exist_ok=True)
    (state.drafts / "left").write_bytes(b"12345")
    planned = collect_local(machine.project(), is_rehearsal=True)
    assert planned.files >= 2
    assert (state.drafts / "left").exists()
    assert collect_local(machine.project()).bytes >= 5
    assert not state.drafts.exists()
    assert collect_local(machine.project()) == LocalGarbage(0, 0)
    machine.ok("datasets", "push", "x")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/x/data") == machine.files("datasets/x/data")
