from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest

import entrepot
from entrepot.hf.files import download_functions
from entrepot.testing.hubs import RunningHub


def test_the_hub_is_read_from_the_environment(
    entrepot_hub: RunningHub,
    client_home: Path,
    write_repo: Callable[[dict[str, bytes]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repo = write_repo({"f": b"1"})
    monkeypatch.setenv("ENTREPOT_ENDPOINT", entrepot_hub.url)
    path = entrepot.hf_hub_download(repo, "f", library_name="mine", library_version="1.0", resume_download=True)
    assert Path(path).read_bytes() == b"1"
    assert Path(entrepot.snapshot_download(repo)) == Path(path).parent
    assert entrepot.hf_hub_download(repo, "f", dry_run=True).is_cached
    assert [item.is_cached for item in entrepot.snapshot_download(repo, allow_patterns="f", dry_run=True)] == [True]


def test_a_call_can_use_another_hub(
    entrepot_hub: RunningHub, client_home: Path, write_repo: Callable[[dict[str, bytes]], str]
) -> None:
    repo = write_repo({"f": b"1"})
    path = entrepot.hub_download(repo, "f", endpoint=entrepot_hub.url, token=entrepot_hub.token)
    assert Path(path).read_bytes() == b"1"
    folder = entrepot.snapshot_download(repo, endpoint=entrepot_hub.url, token=False)
    assert Path(path).parent == Path(folder)


def test_metadata_is_returned_for_a_url(
    entrepot_hub: RunningHub, client_home: Path, write_repo: Callable[[dict[str, bytes]], str]
) -> None:
    repo = write_repo({"d/f g": b"12345"})
    url = entrepot.hf_hub_url(repo, "f g", subfolder="d", endpoint=entrepot_hub.url)
    facts = entrepot.get_hf_file_metadata(url, token=entrepot_hub.token, timeout=240, endpoint=entrepot_hub.url)
    assert (facts.size, facts.location, facts.xet_file_data) == (5, url, None)
    assert len(facts.commit_hash or "") == 40


@pytest.mark.parametrize("name", ["hf_hub_download", "snapshot_download", "get_hf_file_metadata"])
def test_every_argument_of_the_known_function_is_taken(name: str) -> None:
    known = inspect.signature(getattr(huggingface_hub, name)).parameters
    ours = inspect.signature(getattr(download_functions, name)).parameters
    assert [parameter for parameter in known if parameter not in ours] == []
    older = {"proxies", "resume_download", "local_dir_use_symlinks"} if "download" in name else {"proxies"}
    assert older <= set(ours)


@pytest.mark.parametrize(("value", "is_offline"), [("1", True), ("0", False), ("", False)])
def test_offline_mode_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, is_offline: bool
) -> None:
    monkeypatch.setenv("ENTREPOT_OFFLINE", value)
    assert entrepot.is_offline_mode() is is_offline
