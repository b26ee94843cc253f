"""200 clients of a hub at once: ``python -m benchmarks.crowds [--quick] [--out FILE]``.

Each client does its work several times, all of them at the same time: the current ``huggingface_hub`` uploads (through
Xet, and without it) and downloads, ``git`` clones and pushes, LFS transfers, the dataset viewer with a query, and web
pages. Each compares every byte that it receives with what was stored. The targets are: no answer of the server above
499, no other error, and no wrong byte. How long the requests take is not a target: the clients run on the same machine.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import httpx2
from huggingface_hub import CommitOperationAdd, HfApi

from benchmarks.benches import conduct
from benchmarks.meters import Meter
from benchmarks.results import Figure
from entrepot import testing
from entrepot.testing.hubs import RunningHub

_TURNS, _QUICK_TURNS = 3, 1
_MODEL, _TABLES = "tester/shared", "tester/tables"
_TIMEOUT_S = 300
_MIB = 1 << 20
_STATUS = re.compile(r'^entrepot_requests_total\{.*status="(\d)xx".*\} ([0-9]+)', re.MULTILINE)


@attrs.define
class Crowd:
    """What all clients share: the hub, the stored contents, and what went wrong."""

    hub: RunningHub
    folder: Path
    stored: dict[str, bytes]
    done: Counter[str] = attrs.Factory(Counter)
    wrong: list[str] = attrs.Factory(list)
    errors: list[str] = attrs.Factory(list)
    server_errors: list[str] = attrs.Factory(list)

    def http(self) -> httpx2.Client:
        """Return a client that records answers above 499."""

        def note(answer: httpx2.Response) -> None:
            if answer.status_code > 499:
                self.server_errors.append(f"{answer.status_code} {answer.request.method} {answer.request.url}")

        headers = {"authorization": f"Bearer {self.hub.token}"}
        hooks = {"response": [note]}
        return httpx2.Client(
            base_url=self.hub.url, headers=headers, timeout=_TIMEOUT_S, event_hooks=hooks, follow_redirects=True
        )

    def expect(self, what: str, found: bytes, wanted: bytes) -> None:
        """Record bytes that are not those that were stored."""
        if found != wanted:
            self.wrong.append(what)


Work = Callable[[Crowd, str, random.Random], None]
"""The work of one client: its name, and its source of random numbers."""


def main() -> None:
    """Run the crowd and exit."""
    conduct("crowds", __doc__, ["crowd"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one crowd."""
    with tempfile.TemporaryDirectory(prefix="entrepot-crowd-") as folder, testing.hub() as hub:
        crowd = Crowd(hub, Path(folder), _store(hub))
        clients = [(kind, work, number) for kind, work, count in KINDS for number in range(1 if is_quick else count)]
        turns = _QUICK_TURNS if is_quick else _TURNS
        threads = [threading.Thread(target=_run, args=(crowd, *client, turns)) for client in clients]
        meter = Meter(hub.pid)
        with meter.measure() as cost:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        resident = meter.resident()
        told = httpx2.get(f"{hub.url}/metrics", timeout=_TIMEOUT_S).text
    for text in (*crowd.wrong, *crowd.errors, *crowd.server_errors):
        print(f"  !! {text}")
    statuses = [(int(first), int(count)) for first, count in _STATUS.findall(told)]
    yield Figure(theme, "clients at once", len(clients), "")
    for kind, count in sorted(crowd.done.items()):
        yield Figure(theme, f"turns, {kind}", count, "")
    yield Figure(theme, "wall time", cost.wall_s, "s")
    yield Figure(theme, "peak memory of the server and its processes", cost.peak / _MIB, "MiB")
    yield Figure(theme, "their memory afterwards", resident / _MIB, "MiB")
    yield Figure(theme, "requests", sum(count for _, count in statuses), "", 1, is_floor=True)
    yield Figure(theme, "answers above 499", sum(count for first, count in statuses if first > 4), "", 0)
    yield Figure(theme, "turns that failed", len(crowd.errors), "", 0)
    yield Figure(theme, "wrong contents", len(crowd.wrong), "", 0)


