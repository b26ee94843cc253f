from pathlib import Path

from entrepot.workspace.maintenance.migrations import migrate_entity
from tests.support.machines import Team, git
from tests.support.old_projects import publish_old


def test_only_old_versions_are_migrated(team: Team) -> None:
    tags = [publish_old(team, "y", number, {"data/a": b"one" * number, "data/b": b"two"}) for number in (1, 2)]
    machine = team.machine("bob")
    assert [found.tag for found in migrate_entity(machine.state(), "y")] == tags[1:]
    assert [found.tag for found in migrate_entity(machine.state(), "y", has_all_versions=True)][:1] == tags[:1]
    for path in Path(team.storage[1]).iterdir():
        if path.is_file():
            path.unlink()
    for number in (1, 2):
        machine.ok("datasets", "checkout", "y", f"--version={number}")
        assert machine.files("datasets/folder/y/data") == {"a": b"one" * number, "b": b"two"}


def test_versions_of_today_have_nothing_to_migrate(team: Team) -> None:
    machine = team.machine("bob")
    team.create(machine, "datasets", "z")
    machine.write("datasets/z/data/f", "f")
    for command in ("add", "commit", "push"):
        machine.ok("datasets", command, "z")
    assert migrate_entity(machine.state(), "z") == ()
    assert machine.ok("datasets", "migrate", "z") == "There is nothing to migrate\n"


def test_a_version_that_cannot_be_read_stops_neither_migration_nor_check(team: Team) -> None:
    publish_old(team, "y", 1, {"data/a": b"one"})
    clone = team.place / "old-clone"
    for number in (2, 3):
        spec = clone / "folder/y/y.spec"
        spec.write_text(spec.read_text().replace(f"version: {number - 1}", f"version: {number}"))
        manifest = clone / "folder/y/MANIFEST.yaml"
        manifest.write_text("") if number == 2 else manifest.unlink()
        tag = f"vision__images__y__{number}"
        for command in (("add", "-A"), ("commit", "-qm", tag), ("tag", "-am", tag, tag), ("push", "-q", "origin", tag)):
            git(clone, *command)
    machine = team.machine("bob")
    assert machine.ok("datasets", "checkout", "y", "--version=2").startswith("vision__images__y__2: 0 files")
    assert machine.ok("datasets", "checkout", "y", "--version=1").startswith("vision__images__y__1: 1 file, 3 B")
    assert "Files size: 3 Bytes\n" in machine.ok("datasets", "log", "y", "--stat")
    migrated = machine.run("datasets", "migrate", "y", "--all-versions")
    assert migrated.code == 1
    assert migrated.out.startswith("migrated vision__images__y__1: ")
    for path in Path(team.storage[1]).iterdir():
        if path.is_file():
            path.unlink()
    (machine.folder / "datasets/folder/y/data/a").unlink()
    machine.ok("datasets", "checkout", "y", "--version=1")
    checked = machine.run("datasets", "remote-fsck", "y", "--all-versions", "--json")
    assert checked.code == 4
    assert [row["where"] for row in checked.json["left"]] == ["vision__images__y__3"]
