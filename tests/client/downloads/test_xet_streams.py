from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest
from huggingface_hub import HfApi

from entrepot.client.downloads import xet_streams
from entrepot.client.downloads.downloads import facts_of
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.downloads.xet_streams import FROM_BYTES, ChunksUnavailable, is_wanted, pieces
from entrepot.client.hubs import Hub
from entrepot.client.progress import Silent
from tests.support.library import Library

HASH = "a" * 64


@pytest.fixture
def chunked(library: Library) -> tuple[WantedFile, bytes]:
    """A file that was uploaded in chunks."""
    data = random.Random(5).randbytes(600_000)
    ref = library.repo()
    api = HfApi(endpoint=library.running.url, token=library.running.token)
    api.upload_file(path_or_fileobj=data, path_in_repo="m.bin", repo_id=str(ref.id))
    facts = facts_of(library.hub, ref, "m.bin", "main")
    assert facts.commit is not None
    assert facts.etag is not None
    assert facts.xet_hash is not None
    return WantedFile(ref, facts.commit, "m.bin", facts.etag, facts.size, facts.xet_hash), data


@pytest.mark.parametrize("start", [0, 1, 123_456, 599_999])
def test_the_bytes_are_in_order_from_any_offset(
    library: Library, chunked: tuple[WantedFile, bytes], start: int
) -> None:
    wanted, data = chunked
    assert wanted.xet_hash is not None
    found = pieces(library.hub, wanted.ref, wanted.commit, wanted.xet_hash, len(data), start)
    assert b"".join(found) == data[start:]


def test_missing_content_of_the_store_is_unavailable(library: Library, chunked: tuple[WantedFile, bytes]) -> None:
    wanted, _ = chunked
    with pytest.raises(ChunksUnavailable):
        list(pieces(library.hub, wanted.ref, wanted.commit, HASH, 10, 0))


@pytest.mark.parametrize("xet_hash", [None, HASH])
def test_a_download_falls_back_to_plain_http(
    library: Library,
    chunked: tuple[WantedFile, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    xet_hash: str | None,
) -> None:
    monkeypatch.setattr(xet_streams, "FROM_BYTES", 1)
    wanted, data = chunked
    wanted = attrs.evolve(wanted, xet_hash=xet_hash or wanted.xet_hash)
    (tmp_path / "draft").write_bytes(data[:1000])
    fetch(library.hub, wanted, tmp_path / "draft", Silent().begin("", None))
    assert (tmp_path / "draft").read_bytes() == data


def test_chunks_are_for_very_large_files_only(library: Library) -> None:
    hub = library.hub
    assert is_wanted(hub, FROM_BYTES, HASH)
    assert not is_wanted(hub, FROM_BYTES - 1, HASH)
    assert not is_wanted(hub, None, HASH)
    assert not is_wanted(hub, FROM_BYTES, None)
    assert not is_wanted(Hub(attrs.evolve(hub.paths, disable_xet=True), token=False), FROM_BYTES, HASH)
