from entrepot.workspace.projects.changes.statuses import natural_key, read_status, unpublished_tags
from entrepot.workspace.state.rows import FileChange
from tests.support.machines import Machine


def test_numbers_in_names_are_sorted_by_value() -> None:
    names = ["b_10", "b_9", "a", "b_1", "b"]
    assert sorted(names, key=natural_key) == ["a", "b", "b_1", "b_9", "b_10"]


def test_the_status_of_every_kind_of_file(machine: Machine) -> None:
    machine.write("datasets/x/data/new", "new")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.write("datasets/x/data/later", "later")
    machine.write("datasets/x/README.md", "read me")
    (machine.folder / "datasets/x/data/a").unlink()
    (machine.folder / "datasets/x/data/b").chmod(0o644)
    machine.write("datasets/x/data/b", "bad")
    report = read_status(machine.entity("x"))
    assert report.staged == ((FileChange.NEW, "data/new"),)
    assert report.untracked == ("data/later",)
    assert report.corrupted == ("data/b",)
    assert report.changed == ((FileChange.MODIFIED, "README.md"), (FileChange.DELETED, "data/a"))
    assert report.head is not None
    assert report.head.tag == "vision__images__x__1"
    assert report.unpublished == ()


def test_versions_that_are_not_published_are_counted_by_entity(machine: Machine) -> None:
    machine.write("datasets/x/data/new", "new")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    assert unpublished_tags(machine.entity("x")) == ["vision__images__x__2"]


def test_times_of_files_that_were_read_are_remembered(machine: Machine) -> None:
    import os

    place = machine.folder / "datasets/x/data/a"
    os.utime(place, ns=(1, 1))
    read_status(machine.entity("x"))
    row = machine.state().database.files("x")["data/a"]
    assert row.state is not None
    assert row.state.mtime_ns == 1
