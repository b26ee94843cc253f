from __future__ import annotations

import asyncio
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from entrepot.server.worker_metrics import WorkerGroup, answering, ask_others, join_group

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    yield
    join_group(None)


def test_a_worker_hears_from_the_others_and_leaves_out_who_is_gone(tmp_path: pathlib.Path) -> None:
    async def main() -> list[bytes]:
        join_group(WorkerGroup(tmp_path, 1, 3))
        async with answering(lambda: b"of one" * 100_000):
            join_group(WorkerGroup(tmp_path, 0, 3))
            return await ask_others()

    assert asyncio.run(main()) == [b"of one" * 100_000]


def test_a_worker_that_takes_the_place_of_another_one_is_heard(tmp_path: pathlib.Path) -> None:
    async def main() -> list[bytes]:
        join_group(WorkerGroup(tmp_path, 1, 2))
        (tmp_path / "1.sock").touch()
        async with answering(lambda: b"fresh"):
            join_group(WorkerGroup(tmp_path, 0, 2))
            return await ask_others()

    assert asyncio.run(main()) == [b"fresh"]


def test_a_group_without_a_folder_counts_alone(tmp_path: pathlib.Path) -> None:
    async def main() -> list[bytes]:
        join_group(WorkerGroup(tmp_path / "gone", 0, 2))
        async with answering(lambda: b""):
            return await ask_others()

    assert asyncio.run(main()) == []


def test_one_process_asks_no_one() -> None:
    async def main() -> list[bytes]:
        async with answering(lambda: b""):
            return await ask_others()

    assert asyncio.run(main()) == []


def test_a_scrape_of_a_real_hub_shows_the_sum_of_its_workers(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "entrepot", "serve", "--data", str(tmp_path), "--port", "0", "--workers", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = next(line.split()[-1] for line in process.stdout if line.startswith("entrepot listening on"))
            for _ in range(30):  # each on its own connection, to reach every worker
                assert httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
            for _ in range(3):
                text = httpx2.get(f"{url}/metrics", trust_env=False).text
                assert re.search(r'^entrepot_requests_total{.*route="/healthz".*} 30.0$', text, re.MULTILINE)
        finally:
            process.terminate()
            process.wait(60)
