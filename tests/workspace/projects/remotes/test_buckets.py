import pytest

from entrepot.errors import ConfigError
from entrepot.workspace.entities.version_tags import parse_tag
from entrepot.workspace.projects.remotes.buckets import BucketRemote
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.stores import CheckLevel
from tests.support.machines import Machine, Team

TAG = "vision__images__x__1"


def version(machine: Machine) -> Version:
    state = machine.state()
    return read_version(state, parse_tag(TAG), state.metadata.refs().tags[TAG].commit)


def test_documents_and_message_stay_as_they_are(machine: Machine) -> None:
    remote, found = BucketRemote(machine.state()), version(machine)
    assert remote.describe(machine.entity("x"), found.spec, {"README.md": b"text"}) == {"README.md": b"text"}
    assert remote.message(found.spec, None) is None


def test_contents_are_fetched_into_drafts_and_checked(team: Team, machine: Machine) -> None:
    other = team.machine("bob")
    remote, found = BucketRemote(other.state()), version(other)
    counts = remote.fetch(found, [*found.manifest.files], None)
    assert counts.bytes_received > 0
    assert len([*other.state().drafts.iterdir()]) == len(found.manifest.files)
    assert not remote.check(machine.entity("x"), found, CheckLevel.PARANOID).left
    assert remote.plan_push(found).objects == 0


def test_a_storage_that_is_not_configured_is_named(team: Team, machine: Machine) -> None:
    found = version(machine)
    machine.ok("repository", "storage", "del", team.storage[1], "--type=file")
    with pytest.raises(ConfigError, match="storage add"):
        BucketRemote(machine.state()).fetch(found, [*found.manifest.files], None)
