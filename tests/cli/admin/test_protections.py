from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.settings import Settings
from tests.support.commands import Run


@pytest.fixture(autouse=True)
def hub(data: Path) -> Iterator[HubContext]:
    """A hub with a model and a dataset of alice."""
    opened = open_hub(Settings(data=data))
    accounts.create_user(opened, "alice")
    caller = opened.identify(accounts.create_token(opened, "alice", role="write").secret)
    repositories.create(opened, caller, NewRepo(RepoType.MODEL, "model", "alice"))
    repositories.create(opened, caller, NewRepo(RepoType.DATASET, "data", "alice"))
    yield opened
    opened.close()


def test_nothing_is_protected_at_first(run: Run) -> None:
    outcome = run("admin", "repo", "show", "alice/model")
    assert outcome.out == "alice/model: protected branches: none; tags are not immutable\n"
    rows = run("admin", "repo", "show", "datasets/alice/data", "--json").json
    assert rows == {"repo": "alice/data", "type": "dataset", "branches": [], "tags": False}


def test_protections_add_up_until_they_are_removed(run: Run) -> None:
    def after(*args: str) -> tuple[list[str], bool]:
        row = run("admin", "repo", *args, "--json").json
        assert row == run("admin", "repo", "show", "alice/model", "--json").json
        return row["branches"], row["tags"]

    assert after("protect", "alice/model", "--branch", "main") == (["main"], False)
    assert after("protect", "alice/model", "--branch", "main", "--branch", "r/*", "--tags") == (["main", "r/*"], True)
    assert after("unprotect", "alice/model", "--branch", "main") == (["r/*"], True)
    assert after("protect", "alice/model", "--no-tags") == (["r/*"], False)
    assert after("protect", "alice/model", "--tags") == (["r/*"], True)
    assert after("unprotect", "alice/model", "--tags") == (["r/*"], False)
    assert after("unprotect", "alice/model") == ([], False)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["protect", "alice/model"], 2, "name what to protect"),
        (["protect", "alice/model", "--branch", "a..b"], 1, "invalid branch name"),
        (["protect", "alice/absent", "--tags"], 1, "Repository not found"),
        (["show", "alice/absent"], 1, "Repository not found"),
        (["unprotect", "alice/model", "--branch", "dev"], 1, "'dev' is not protected"),
    ],
)
def test_impossible_protections_are_refused_and_change_nothing(run: Run, args: list[str], code: int, told: str) -> None:
    run("admin", "repo", "protect", "alice/model", "--branch", "main")
    outcome = run("admin", "repo", *args)
    assert outcome.code == code
    assert told in outcome.err
    assert run("admin", "repo", "show", "alice/model", "--json").json["branches"] == ["main"]