def _run(crowd: Crowd, kind: str, work: Work, number: int, turns: int) -> None:
    dice = random.Random(f"{kind} {number}")
    for turn in range(turns):
        try:
            work(crowd, f"{kind.replace(' ', '-')}-{number}-{turn}", dice)
        except Exception:  # noqa: BLE001 - the benchmark reports whatever happens
            crowd.errors.append(f"{kind} {number}: {traceback.format_exc(limit=3)}")
        else:
            crowd.done[kind] += 1


def _store(hub: RunningHub) -> dict[str, bytes]:
    """Store what is read: files of several sizes, and a table."""
    dice = random.Random(1)
    sizes = {"config.json": 900, "weights.bin": 12_000_000, "small.bin": 20_000}
    stored = {path: dice.randbytes(size) for path, size in sizes.items()}
    stored["README.md"] = b"---\nlicense: mit\n---\n# A model\n\nWords of a card.\n"
    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo(_MODEL)
    api.create_repo(_TABLES, repo_type="dataset")
    operations = [CommitOperationAdd(path, data) for path, data in stored.items()]
    api.create_commit(_MODEL, operations, commit_message="all")
    table = "n,text\n" + "".join(f"{number},row {number}\n" for number in range(5_000))
    api.upload_file(path_or_fileobj=table.encode(), path_in_repo="train.csv", repo_id=_TABLES, repo_type="dataset")
    return stored


def _upload(crowd: Crowd, name: str, dice: random.Random) -> None:
    """Upload a file with the current client and read it back."""
    data = dice.randbytes(dice.choice((3_000, 200_000, 3_000_000)))
    api = HfApi(endpoint=crowd.hub.url, token=crowd.hub.token)
    path = f"{name}.bin"
    api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=_MODEL)
    with crowd.http() as client:
        crowd.expect(path, client.get(f"/{_MODEL}/resolve/main/{path}").content, data)


def _upload_folder(crowd: Crowd, name: str, dice: random.Random) -> None:
    """Upload a folder to a repository of its own with the command of the current client, through Xet."""
    folder = crowd.folder / name
    folder.mkdir()
    files = {f"{number}.bin": dice.randbytes(400_000) for number in range(5)}
    for path, data in files.items():
        (folder / path).write_bytes(data)
    environ = os.environ | crowd.hub.environ() | {"HF_HOME": str(crowd.folder / f"{name}-home")}
    environ.pop("HF_HUB_DISABLE_XET", None)
    command = [str(Path(sys.executable).parent / "hf"), "upload", f"tester/{name}", str(folder), "."]
    subprocess.run(command, env=environ, capture_output=True, timeout=_TIMEOUT_S, check=True)
    with crowd.http() as client:
        for path, data in files.items():
            crowd.expect(path, client.get(f"/tester/{name}/resolve/main/{path}").content, data)
    shutil.rmtree(folder)


def _download(crowd: Crowd, name: str, dice: random.Random) -> None:
    """Download a snapshot with the current client into an empty cache."""
    api = HfApi(endpoint=crowd.hub.url, token=crowd.hub.token)
    folder = crowd.folder / name
    for path in dice.sample(list(crowd.stored), 3):
        found = api.hf_hub_download(_MODEL, path, cache_dir=folder)
        crowd.expect(path, Path(found).read_bytes(), crowd.stored[path])
    shutil.rmtree(folder)


def _clone(crowd: Crowd, name: str, dice: random.Random) -> None:
    """Clone with git, and push a branch with a file."""
    folder = crowd.folder / name
    _git(crowd, crowd.folder, "clone", "-q", "--depth", "1", f"{crowd.hub.url}/{_MODEL}", name)
    crowd.expect("clone", (folder / "README.md").read_bytes(), crowd.stored["README.md"])
    data = dice.randbytes(5_000).hex()
    (folder / f"{name}.txt").write_text(data)
    _git(crowd, folder, "add", "-A")
    _git(crowd, folder, "commit", "-q", "-m", name)
    _git(crowd, folder, "push", "-q", "origin", f"HEAD:refs/heads/{name}")
    with crowd.http() as client:
        crowd.expect(name, client.get(f"/{_MODEL}/resolve/{name}/{name}.txt").content, data.encode())
    shutil.rmtree(folder)


