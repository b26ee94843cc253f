from __future__ import annotations

from pathlib import Path

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.settings import Settings
from tests.support.commands import Run


def test_repositories_are_listed_and_transferred(admin: Run, data: Path) -> None:
    hub = open_hub(Settings(data=data))
    caller = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
    repositories.create(hub, caller, NewRepo(RepoType.DATASET, "numbers", visibility="private"))
    hub.close()
    row = admin("repos", "list").out.splitlines()[1].split()
    assert row[:5] == ["alice/numbers", "dataset", "private", "no", "active"]
    admin("orgs", "create", "acme", "--admin", "alice")
    moved = admin("repos", "transfer", "alice", "acme")
    assert moved.out.splitlines() == ["moved datasets/acme/numbers", "1 repository moved to acme"]
    assert [found["repo"] for found in admin("repos", "list", "acme", "--json").json] == ["acme/numbers"]
    done = admin("orgs", "delete", "acme", "--purge", "--yes")
    assert done.out.splitlines() == ["deleted    datasets/acme/numbers", "deleted organisation acme"]
