import hashlib

from entrepot.workspace.projects.sources import workspace_contents
from tests.support.machines import Machine


def test_tracked_and_staged_contents_have_paths(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "three")
    machine.ok("datasets", "add", "x")
    found = workspace_contents(machine.entity("x"))
    assert {hashlib.sha256(text).hexdigest() for text in (b"one", b"two", b"three")} == set(found)
    assert found[hashlib.sha256(b"three").hexdigest()] == str(machine.folder / "datasets/x/data/c")
