"""The client is killed at random moments of a download; run again, it resumes, and the result is the same."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

from entrepot.testing.hubs import RunningHub

KILLS = 8
SMALL = {f"d{n % 10}/f{n}.txt": b"%d " % n * (n % 50) for n in range(600)}
DOWNLOAD = "import sys, entrepot; print(entrepot.snapshot_download(sys.argv[1]))"
SENT = re.compile(r"request method=(?:GET|POST) path=(\S*/(?:resolve|contents)/\S*) .*? sent=(\d+) ")


def test_a_killed_download_is_continued(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    large = {f"m{n}.bin": random.Random(n).randbytes(24 << 20) for n in range(3)}
    repo = "tester/killed-download"
    api = HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.token)
    api.create_repo(repo)
    operations = [CommitOperationAdd(path, data) for path, data in (SMALL | large).items()]
    api.create_commit(repo, operations, commit_message="all")
    command = [sys.executable, "-c", DOWNLOAD, repo]
    environ = os.environ | entrepot_hub.environ() | {"ENTREPOT_HOME": str(tmp_path)}
    logged = len(entrepot_hub.log())
    chance = random.Random(11)
    killed = 0
    for _ in range(KILLS):
        child = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        grown = arrived(tmp_path)
        deadline = time.monotonic() + 240
        while child.poll() is None and arrived(tmp_path) <= grown and time.monotonic() < deadline:
            time.sleep(0.002)  # until some bytes have arrived
        time.sleep(chance.random() * 0.03)
        child.kill()
        killed += child.wait() < 0
    assert killed >= KILLS // 2, "the machine is too fast for this test: make the files larger"
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop(".gitattributes")
    assert {path: digest(data) for path, data in found.items()} == {p: digest(d) for p, d in (SMALL | large).items()}
    # Every run continued the files that a kill left behind.
    assert list(tmp_path.rglob("*.incomplete")) == []
    # Bytes in transit when a client died were sent and lost; everything else was sent once.
    sent = sum(int(size) for path, size in SENT.findall(entrepot_hub.log()[logged:]) if path.endswith(".bin"))
    assert sent < sum(map(len, large.values())) + killed * len(large) * (6 << 20)


def arrived(folder: Path) -> int:
    """Return the number of bytes downloaded so far."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
