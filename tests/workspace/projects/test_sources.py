import hashlib
import os

from entrepot.workspace.projects.sources import unchanged_contents, workspace_contents
from tests.support.machines import Machine


def test_tracked_and_staged_contents_have_paths(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "three")
    machine.ok("datasets", "add", "x")
    found = workspace_contents(machine.entity("x"))
    assert {hashlib.sha256(text).hexdigest() for text in (b"one", b"two", b"three")} == set(found)
    assert found[hashlib.sha256(b"three").hexdigest()] == str(machine.folder / "datasets/x/data/c")


def test_files_that_were_touched_are_not_unchanged(machine: Machine) -> None:
    a, b = (machine.folder / f"datasets/x/data/{name}" for name in "ab")
    for file in (a, b):
        os.utime(file, (1, 1))  # a young file is never trusted
    machine.ok("datasets", "status", "x")
    b.chmod(0o600)
    b.write_text("owt")
    assert unchanged_contents(machine.entity("x")) == {hashlib.sha256(b"one").hexdigest(): str(a)}
