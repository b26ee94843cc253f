"""Tables that decompress to gigabytes, sent to a real server: its memory stays, and its processes end with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx2
import psutil
import pytest
from huggingface_hub import HfApi

from entrepot import testing
from entrepot.testing.hubs import RunningHub
from tests.support import table_bombs
from tests.support.child_processes import children_called
from tests.support.memory import measured_peak
from tests.support.parquet_files import parquet_of

GROWTH = 200 << 20
"""Of which the answers of the requests, and what the server loads for the first of them, take a part."""

BOMBS = {
    "dictionary.parquet": table_bombs.dictionary_bomb,
    "text.parquet": table_bombs.long_text_bomb,
    "zeros.arrow": table_bombs.zeros_bomb,
    "objects.jsonl": table_bombs.objects_bomb,
}


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    with testing.hub() as running:
        api = HfApi(endpoint=running.url, token=running.token)
        for name, make in BOMBS.items():
            repo = f"tester/{name.partition('.')[0]}"
            api.create_repo(repo, repo_type="dataset")
            api.upload_file(path_or_fileobj=make(), path_in_repo=name, repo_id=repo, repo_type="dataset")
        api.create_repo("tester/good", repo_type="dataset")
        data = parquet_of({"a": list(range(5000))})
        api.upload_file(path_or_fileobj=data, path_in_repo="a.parquet", repo_id="tester/good", repo_type="dataset")
        yield running


def client(hub: RunningHub) -> httpx2.Client:
    return httpx2.Client(base_url=hub.url, timeout=240, trust_env=False)


def rows_of(http: httpx2.Client, name: str) -> httpx2.Response:
    query = {"dataset": f"tester/{name}", "config": "default", "split": "train"}
    return http.get("/-/viewer/rows", params=query)


@pytest.mark.timeout(600)
def test_the_memory_of_the_server_stays(hub: RunningHub) -> None:
    with client(hub) as http:
        assert rows_of(http, "good").json()["num_rows_total"] == 5000
        with measured_peak(hub.pid) as peak:
            for name in BOMBS:
                repo = name.partition(".")[0]
                split = f"?dataset=tester/{repo}&config=default&split=train"
                addresses = [f"/-/viewer/{route}{split}" for route in ("rows", "first-rows", "size")]
                addresses.append(f"/datasets/tester/{repo}/blob/main/{name}")
                for address in addresses:
                    assert http.get(address).status_code in (200, 422)
        assert rows_of(http, "good").json()["num_rows_total"] == 5000
    assert peak.grown < GROWTH


@pytest.mark.timeout(300)
def test_requests_that_are_given_up_leave_room_for_others(hub: RunningHub) -> None:
    def give_up() -> None:
        with httpx2.Client(base_url=hub.url, timeout=0.05, trust_env=False) as http:
            try:
                rows_of(http, "zeros")
            except httpx2.TimeoutException:
                return

    threads = [threading.Thread(target=give_up) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with client(hub) as http:
        assert rows_of(http, "good").json()["num_rows_total"] == 5000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_killed", [False, True])
def test_no_process_is_left_when_the_server_ends(hub: RunningHub, is_killed: bool) -> None:
    with client(hub) as http:
        assert rows_of(http, "good").status_code == 200
    children = psutil.Process(hub.pid).children(recursive=True)
    assert children_called("entrepot.hub.tables.sandbox", hub.pid)
    (hub.kill if is_killed else hub.stop)()
    _, alive = psutil.wait_procs(children, timeout=240)
    hub.start()
    assert alive == []
