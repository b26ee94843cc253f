"""The server is killed at random moments of uploads and commits: acknowledged changes stay, none is partial.

The variable ``KILL_POINTS`` sets how often, by default 12 times: each restart takes seconds.
"""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from entrepot import testing
from entrepot.testing.hubs import RunningHub

KILLS = int(os.environ.get("KILL_POINTS", "12"))
REPO = "tester/target"
CHUNKED = Path(__file__).with_name("chunk_writer.py")


class Writer(threading.Thread):
    """Uploads and commits without pause; records acknowledged changes."""

    def __init__(self, url: str, token: str, number: int) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.acknowledged: dict[str, str] = {}
        self.stopping = threading.Event()
        self._random = random.Random(number)
        self._client = httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=240)
        self._count = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._commit()
            except httpx2.HTTPError:
                time.sleep(0.01)  # the server is restarting

    def _commit(self) -> None:
        self._count += 1
        path = f"writer-{self.number}/file-{self._count}"
        content = self._random.randbytes(self._random.choice((10, 300_000, 3_000_000)))
        sha256 = hashlib.sha256(content).hexdigest()
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": path}}]
        if len(content) < 1_000_000:
            text = base64.b64encode(content).decode()
            lines.append({"key": "file", "value": {"path": path, "content": text, "encoding": "base64"}})
        else:
            self._upload(sha256, content)
            lines.append({"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": sha256}})
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        answer = self._client.post(f"/api/models/{REPO}/commit/main", content=body)
        if answer.status_code == 200:
            self.acknowledged[path] = sha256

    def _upload(self, sha256: str, content: bytes) -> None:
        batch = {
            "operation": "upload",
            "transfers": ["basic"],
            "objects": [{"oid": sha256, "size": len(content)}],
            "hash_algo": "sha256",
        }
        answer = self._client.post(f"/{REPO}.git/info/lfs/objects/batch", json=batch).raise_for_status()
        actions = answer.json()["objects"][0].get("actions")
        if actions:
            httpx2.put(actions["upload"]["href"], content=content, timeout=240).raise_for_status()


def run_through_kills(hub: RunningHub, kills: int, most_s: float) -> None:
    """Let the hub run for random intervals, and kill it after each."""
    chance = random.Random(2026)
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, most_s))
        hub.kill()
        hub.start()


def until(is_so: Callable[[], bool], most_s: float) -> None:
    """Wait for a condition, with a time limit."""
    deadline = time.monotonic() + most_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)


def check_all(hub: RunningHub, acknowledged: dict[str, str]) -> None:
    """Read everything that was acknowledged, and check that nothing is damaged."""
    client = httpx2.Client(base_url=hub.url, headers={"authorization": f"Bearer {hub.token}"}, timeout=240)
    for path, sha256 in acknowledged.items():
        content = client.get(f"/{REPO}/resolve/main/{path}").raise_for_status().content
        assert hashlib.sha256(content).hexdigest() == sha256, path
    command = [sys.executable, "-m", "entrepot", "fsck", "--deep", "--json", "--data", str(hub.data)]
    environ = {**os.environ, "ENTREPOT_DATABASE": hub.settings.database}
    checked = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environ)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there() -> None:
    # No delay: whole files are chunked while the next ones arrive, and both are interrupted.
    with testing.hub(chunk_delay_s=0) as hub:
        client = httpx2.Client(base_url=hub.url, headers={"authorization": f"Bearer {hub.token}"}, timeout=240)
        client.post("/api/repos/create", json={"name": "target"}).raise_for_status()
        writers = [Writer(hub.url, hub.token, number) for number in range(3)]
        for writer in writers:
            writer.start()
        run_through_kills(hub, KILLS, 0.3)
        # Slow machines acknowledge few changes between two kills: a last kill comes once there are enough.
        until(lambda: sum(len(writer.acknowledged) for writer in writers) > KILLS // 5, 90)
        run_through_kills(hub, 1, 0.3)
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(90)
        acknowledged = {path: sha256 for writer in writers for path, sha256 in writer.acknowledged.items()}
        assert len(acknowledged) > KILLS // 5
        check_all(hub, acknowledged)


@pytest.mark.timeout(300)
def test_nothing_that_today_s_client_has_uploaded_in_chunks_is_lost(tmp_path: Path) -> None:
    with testing.hub() as hub:
        client = httpx2.Client(base_url=hub.url, headers={"authorization": f"Bearer {hub.token}"}, timeout=240)
        client.post("/api/repos/create", json={"name": "target"}).raise_for_status()
        environ = dict(os.environ) | hub.environ()
        enough = tmp_path / "enough"
        with (tmp_path / "acknowledged").open("w+") as out:
            words = [sys.executable, str(CHUNKED), REPO, str(enough)]
            with subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL, env=environ, cwd=tmp_path) as process:
                run_through_kills(hub, KILLS // 3, 0.8)
                # The client waits for seconds after a failure: some uploads must also succeed after the last kill.
                until(lambda: len((tmp_path / "acknowledged").read_text().splitlines()) >= 5, 90)
                enough.touch()
                process.wait(120)
            out.seek(0)
            acknowledged = dict(line.split() for line in out)
        assert len(acknowledged) >= 5
        check_all(hub, acknowledged)
