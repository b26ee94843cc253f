import msgspec
import pytest

from entrepot.errors import CacheDamaged
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.state.rows import Step
from tests.support.machines import Machine, git


def journal(machine: Machine, step: Step) -> None:
    with machine.state().database.transaction() as changes:
        changes.set_journal("x", step)


def test_a_commit_that_got_its_name_is_completed(machine: Machine) -> None:
    machine.write("datasets/x/data/c", "c")
    machine.ok("datasets", "add", "x")
    state = machine.state()
    ref = state.metadata.refs().tags["vision__images__x__1"]
    tag = "vision__images__x__2"
    git(state.metadata.folder, "update-ref", f"refs/entrepot/unpublished/{tag}", ref.oid)
    payload = msgspec.json.encode({"commit": ref.commit, "oid": ref.oid, "base": "vision__images__x__1"})
    journal(machine, Step("commit", tag, payload))
    recover(state)
    head = state.database.head("x")
    assert head is not None
    assert head.tag == tag
    assert state.database.staged("x") == {}
    assert state.database.journal() == {}


def test_a_commit_without_a_name_never_was_one(machine: Machine) -> None:
    payload = msgspec.json.encode({"commit": "a" * 40, "oid": "b" * 40, "base": None})
    journal(machine, Step("commit", "vision__images__x__2", payload))
    recover(machine.state())
    assert machine.ok("datasets", "branch", "x").startswith("('vision__images__x__1'")
    assert machine.state().database.journal() == {}


def test_a_journal_that_cannot_be_read_is_damage(machine: Machine) -> None:
    journal(machine, Step("checkout", "t", b"{}"))
    with pytest.raises(CacheDamaged, match="journal"):
        recover(machine.state())
