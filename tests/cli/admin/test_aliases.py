from __future__ import annotations

import contextlib
from pathlib import Path

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.settings import Settings
from tests.support.commands import Run


def test_aliases_are_added_listed_and_removed(admin: Run, run: Run) -> None:
    assert admin("aliases", "list", "--json").json == []
    refused = run("admin", "aliases", "add", "gpt2", "alice/absent")
    assert refused.code != 0
    assert "not found" in refused.err.lower()
    assert run("admin", "aliases", "remove", "gpt2").code != 0
    assert "NAME" in admin("aliases", "list").out


def test_an_alias_leads_to_a_repository(admin: Run, data: Path) -> None:
    with contextlib.closing(open_hub(Settings(data=data), fsync=False)) as hub:
        alice = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
        repositories.create(hub, alice, NewRepo(RepoType.DATASET, "squad"))
    made = admin("aliases", "add", "squad", "alice/squad", "--type", "datasets", "--json").json
    assert made == {"name": "squad", "type": "dataset", "repo": "alice/squad"}
    assert admin("aliases", "list", "--type", "dataset", "--json").json == [made]
    assert admin("aliases", "list", "--type", "model", "--json").json == []
    assert "removed squad" in admin("aliases", "remove", "squad", "--type", "dataset").out
