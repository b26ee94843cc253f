"""Stock Xet clients read chunks from the bucket itself if their network is named; others from the hub."""

from __future__ import annotations

import itertools
import os
import pathlib
import random
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx2
import pytest
from huggingface_hub import HfApi

from entrepot import testing
from entrepot.testing.hubs import RunningHub
from tests.support.relay import Relay
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.timeout(300)
NUMBERS = itertools.count()
LARGE = random.Random("large").randbytes(6 << 20)
_DOWNLOAD = """
import sys
from huggingface_hub import hf_hub_download
print(hf_hub_download(sys.argv[2], "model.bin", cache_dir=sys.argv[1]))
"""

_PUBLISH = """
import sys
from huggingface_hub import HfApi
api = HfApi()
for repo, private in (("tester/hidden", True), ("tester/shown", False)):
    api.create_repo(repo, private=private)
api.upload_folder(folder_path=sys.argv[1], repo_id="tester/hidden")
api.upload_file(path_or_fileobj=f"{sys.argv[1]}/model.bin", path_in_repo="model.bin", repo_id="tester/shown")
"""


@pytest.fixture
def relay(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    found = Relay(s3_server.url)
    yield found
    found.close()


@pytest.fixture
def running(relay: Relay) -> Iterator[Callable[[str], RunningHub]]:
    """Return a function that runs a hub whose direct networks are given."""
    opened = []

    def run(networks: str) -> RunningHub:
        store = f"s3://shared/direct{os.getpid()}x{next(NUMBERS)}?endpoint={relay.url}"
        context = testing.hub(store=store, direct_networks=[networks], block_cache_bytes=0)
        hub = context.__enter__()
        opened.append(context)
        HfApi(endpoint=hub.url, token=hub.token).create_repo("tester/m", private=True)
        HfApi(endpoint=hub.url, token=hub.token).upload_file(
            path_or_fileobj=LARGE, path_in_repo="model.bin", repo_id="tester/m"
        )
        relay.forget()
        return hub

    yield run
    for context in opened:
        context.__exit__(None, None, None)


def download(hub: RunningHub, folder: pathlib.Path, repo: str = "tester/m", **variables: str) -> bytes:
    environ = {**os.environ, **hub.environ(), "HF_XET_CACHE": str(folder / "xet"), **variables}
    command = [sys.executable, "-c", _DOWNLOAD, str(folder), repo]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.strip()).read_bytes()


def test_a_client_in_a_named_network_reads_chunks_from_the_bucket(
    running: Callable[[str], RunningHub], relay: Relay, tmp_path: pathlib.Path
) -> None:
    hub = running("127.0.0.0/8")
    assert download(hub, tmp_path) == LARGE
    assert relay.count("GET", "/xorbs/") > 0
    assert "/_xet/xorbs/" not in hub.log()
    with httpx2.Client(headers={"authorization": f"Bearer {hub.token}"}, trust_env=False) as client:
        assert client.get(f"{hub.url}/tester/m/resolve/main/model.bin").content == LARGE
    refused = [
        httpx2.get(f"{hub.url}/api/models/tester/{name}/xet-read-token/main", trust_env=False)
        for name in ("m", "absent")
    ]
    assert [answer.status_code for answer in refused] == [401, 401]  # private or absent: no token, so no URL
    assert "X-Amz-Signature" not in hub.log()


def test_a_client_elsewhere_gets_everything_from_the_hub(
    running: Callable[[str], RunningHub], tmp_path: pathlib.Path
) -> None:
    hub = running("192.0.2.0/24")
    assert download(hub, tmp_path) == LARGE
    assert "/_xet/xorbs/" in hub.log()


def test_a_file_beside_private_ones_comes_from_the_hub(
    running: Callable[[str], RunningHub], relay: Relay, tmp_path: pathlib.Path
) -> None:
    """The name and the size of the object in the bucket derive from private chunks too."""
    hub = running("127.0.0.0/8")
    folder = tmp_path / "both"
    folder.mkdir()
    dice = random.Random("both")
    for name in ("hidden.bin", "model.bin"):
        (folder / name).write_bytes(dice.randbytes(3 << 20))
    environ = {**os.environ, **hub.environ(), "HF_XET_CACHE": str(tmp_path / "owner")}
    command = [sys.executable, "-c", _PUBLISH, str(folder)]
    subprocess.run(command, env=environ, check=True, timeout=240)
    relay.forget()
    bob = hub.user("bob").token
    assert download(hub, tmp_path, "tester/shown", HF_TOKEN=bob) == (folder / "model.bin").read_bytes()
    assert "/_xet/xorbs/" in hub.log()