def _git(crowd: Crowd, folder: Path, *arguments: str) -> None:
    helper = "credential.helper=!f() { echo username=tester; echo password=$SECRET; }; f"
    command = ["git", "-c", "credential.helper=", "-c", helper, "-c", "user.name=t", "-c", "user.email=t@t.example"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(crowd.folder), "SECRET": crowd.hub.token}
    environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_LFS_SKIP_SMUDGE": "1"}
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=_TIMEOUT_S
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-500:])


def _transfer(crowd: Crowd, name: str, dice: random.Random) -> None:
    """Upload through LFS, commit, and download through LFS."""
    data = dice.randbytes(1_000_000)
    sha256 = hashlib.sha256(data).hexdigest()
    asked = {"transfers": ["basic"], "objects": [{"oid": sha256, "size": len(data)}]}
    url = f"/{_MODEL}.git/info/lfs/objects/batch"
    with crowd.http() as client, httpx2.Client(timeout=_TIMEOUT_S) as plain:
        batch = client.post(url, json={"operation": "upload", **asked}).raise_for_status().json()
        plain.put(batch["objects"][0]["actions"]["upload"]["href"], content=data).raise_for_status()
        lines = [
            {"key": "header", "value": {"summary": name}},
            {"key": "lfsFile", "value": {"path": f"{name}.big", "algo": "sha256", "oid": sha256}},
        ]
        body = "\n".join(map(json.dumps, lines)).encode()
        headers = {"content-type": "application/x-ndjson"}
        client.post(f"/api/models/{_MODEL}/commit/main", content=body, headers=headers).raise_for_status()
        batch = client.post(url, json={"operation": "download", **asked}).raise_for_status().json()
        crowd.expect(name, plain.get(batch["objects"][0]["actions"]["download"]["href"]).content, data)


def _view(crowd: Crowd, _name: str, dice: random.Random) -> None:
    """Read rows of the viewer, search them, and run a query."""
    first = dice.randrange(4_900)
    place = f"dataset={_TABLES}&config=default&split=train"
    query = {"dataset": _TABLES, "config": "default", "split": "train"}
    with crowd.http() as client:
        rows = client.get(f"/-/viewer/rows?{place}&offset={first}&length=10").raise_for_status().json()["rows"]
        crowd.expect("rows", json.dumps([row["row"]["n"] for row in rows]).encode(), _numbers(first))
        client.get(f"/-/viewer/first-rows?{place}").raise_for_status()
        sql = f"select n from train where n >= {first} order by n limit 10"
        client.post("/-/viewer/sql", json={**query, "sql": sql}).raise_for_status()


def _numbers(first: int) -> bytes:
    return json.dumps(list(range(first, first + 10))).encode()


def _browse(crowd: Crowd, _name: str, dice: random.Random) -> None:
    """Look at pages, and commit a regular file."""
    paths = ["/", "/models", f"/{_MODEL}", f"/{_MODEL}/tree/main", f"/{_MODEL}/commits/main", f"/datasets/{_TABLES}"]
    paths += [f"/{_MODEL}/blob/main/README.md", f"/{_MODEL}/discussions", "/search?q=model", f"/api/models/{_MODEL}"]
    paths += [f"/datasets/{_TABLES}/viewer", "/api/models?search=shared", f"/api/models/{_MODEL}/tree/main?expand=1"]
    with crowd.http() as client:
        for path in dice.sample(paths, 8):
            client.get(path).raise_for_status()
        path = f"notes/{dice.randrange(10)}.txt"
        text = base64.b64encode(dice.randbytes(100)).decode()
        lines = [
            {"key": "header", "value": {"summary": "note"}},
            {"key": "file", "value": {"path": path, "content": text, "encoding": "base64"}},
        ]
        headers = {"content-type": "application/x-ndjson"}
        body = "\n".join(map(json.dumps, lines)).encode()
        client.post(f"/api/models/{_MODEL}/commit/main", content=body, headers=headers).raise_for_status()


KINDS: list[tuple[str, Work, int]] = [
    ("upload", _upload, 40),
    ("hf upload", _upload_folder, 10),
    ("download", _download, 50),
    ("git", _clone, 20),
    ("LFS", _transfer, 20),
    ("viewer", _view, 30),
    ("pages", _browse, 30),
]
"""The kinds of clients, and how many there are of each: 200 together."""


if __name__ == "__main__":
    main()
