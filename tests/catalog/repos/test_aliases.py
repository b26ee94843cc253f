from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.catalog.repos import aliases
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.settings import Settings


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubContext]:
    found = open_hub(Settings(data=tmp_path / "hub"), fsync=False)
    accounts.create_user(found, "alice")
    yield found
    found.close()


def test_an_alias_is_found_in_any_case_follows_moves_and_ends_with_its_repository(hub: HubContext) -> None:
    alice = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
    row = repositories.create(hub, alice, NewRepo(RepoType.MODEL, "m"))
    with hub.write() as tx:
        aliases.put(tx, RepoType.MODEL, "GPT2", row.id)
    with hub.read() as tx:
        assert [(found.name, str(found.repo.ref.id)) for found in aliases.search(tx, limit=9)] == [("gpt2", "alice/m")]
        assert aliases.search(tx, RepoType.DATASET, limit=9) == []
        assert aliases.is_taken(tx, "Gpt2")
    moved = repositories.move(hub, alice, row.ref, RepoRef(RepoType.MODEL, RepoId("alice", "n")))
    with hub.read() as tx:
        assert [str(found.repo.ref.id) for found in aliases.search(tx, limit=9)] == ["alice/n"]
    repositories.delete(hub, alice, moved.ref)
    with hub.read() as tx:
        assert not aliases.is_taken(tx, "gpt2")


def test_removing_returns_whether_the_alias_existed(hub: HubContext) -> None:
    with hub.write() as tx:
        assert not aliases.remove(tx, RepoType.MODEL, "gpt2")
