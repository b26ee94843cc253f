from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import entrepot
from entrepot.errors import CacheMissing, CannotWrite, EntryNotFound, InvalidName, InvalidPath
from entrepot.hf.files.caches import (
    _CACHED_NO_EXIST,
    cached_assets_path,
    hf_hub_url,
    scan_cache_dir,
    try_to_load_from_cache,
)
from entrepot.testing.hubs import RunningHub


def test_the_cache_is_read_without_the_hub(
    entrepot_hub: RunningHub,
    client_home: Path,
    write_repo: Callable[[dict[str, bytes]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENTREPOT_ENDPOINT", entrepot_hub.url)
    repo = write_repo({"f": b"1"})
    assert try_to_load_from_cache(repo, "f") is None
    path = entrepot.hf_hub_download(repo, "f")
    with pytest.raises(EntryNotFound):
        entrepot.hf_hub_download(repo, "none")
    assert try_to_load_from_cache(repo, "f") == path
    assert try_to_load_from_cache(repo, "f", revision=Path(path).parent.name) == path
    assert try_to_load_from_cache(repo, "none") is _CACHED_NO_EXIST
    assert try_to_load_from_cache(repo, "f", repo_type="dataset") is None
    assert try_to_load_from_cache(repo, "f", cache_dir=client_home) is None
    with pytest.raises(InvalidPath):
        try_to_load_from_cache(repo, "../f")
    [found] = scan_cache_dir().repos
    assert found.repo_id == repo


def test_a_missing_cache_raises(client_home: Path) -> None:
    with pytest.raises(CacheMissing):
        scan_cache_dir()


def test_libraries_have_folders_of_their_own(client_home: Path, tmp_path: Path) -> None:
    path = cached_assets_path("lib", "ns/name", "a b")
    assert path == client_home / "assets" / "lib" / "ns--name" / "a--b"
    assert path.is_dir()
    assert cached_assets_path("..", assets_dir=tmp_path).is_relative_to(tmp_path)
    assert cached_assets_path("..", assets_dir=tmp_path) != tmp_path.parent / "default" / "default"
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite):
        cached_assets_path("file", assets_dir=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({}, "http://hub/ns/name/resolve/main/f"),
        ({"repo_type": "dataset", "revision": "refs/pr/1"}, "http://hub/datasets/ns/name/resolve/refs%2Fpr%2F1/f"),
        ({"repo_type": "space", "subfolder": "a b"}, "http://hub/spaces/ns/name/resolve/main/a%20b/f"),
    ],
)
def test_urls_of_files(client_home: Path, arguments: dict[str, str], url: str) -> None:
    assert hf_hub_url("ns/name", "f", endpoint="http://hub", **arguments) == url


def test_no_url_is_returned_for_an_invalid_name(client_home: Path) -> None:
    with pytest.raises(InvalidName):
        hf_hub_url("ns/name", "f", repo_type="wrong", endpoint="http://hub")
