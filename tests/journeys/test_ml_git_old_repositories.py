"""Repositories of ML-Git 2.9.9: read in place, continued, migrated; its projects are taken over."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.machines import Team, create_team, git, publish
from tests.support.old_projects import old_project, publish_old

BIG = os.urandom(600_000)
FILES = {"data/a": b"one", "data/big": BIG, "data/copy": b"one", "data/empty": b"", "data/sub/b c": b"two"}


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return create_team(tmp_path)


def test_old_versions_are_read_in_place(team: Team) -> None:
    first = publish_old(team, "x", 1, FILES)
    second = publish_old(team, "x", 2, {**FILES, "data/c": b"three"})
    machine = team.machine("ann")
    assert machine.ok("datasets", "tag", "list", "x") == f"{first}\n{second}\n"
    assert machine.ok("datasets", "list") == "ML dataset\n|-- folder\n|   |-- x\n"
    machine.ok("datasets", "checkout", "x", "--version=1")
    data = {path.removeprefix("data/"): content for path, content in FILES.items()}
    assert machine.files("datasets/folder/x/data") == data
    assert machine.ok("datasets", "diff", "x", first, second) == "Added files:\n\tdata/c\n"
    assert machine.ok("datasets", "show", "x").startswith("-- datasets : x --\ncategories:\n- vision\n- images\n")
    assert re.findall("Tag: (.*)", machine.ok("datasets", "log", "x", "--stat")) == [first, second]
    assert machine.run("datasets", "fsck", "--full").code == 0
    assert machine.run("datasets", "remote-fsck", "x", "--paranoid").code == 0
    place = machine.folder / "datasets/folder/x/data/a"
    place.chmod(0o644)
    place.write_text("bad")
    assert "corrupted files\n    data/a\n" in machine.ok("datasets", "status", "x")
    machine.ok("datasets", "fsck", "--fix-workspace")
    assert place.read_bytes() == b"one"


def test_an_old_entity_goes_on_and_sends_nothing_twice(team: Team) -> None:
    publish_old(team, "x", 1, FILES)
    machine, other = team.machine("ann"), team.machine("bob")
    machine.ok("datasets", "checkout", "x")
    machine.write("datasets/folder/x/data/new", "new")
    (machine.folder / "datasets/folder/x/data/copy").unlink()
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    sent = machine.run("datasets", "push", "x", "--json").json["bytes_sent"]
    assert sent < 100_000
    other.ok("datasets", "update")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/folder/x/data") == machine.files("datasets/folder/x/data")
    other.ok("datasets", "checkout", "x", "--version=1")
    assert set(other.files("datasets/folder/x/data")) == {path.removeprefix("data/") for path in FILES}


def test_migrated_versions_keep_their_tags_and_need_no_old_objects(team: Team) -> None:
    publish_old(team, "x", 1, FILES)
    before = team.tags()
    machine = team.machine("ann")
    out = machine.ok("datasets", "migrate", "x", "--all-versions")
    assert out.startswith("migrated vision__images__x__1: ")
    assert team.tags() == before
    for path in Path(team.storage[1]).iterdir():
        if path.is_file():
            path.unlink()
    machine.ok("datasets", "checkout", "x")
    assert machine.files("datasets/folder/x/data")["big"] == BIG


def test_a_project_is_taken_over_with_its_files(team: Team) -> None:
    tag = publish_old(team, "x", 1, FILES)
    machine = team.machine("ann")
    old_project(team, machine, tag, "x", FILES)
    assert machine.ok("datasets", "branch", "x").startswith(f"('{tag}', '")
    assert "untracked files\n\ncorrupted files\n" in machine.ok("datasets", "status", "x")
    machine.write("datasets/folder/x/data/new", "new")
    assert publish(machine, "datasets", "x") == "vision__images__x__2"
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/folder/x/data") == machine.files("datasets/folder/x/data")
    assert (machine.folder / ".ml-git/datasets/objects/hashfs").is_dir()


def test_a_version_that_the_old_program_did_not_push_is_not_taken_for_published(team: Team) -> None:
    publish_old(team, "x", 1, FILES)
    files = {**FILES, "data/local": b"local"}
    tag = publish_old(team, "x", 2, files, is_pushed=False)
    for path in Path(team.storage[1]).iterdir():  # its objects never reached the bucket
        if path.is_file() and path.read_bytes() == b"local":
            path.unlink()
    machine = team.machine("ann")
    old_project(team, machine, tag, "x", files)
    assert "1 version to be published" in machine.run("datasets", "status", "x").err
    assert machine.run("datasets", "push", "x").code != 0
    assert list(team.tags()) == ["vision__images__x__1"]
    machine.ok("datasets", "reset", "x", "--reference=head~1")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    machine.ok("datasets", "push", "x")
    other = team.machine("bob")
    other.ok("datasets", "checkout", "x")
    assert other.files("datasets/folder/x/data")["local"] == b"local"


@pytest.mark.parametrize("path", ["../../out", "/tmp/out-of-ml-git", ".git/hooks/x"])
def test_hostile_paths_of_old_manifests_are_refused(team: Team, path: str) -> None:
    publish_old(team, "x", 1, {"data/a": b"one"})
    clone = team.place / "old-clone"
    manifest = clone / "folder/x/MANIFEST.yaml"
    manifest.write_text(manifest.read_text().replace("data/a", path))
    spec = clone / "folder/x/x.spec"
    spec.write_text(spec.read_text().replace("version: 1", "version: 2"))
    git(clone, "commit", "-qam", "evil")
    git(clone, "tag", "-am", "evil", "vision__images__x__2")
    git(clone, "push", "-q", "origin", "HEAD", "vision__images__x__2")
    machine = team.machine("ann")
    assert machine.run("datasets", "checkout", "x").code == 1
    assert not list(team.place.rglob("out"))
    assert not Path("/tmp/out-of-ml-git").exists()


def test_a_lost_database_is_built_again(team: Team) -> None:
    machine = team.machine("ann")
    team.create(machine, "datasets", "x")
    machine.write("datasets/x/data/a", "one")
    publish(machine, "datasets", "x")
    for file in (machine.folder / ".ml-git/datasets").glob("workspace.sqlite3*"):
        file.unlink()
    machine.write("datasets/x/data/new", "new")
    assert "untracked files\n    data/new\n" in machine.ok("datasets", "status", "x")
    assert publish(machine, "datasets", "x") == "vision__images__x__2"
