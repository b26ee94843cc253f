from pathlib import Path

from entrepot.workspace.maintenance.migrations import migrate_entity
from tests.support.machines import Team
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
