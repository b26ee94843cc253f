from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.blobs import file_key
from entrepot.blobs.interfaces import put
from entrepot.catalog.git import objects
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType, Sha256
from entrepot.settings import Settings
from tests.support.commands import Run

CONTENT = b"nobody names these bytes" * 100
KEY = file_key(Sha256(hashlib.sha256(CONTENT).hexdigest()))
FOREVER_MS = 1 << 50


@pytest.fixture
def hub(data: Path) -> Iterator[HubContext]:
    opened = open_hub(Settings(data=data))
    yield opened
    opened.close()


@pytest.fixture
def repo(hub: HubContext) -> RepoRow:
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    return repositories.create(hub, hub.identify(secret), NewRepo(RepoType.MODEL, "m"))


def lose_trees(hub: HubContext, repo: RepoRow) -> None:
    with hub.write() as tx:
        trees = [oid for oid, kind, _, _ in objects.everything(tx, repo.id) if kind == "tree"]
        objects.remove(tx, repo.id, trees, touched_before_ms=FOREVER_MS)


def test_a_sound_hub_is_sound(repo: RepoRow, run: Run) -> None:
    outcome = run("fsck")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "everything that was checked is present and intact",
        "not checked: chunks of large files (--deep reads and hashes them)",
    ]
    assert "not checked" not in run("fsck", "--deep").out
    assert len(run("fsck", "--quick", "--json").json["not_checked"]) == 2
    assert "checking" in outcome.err


def test_damage_is_reported_and_is_a_failure(hub: HubContext, repo: RepoRow, run: Run) -> None:
    lose_trees(hub, repo)
    outcome = run("fsck", "--quick")
    assert outcome.code == 1
    assert outcome.out.startswith("missing ")
    assert "alice/m" in outcome.out
    assert "1 damaged" in outcome.out
    shown = run("fsck", "--json")
    assert shown.code == 1
    assert shown.json["damaged"] == 1
    assert set(shown.json["findings"][0]) == {"kind", "where", "what", "size", "used_by"}


def test_orphans_are_reported_and_are_no_failure(hub: HubContext, run: Run) -> None:
    put(hub.store.blobs, KEY, CONTENT)
    outcome = run("fsck", "--json")
    assert outcome.code == 0
    (finding,) = outcome.json.pop("findings")
    assert (finding["kind"], finding["where"], finding["size"]) == ("orphaned", KEY, len(CONTENT))
    assert run("fsck").out.splitlines()[-2] == "0 damaged, 1 orphaned"


def test_a_rehearsal_tells_what_would_go_and_takes_nothing(hub: HubContext, run: Run) -> None:
    put(hub.store.blobs, KEY, CONTENT)
    for _ in range(2):
        outcome = run("gc", "--dry-run", "--grace", "0", "--json")
        assert outcome.code == 0
        assert (outcome.json["dry_run"], outcome.json["size"]) == (True, len(CONTENT))
        assert set(outcome.json["items"][0]) == {"kind", "what", "reason", "size"}
    people = run("gc", "--dry-run", "--grace", "0").out.splitlines()
    assert people[0].startswith("would remove  file  ")
    assert people[-1] == "would free 2.3 KiB (2,400 bytes) in 1 item"
    assert hub.store.blobs.stat(KEY) is not None


def test_sweeping_takes_it_away(hub: HubContext, run: Run) -> None:
    put(hub.store.blobs, KEY, CONTENT)
    outcome = run("gc", "--grace", "0")
    assert outcome.out.splitlines()[-1] == "freed 2.3 KiB (2,400 bytes) in 1 item"
    assert hub.store.blobs.stat(KEY) is None
    assert run("gc", "--grace", "0").out == "nothing to remove\n"


def test_young_data_stays(hub: HubContext, run: Run) -> None:
    put(hub.store.blobs, KEY, CONTENT)
    for args in ([], ["--grace", "1h"]):
        assert run("gc", *args, "--json").json == {"dry_run": False, "size": 0, "items": []}
    assert hub.store.blobs.stat(KEY) is not None


def test_a_grace_period_that_is_none_is_wrong_usage(hub: HubContext, run: Run) -> None:
    outcome = run("gc", "--grace", "soon")
    assert outcome.code == 2
    assert "90s, 6h or 3w" in outcome.err


@pytest.mark.parametrize("command", ["fsck", "gc"])
def test_a_folder_without_a_hub_is_refused(run: Run, data: Path, command: str) -> None:
    assert run(command).code == 1
    assert not data.exists()
