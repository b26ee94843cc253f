from pathlib import Path

import pytest

from entrepot.errors import UrlRefused
from entrepot.workspace.projects.remotes.buckets import BucketRemote
from entrepot.workspace.projects.remotes.hubs import HubRemote
from entrepot.workspace.projects.remotes.opening import remote_of
from tests.support.machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine.create(tmp_path, "ann")
    machine.ok("repository", "init")
    return machine


def test_the_configuration_decides(machine: Machine) -> None:
    machine.ok("repository", "remote", "datasets", "add", "hub+https://hub.example.org/alice")
    machine.ok("repository", "remote", "labels", "add", "git@host:a/labels.git")
    assert isinstance(remote_of(machine.state("datasets")), HubRemote)
    assert isinstance(remote_of(machine.state("labels")), BucketRemote)
    assert isinstance(remote_of(machine.state("models")), BucketRemote)


def test_an_address_that_is_none_is_refused(machine: Machine) -> None:
    config = machine.folder / ".ml-git/config.yaml"
    config.write_text(config.read_text().replace("datasets:\n  git: ''", "datasets:\n  hub: file:///etc/passwd"))
    assert "file:///etc" in config.read_text()
    with pytest.raises(UrlRefused):
        remote_of(machine.state("datasets"))
