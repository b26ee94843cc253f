"""One cache folder for this client and huggingface_hub, in either order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, snapshot_download

import entrepot
from entrepot.testing.hubs import RunningHub

FILES = {"a.txt": b"1", "b.bin": os.urandom(3000)}
WAYS: tuple[dict[str, Any], ...] = ({}, {"local_files_only": True}, {"allow_patterns": "*.txt"})


@pytest.fixture
def stock(entrepot_hub: RunningHub) -> HfApi:
    return HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.token)


@pytest.fixture
def repo(stock: HfApi, request: pytest.FixtureRequest) -> str:
    name = f"tester/shared-{'stock' if 'of_the_stock' in request.node.name else 'own'}"
    stock.create_repo(name)
    stock.create_commit(name, [CommitOperationAdd(*item) for item in FILES.items()], commit_message="all")
    return name


def content(folder: str) -> dict[str, bytes]:
    return {path: Path(folder, path).read_bytes() for path in FILES}


def test_the_cache_of_the_own_client_serves_the_stock_one(entrepot_hub: RunningHub, repo: str, tmp_path: Path) -> None:
    own = entrepot.HubApi(entrepot_hub.url, entrepot_hub.token)
    own.snapshot_download(repo, cache_dir=tmp_path)
    for how in WAYS:
        found = snapshot_download(repo, cache_dir=tmp_path, endpoint=entrepot_hub.url, token=entrepot_hub.token, **how)
        assert content(found) == FILES
        assert content(str(own.snapshot_download(repo, cache_dir=tmp_path))) == FILES


def test_the_cache_of_the_stock_client_serves_the_own_one(
    entrepot_hub: RunningHub, stock: HfApi, repo: str, tmp_path: Path
) -> None:
    stock.snapshot_download(repo, cache_dir=tmp_path)
    theirs = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    own = entrepot.HubApi(entrepot_hub.url, entrepot_hub.token)
    for how in WAYS:
        assert content(str(own.snapshot_download(repo, cache_dir=tmp_path, **how))) == FILES
    assert {path: path.read_bytes() for path in theirs} == theirs
    assert content(stock.snapshot_download(repo, cache_dir=tmp_path)) == FILES
