"""Writers of a hub that is killed: each records what the hub has acknowledged, and goes on after every failure.

Each change has two files with one content, so that half a change would show.
"""

from __future__ import annotations

import abc
import base64
import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import httpx2

from entrepot.testing.hubs import RunningHub

REPO, TABLES = "tester/target", "datasets/tester/tables"
HALVES = ("one", "two")
_PAUSE_S, _PACE_S = 0.05, 0.2
_TIMEOUT_S = 30


class Writer(threading.Thread, abc.ABC):
    """Makes changes while ``allowed``, until stopped; ``acknowledged``: path of a change -> SHA-256 of its files."""

    kind = ""
    place = REPO

    def __init__(self, hub: RunningHub, folder: Path, allowed: threading.Event) -> None:
        super().__init__(daemon=True)
        self.hub = hub
        self.allowed = allowed
        self.folder = folder / self.kind
        self.folder.mkdir()
        self.acknowledged: dict[str, str] = {}
        self.failures = 0
        self.stopping = threading.Event()
        self.dice = random.Random(self.kind)
        headers = {"authorization": f"Bearer {hub.token}"}
        self.client = httpx2.Client(base_url=hub.url, headers=headers, timeout=_TIMEOUT_S)

    def run(self) -> None:
        """Make changes until told to stop."""
        number = 0
        while not self.stopping.is_set():
            self.allowed.wait()
            number += 1
            path = f"{self.kind}/{number:05d}"
            try:
                self.acknowledged[path] = self.change(path)
                self.stopping.wait(_PACE_S)  # a small store is checked after more kills in the same time
            except (httpx2.HTTPError, subprocess.SubprocessError, OSError, KeyError, ValueError):
                self.failures += 1
                self.stopping.wait(_PAUSE_S)  # the server is being started again

    @abc.abstractmethod
    def change(self, path: str) -> str:
        """Make one change and return the SHA-256 of its files; raise if it was not acknowledged."""

    def commit(self, place: str, branch: str, lines: list[tuple[str, dict[str, object]]]) -> None:
        """Send a commit and wait for the acknowledgement."""
        api = f"/api/{place}" if place.startswith("datasets/") else f"/api/models/{place}"
        sent = [("header", {"summary": "change"}), *lines]
        body = "\n".join(json.dumps({"key": key, "value": value}) for key, value in sent)
        headers = {"content-type": "application/x-ndjson"}
        self.client.post(f"{api}/commit/{branch}", content=body.encode(), headers=headers).raise_for_status()


class Commits(Writer):
    """Commits regular files."""

    kind = "commits"

    def change(self, path: str) -> str:
        """Make one change."""
        content = self.dice.randbytes(self.dice.choice((10, 5_000, 300_000)))
        text = base64.b64encode(content).decode()
        files = [{"path": f"{path}/{half}", "content": text, "encoding": "base64"} for half in HALVES]
        self.commit(REPO, "main", [("file", dict(file)) for file in files])
        return hashlib.sha256(content).hexdigest()


class LargeFiles(Writer):
    """Uploads large files through LFS and commits them."""

    kind = "lfs"

    def change(self, path: str) -> str:
        """Make one change."""
        content = self.dice.randbytes(self.dice.choice((1_000, 2_000_000)))
        sha256 = hashlib.sha256(content).hexdigest()
        batch = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": len(content)}]}
        answer = self.client.post(f"/{REPO}.git/info/lfs/objects/batch", json=batch).raise_for_status()
        actions = answer.json()["objects"][0].get("actions")
        if actions:
            httpx2.put(actions["upload"]["href"], content=content, timeout=_TIMEOUT_S).raise_for_status()
        files = [{"path": f"{path}/{half}", "algo": "sha256", "oid": sha256} for half in HALVES]
        self.commit(REPO, "main", [("lfsFile", dict(file)) for file in files])
        return sha256


class Chunks(Writer):
    """Uploads large files through Xet, with the current client in processes of its own."""

    kind = "xet"
    script = (
        "import sys; from huggingface_hub import HfApi, CommitOperationAdd as Add; "
        "HfApi().create_commit(sys.argv[1], [Add(f'{sys.argv[3]}/{half}', sys.argv[2]) for half in ('one', 'two')], "
        "commit_message='change')"
    )

    def change(self, path: str) -> str:
        """Make one change."""
        content = self.dice.randbytes(3_000_000)
        file = self.folder / "content.bin"
        file.write_bytes(content)
        environ = dict(os.environ) | self.hub.environ() | {"HF_HOME": str(self.folder / "home")}
        environ.pop("HF_HUB_DISABLE_XET", None)
        command = [sys.executable, "-c", self.script, REPO, str(file), path]
        subprocess.run(command, env=environ, capture_output=True, timeout=60, check=True)
        return hashlib.sha256(content).hexdigest()


