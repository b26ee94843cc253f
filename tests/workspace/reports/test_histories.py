import pytest

from entrepot.errors import EntityMissing, VersionMissing
from entrepot.names import RepoPath
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.reports.histories import DiffReport, diff_manifests, read_diff, read_log, read_shown
from tests.support.machines import Machine, publish


def manifest(**contents: str) -> Manifest:
    return Manifest.of((RepoPath(path), ManifestEntry(sha256=content)) for path, content in contents.items())


def test_two_manifests() -> None:
    assert diff_manifests(manifest(a="1", b="2", c="3"), manifest(b="2", c="4", d="5")) == DiffReport(
        ("d",), ("c",), ("a",)
    )


def test_the_log_is_ascending_and_counts_from_manifests(machine: Machine) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    for number in range(2, 11):
        machine.write(f"datasets/x/data/c{number}", "c")
        machine.ok("datasets", "add", "x", "--bumpversion")
        machine.ok("datasets", "commit", "x", "-m", f"number {number}")
    machine.write("datasets/x/data/untracked", "not in a version")
    entries = read_log(machine.state(), "x", has_statistics=True)
    assert [entry.tag.number for entry in entries] == list(range(1, 11))
    assert [entry.is_published for entry in entries] == [True] + [False] * 9
    assert entries[1].changes == DiffReport(("data/c2",), (), ("data/a",))
    assert (entries[9].files, entries[9].bytes) == (10, 12)
    assert entries[9].made.message == "number 10"
    assert entries[9].made.author == "ann"
    with pytest.raises(EntityMissing):
        read_log(machine.state(), "y")


def test_a_difference_of_two_versions(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c")
    publish(machine, "datasets", "x")
    state = machine.state()
    assert read_diff(state, "vision__images__x__1", "vision__images__x__2") == DiffReport(("data/c",), (), ())
    assert read_diff(state, "vision__images__x__2", "vision__images__x__1") == DiffReport((), (), ("data/c",))
    with pytest.raises(VersionMissing):
        read_diff(state, "vision__images__x__1", "vision__images__x__3")


def test_the_checked_out_version_is_shown(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c")
    publish(machine, "datasets", "x")
    machine.ok("datasets", "checkout", "x", "--version=1")
    assert read_shown(machine.state(), "x").tag.number == 1
    assert read_shown(machine.state(), "x", "vision__images__x__2").tag.number == 2
