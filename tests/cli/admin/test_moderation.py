from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.catalog.repos import repositories as repos
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.settings import Settings
from tests.support.commands import Run

DATASET = RepoRef(RepoType.DATASET, RepoId("alice", "data"))


@pytest.fixture
def dataset(admin: Run, data: Path) -> str:
    secret = admin("create-token", "alice", "--role", "write").out.strip()
    hub = open_hub(Settings(data=data))
    repositories.create(hub, hub.identify(secret), NewRepo(RepoType.DATASET, "data"))
    hub.close()
    return "datasets/alice/data"


def is_disabled(data: Path) -> bool:
    hub = open_hub(Settings(data=data))
    with hub.read() as tx:
        row = repos.find(tx, DATASET)
    hub.close()
    assert row is not None
    return row.is_disabled


def test_a_repository_is_disabled_and_enabled(admin: Run, data: Path, dataset: str) -> None:
    assert admin("disable-repo", dataset, "--reason", "reported").out == "disabled datasets/alice/data\n"
    assert is_disabled(data)
    assert admin("enable-repo", dataset).out == "enabled datasets/alice/data\n"
    assert not is_disabled(data)


def test_programs_get_every_documented_key(admin: Run, dataset: str) -> None:
    assert admin("disable-repo", dataset, "--reason", "reported", "--json").json == {
        "repo": "alice/data",
        "type": "dataset",
        "disabled": True,
        "reason": "reported",
    }
    assert admin("enable-repo", dataset, "--json").json["disabled"] is False


def test_wrong_commands_are_refused_with_the_reason(admin: Run, run: Run, dataset: str) -> None:
    assert run("admin", "disable-repo", dataset).code == 2
    assert "not disabled" in run("admin", "enable-repo", dataset).err
    assert run("admin", "disable-repo", "alice/data", "--reason", "no such model").code == 1