class Pushes(Writer):
    """Pushes commits with git."""

    kind = "git"

    def change(self, path: str) -> str:
        """Make one change."""
        work = self.folder / "work"
        if not (work / ".git").exists():
            self._git(self.folder, "clone", "-q", f"{self.hub.url}/{REPO}", "work")
        content = self.dice.randbytes(20_000)
        # Commits of pushes that failed stay: the next push sends them too, and they count only then.
        for half in HALVES:
            (work / path).mkdir(parents=True, exist_ok=True)
            (work / path / half).write_bytes(content)
        self._git(work, "add", "-A")
        self._git(work, "commit", "-q", "-m", path)
        self._git(work, "push", "-q", "origin", "HEAD:refs/heads/pushed")
        return hashlib.sha256(content).hexdigest()

    def _git(self, folder: Path, *arguments: str) -> None:
        helper = "credential.helper=!f() { echo username=tester; echo password=$SECRET; }; f"
        command = ["git", "-c", "credential.helper=", "-c", helper, "-c", "user.name=t", "-c", "user.email=t@t.example"]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "SECRET": self.hub.token}
        environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_LFS_SKIP_SMUDGE": "1"}
        subprocess.run([*command, *arguments], cwd=folder, env=environ, capture_output=True, timeout=60, check=True)


class Tables(Writer):
    """Commits tables to a dataset, which jobs convert to Parquet, and reads their rows."""

    kind = "tables"
    place = TABLES

    def change(self, path: str) -> str:
        """Make one change."""
        rows = "".join(f"{number},{self.dice.random()}\n" for number in range(2_000))
        content = f"n,x\n{rows}"
        files = [{"path": f"{path}/{half}", "content": content} for half in HALVES]
        self.commit(TABLES, "main", [("file", dict(file)) for file in files])
        with contextlib.suppress(httpx2.HTTPError):
            query = {"dataset": "tester/tables", "config": "default", "split": "train"}
            self.client.get("/-/viewer/rows", params=query)
            self.client.get("/api/datasets/tester/tables/parquet")
        return hashlib.sha256(content.encode()).hexdigest()


class Passing(Writer):
    """Makes repositories and branches with contents and deletes them again, so that the sweeper has work."""

    kind = "passing"

    def change(self, path: str) -> str:
        """Make one change."""
        branch, name = f"passing-{path[-5:]}", f"brief-{path[-5:]}"
        text = base64.b64encode(self.dice.randbytes(400_000)).decode()
        line: tuple[str, dict[str, object]] = ("file", {"path": "passing", "content": text, "encoding": "base64"})
        self.client.post(f"/api/models/{REPO}/branch/{branch}", json={}).raise_for_status()
        self.commit(REPO, branch, [line])
        self.client.delete(f"/api/models/{REPO}/branch/{branch}").raise_for_status()
        self.client.post("/api/repos/create", json={"name": name}).raise_for_status()
        self.commit(f"tester/{name}", "main", [line])
        self.client.request("DELETE", "/api/repos/delete", json={"name": name}).raise_for_status()
        return ""


class Sweeper(threading.Thread):
    """Runs ``entrepot gc`` again and again on the hub that the environment names.

    Each run may be killed together with the server.
    """

    def __init__(self, allowed: threading.Event) -> None:
        super().__init__(daemon=True)
        self.allowed = allowed
        self.stopping = threading.Event()
        self.runs = self.killed = 0
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Sweep until told to stop."""
        command = [sys.executable, "-m", "entrepot", "admin", "gc", "--grace", "1s"]
        while not self.stopping.is_set():
            self.allowed.wait()
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.runs += 1
            self.killed += self._process.wait() < 0
            self.stopping.wait(0.5)

    def kill(self) -> None:
        """Kill the present run (SIGKILL)."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


WRITERS: tuple[type[Writer], ...] = (Commits, LargeFiles, Chunks, Pushes, Tables, Passing)
