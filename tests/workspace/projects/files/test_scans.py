import os

import pytest

from entrepot.errors import SourceMissing
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.scans import scan_entity
from tests.support.machines import Machine


def test_data_is_everything_but_documents_and_ignored_files(machine: Machine) -> None:
    machine.write("datasets/x/.mlgitignore", "*.tmp\n")
    machine.write("datasets/x/data/a.tmp", "x")
    machine.write("datasets/x/data/README.md", "data too")
    machine.write("datasets/x/annotations/z", "")
    scan = scan_entity(machine.entity("x"))
    assert list(scan.files) == ["annotations/z", "data/README.md", "data/a", "data/b"]
    assert scan.files["data/a"].state.size == 3
    assert scan.refused == ()


def test_files_that_cannot_be_versioned_are_named(machine: Machine) -> None:
    folder = machine.folder / "datasets/x/data"
    os.mkfifo(folder / "pipe")
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "inside").symlink_to("a")
    (folder / "gone").symlink_to("nothing")
    (folder / "dir").symlink_to(".")
    (folder / ".git").mkdir()
    (folder / ".ml-git").mkdir()
    scan = scan_entity(machine.entity("x"))
    assert {problem.where for problem in scan.refused} == {
        *("data/pipe", "data/outside", "data/gone", "data/dir", "data/.git", "data/.ml-git")
    }
    assert scan.files["data/inside"].is_link
    followed = scan_entity(machine.entity("x"), follows_links=True)
    assert followed.files["data/outside"].file_path == os.path.realpath("/etc/passwd")


def test_an_entity_without_a_folder(machine: Machine) -> None:
    with pytest.raises(SourceMissing):
        scan_entity(Entity(machine.state(), "none"))
