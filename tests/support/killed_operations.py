"""Operations that are killed at moments of their own duration; each knows what it must leave behind.

Every turn has repositories or folders of its own. :meth:`Operation.act` returns when the operation is acknowledged;
a client that got no answer does it again. :meth:`Operation.state` raises :exc:`Halfway` for anything but the state
before it and the state after it.
"""

from __future__ import annotations

import abc
import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import httpx2
import msgspec

from entrepot.testing.hubs import RunningHub
from entrepot.wire.repos.commits import CommitResponse
from tests.support import warm_commands
from tests.support.work import seconds_taken

_TIMEOUT_S, _COMMAND_S = 100, 600
_NAME = "tester"


class Halfway(Exception):
    """An operation has left something that is neither the state before it nor the state after it."""


@attrs.frozen
class Stage:
    """What the operations work on.

    ``places``: returns the settings of new, empty stores of the kind of the hub; none for folders.
    """

    hub: RunningHub
    folder: Path
    environ: Mapping[str, str]
    places: Callable[[], Mapping[str, str]]

    def client(self) -> httpx2.Client:
        """Return a client of the user ``tester``."""
        headers = {"authorization": f"Bearer {self.hub.token}"}
        return httpx2.Client(base_url=self.hub.url, headers=headers, timeout=_TIMEOUT_S, trust_env=False, verify=False)


class Operation(abc.ABC):
    """One kind of operation; a new turn begins with :meth:`prepare`."""

    name: ClassVar[str]
    is_repeatable: ClassVar[bool] = True
    """Whether it may be done again after it was acknowledged, or after it has taken effect without an answer."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.dice = random.Random(self.name)
        self.turn = 0
        self.pid: int | None = None
        """The process of a command of an operator, which is killed with the server; those of clients are not."""

    def begin(self) -> None:
        """Prepare the next turn."""
        self.turn += 1
        self.prepare()

    @abc.abstractmethod
    def prepare(self) -> None:
        """Make what the operation needs."""

    @abc.abstractmethod
    def act(self) -> None:
        """Do it, and return when it is acknowledged."""

    @abc.abstractmethod
    def state(self) -> bool:
        """Return whether the operation has taken effect, after comparing every byte.

        Raises:
            Halfway: it has, in part.
        """

    @property
    def repo(self) -> str:
        """The repository of this turn."""
        return f"{self.name.replace(' ', '-')}-{self.turn}"

    def create(self, name: str | None = None, **more: object) -> None:
        """Create a repository."""
        with self.stage.client() as client:
            client.post("/api/repos/create", json={"name": name or self.repo, **more}).raise_for_status()

    def commit(
        self, files: Mapping[str, bytes], repo: str | None = None, query: str = "", summary: str = "s"
    ) -> CommitResponse:
        """Commit regular files."""
        lines: list[dict[str, object]] = [{"key": "header", "value": {"summary": summary}}]
        for path, data in files.items():
            value = {"path": path, "content": base64.b64encode(data).decode(), "encoding": "base64"}
            lines.append({"key": "file", "value": value})
        return self.send_commit(lines, repo or f"models/{_NAME}/{self.repo}", query)

    def send_commit(self, lines: Sequence[Mapping[str, object]], repo: str, query: str = "") -> CommitResponse:
        """Send the lines of a commit and return the answer."""
        body, headers = "\n".join(map(json.dumps, lines)), {"content-type": "application/x-ndjson"}
        with self.stage.client() as client:
            answer = client.post(f"/api/{repo}/commit/main{query}", content=body, headers=headers)
            return msgspec.json.decode(answer.raise_for_status().content, type=CommitResponse)

    def contents(self, repo: str | None = None, revision: str = "main") -> dict[str, bytes]:
        """Return all files of a revision that a test has added, read through plain downloads."""
        repo = repo or f"{_NAME}/{self.repo}"
        found: dict[str, bytes] = {}
        with self.stage.client() as client:
            url: str | None = f"/api/models/{repo}/tree/{revision}?recursive=true"
            while url is not None:
                answer = client.get(url).raise_for_status()
                for item in answer.json():
                    if item["type"] == "file" and not item["path"].startswith("."):
                        read = client.get(f"/{repo}/resolve/{revision}/{item['path']}").raise_for_status()
                        found[item["path"]] = read.content
                url = answer.links.get("next", {}).get("url")
        return found

    def one_of(self, found: object, before: object, after: object) -> bool:
        """Return whether what was found is the state after the operation.

        Raises:
            Halfway: it is neither that nor the state before.
        """
        if found != after and found != before:
            raise Halfway(f"{self.name}, turn {self.turn}: {str(found)[:500]}")
        return bool(found == after)

    def files(self, count: int, size: int) -> dict[str, bytes]:
        """Return new contents."""
        return {f"files/{number:04d}": self.dice.randbytes(size) for number in range(count)}

    def time(self) -> float:
        """Do it undisturbed, and return how many seconds that took."""
        return seconds_taken(self.act)

    def run(self, *words: str, function: str = "entrepot.cli.main:run", **environ: str) -> str:
        """Run a command of an operator, which is killed with the server; return what it prints.

        Raises:
            subprocess.CalledProcessError: it failed, or was killed.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")}
        command = warm_commands.Command(function, words, {**clean, **self.stage.environ, **environ})
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            process = warm_commands.start(command, stdout=out, stderr=errors)
            self.pid = process.pid
            try:
                code = process.wait(_COMMAND_S)
            finally:
                self.pid = None
            out.seek(0)
            errors.seek(0)
            if code != 0:
                raise subprocess.CalledProcessError(code, words, None, errors.read())
            return out.read()

    def kill(self) -> None:
        """Kill the command of an operator, if one runs."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Commit(Operation):
    """A commit of files over HTTP."""

    name = "commit over HTTP"

    def prepare(self) -> None:
        """Choose the files; large requests have more moments."""
        self.create()
        self.sent = self.files(60, 40_000)

    def act(self) -> None:
        """Commit them."""
        self.commit(self.sent)

    def state(self) -> bool:
        """Compare them."""
        return self.one_of(self.contents(), {}, self.sent)


class LargeFile(Operation):
    """An upload through LFS in one piece, and its commit."""

    name = "LFS upload"
    size = 24_000_000
    transfers: ClassVar[list[str]] = ["basic"]

    def prepare(self) -> None:
        """Choose the content."""
        self.create()
        self.data = self.dice.randbytes(self.size)
        self.oid = hashlib.sha256(self.data).hexdigest()

    def act(self) -> None:
        """Send what the hub asks for, then commit."""
        path = f"{_NAME}/{self.repo}"
        asked = {"operation": "upload", "transfers": self.transfers, "objects": [self._object()]}
        with self.stage.client() as client, httpx2.Client(timeout=_TIMEOUT_S, trust_env=False, verify=False) as sender:
            answer = client.post(f"/{path}.git/info/lfs/objects/batch", json=asked).raise_for_status().json()
            if "actions" in answer["objects"][0]:
                self.send(client, sender, answer["objects"][0]["actions"]["upload"])
        file = {"path": "large.bin", "algo": "sha256", **self._object()}
        self.send_commit(
            [{"key": "header", "value": {"summary": "s"}}, {"key": "lfsFile", "value": file}], f"models/{path}"
        )

    def send(self, _client: httpx2.Client, sender: httpx2.Client, upload: Mapping[str, Any]) -> None:
        """Send the content."""
        sender.put(upload["href"], content=self.data).raise_for_status()

    def state(self) -> bool:
        """Compare the content."""
        return self.one_of(self.contents(), {}, {"large.bin": self.data})

    def _object(self) -> dict[str, object]:
        return {"oid": self.oid, "size": self.size}


class PartsOfLargeFile(LargeFile):
    """An upload through LFS in parts."""

    name = "LFS upload in parts"
    transfers: ClassVar[list[str]] = ["multipart"]

    def send(self, client: httpx2.Client, sender: httpx2.Client, upload: Mapping[str, Any]) -> None:
        """Send the parts, then join them."""
        size = int(upload["header"]["chunk_size"])
        urls = [url for number, url in sorted(upload["header"].items()) if number.isdigit()]
        parts = []
        for number, url in enumerate(urls):
            answer = sender.put(url, content=self.data[number * size : (number + 1) * size]).raise_for_status()
            parts.append({"partNumber": number + 1, "etag": answer.headers["etag"]})
        client.post(upload["href"], json={"oid": self.oid, "parts": parts}).raise_for_status()


class Chunks(Operation):
    """An upload through Xet with the current client, in a process of its own."""

    name = "Xet upload"
    _SCRIPT = (
        "import sys; from huggingface_hub import HfApi; "
        "HfApi().upload_file(path_or_fileobj=sys.argv[1], path_in_repo='large.bin', repo_id=sys.argv[2])"
    )

    def prepare(self) -> None:
        """Choose the content."""
        self.create()
        self.data = self.dice.randbytes(12_000_000)
        self.file = self.stage.folder / f"xet-{self.turn}.bin"
        self.file.write_bytes(self.data)

    def act(self) -> None:
        """Upload the file."""
        environ = {**os.environ, **self.stage.hub.environ(), "HF_HOME": str(self.stage.folder / "hf")}
        environ.pop("HF_HUB_DISABLE_XET", None)
        command = [sys.executable, "-c", self._SCRIPT, str(self.file), f"{_NAME}/{self.repo}"]
        subprocess.run(command, env=environ, capture_output=True, timeout=_TIMEOUT_S, check=True)

    def state(self) -> bool:
        """Compare the content."""
        return self.one_of(self.contents(), {}, {"large.bin": self.data})


class Push(Operation):
    """A push of two branches and a tag."""

    name = "git push"

    def prepare(self) -> None:
        """Commit in a clone."""
        self.create()
        self.sent = self.files(150, 10_000)
        self.work = self.stage.folder / f"push-{self.turn}"
        self.git(self.stage.folder, "clone", "-q", f"{self.stage.hub.url}/{_NAME}/{self.repo}", self.work.name)
        for path, data in self.sent.items():
            file = self.work / path
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
        self.git(self.work, "add", "-A")
        self.git(self.work, "commit", "-q", "-m", "files")
        self.git(self.work, "branch", "other")
        self.git(self.work, "tag", "v1")

    def act(self) -> None:
        """Push all of them at once."""
        self.git(self.work, "push", "-q", "--atomic", "origin", "HEAD:main", "other", "v1")

    def state(self) -> bool:
        """Look for the refs, and compare the files."""
        with self.stage.client() as client:
            refs = client.get(f"/api/models/{_NAME}/{self.repo}/refs").raise_for_status().json()
        names = {ref["name"] for ref in (*refs["branches"], *refs["tags"])}
        return self.one_of((names, self.contents()), ({"main"}, {}), ({"main", "other", "v1"}, self.sent))

    def git(self, folder: Path, *arguments: str) -> None:
        """Run git with the token of the user."""
        helper = "credential.helper=!f() { echo username=tester; echo password=$SECRET; }; f"
        command = ["git", "-c", "credential.helper=", "-c", helper, "-c", "user.name=t", "-c", "user.email=t@t.example"]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.stage.folder), "SECRET": self.stage.hub.token}
        environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_LFS_SKIP_SMUDGE": "1"}
        subprocess.run(
            [*command, *arguments], cwd=folder, env=environ, capture_output=True, timeout=_TIMEOUT_S, check=True
        )


class Merge(Operation):
    """The merge of a pull request."""

    name = "merge of a pull request"
    is_repeatable = False
    squash = False

    def prepare(self) -> None:
        """Open a pull request beside a commit to its base."""
        self.create()
        self.proposed, self.base = self.files(40, 2_000), {"base": b"1"}
        made = self.commit(self.proposed, query="?create_pr=1")
        assert made.pull_request_url is not None
        self.number = int(made.pull_request_url.rpartition("/")[2])
        self.commit(self.base)

    @property
    def _url(self) -> str:
        return f"/api/models/{_NAME}/{self.repo}/discussions/{self.number}"

    def act(self) -> None:
        """Merge it."""
        with self.stage.client() as client:
            client.post(f"{self._url}/merge", json={"squash": self.squash}).raise_for_status()

    def state(self) -> bool:
        """Compare the files with the state of the pull request."""
        with self.stage.client() as client:
            status = client.get(self._url).raise_for_status().json()["status"]
        found = (status, self.contents())
        return self.one_of(found, ("open", self.base), ("merged", {**self.base, **self.proposed}))


class SquashMerge(Merge):
    """The merge of a pull request as one commit."""

    name = "squash of a pull request"
    squash = True


class SuperSquash(Operation):
    """The replacement of a history by one commit."""

    name = "super-squash"

    def prepare(self) -> None:
        """Make a history."""
        self.create()
        self.sent = self.files(12, 2_000)
        for path, data in self.sent.items():
            self.commit({path: data}, summary=path)

    def act(self) -> None:
        """Squash it."""
        with self.stage.client() as client:
            url = f"/api/models/{_NAME}/{self.repo}/super-squash/main"
            client.post(url, json={"message": "all"}).raise_for_status()

    def state(self) -> bool:
        """Compare the titles, and the files, which stay."""
        with self.stage.client() as client:
            rows = client.get(f"/api/models/{_NAME}/{self.repo}/commits/main?limit=100").raise_for_status().json()
        titles = [row["title"] for row in rows if row["title"] != "initial commit"]
        before = sorted(self.sent, reverse=True)
        return self.one_of((titles, self.contents()), (before, self.sent), (["all"], self.sent))


class Rename(Operation):
    """A repository that gets another name."""

    name = "rename of a repository"
    is_repeatable = False
    owner = _NAME

    def prepare(self) -> None:
        """Make a repository with files."""
        self.create()
        self.sent = self.files(30, 2_000)
        self.commit(self.sent)

    @property
    def target(self) -> str:
        """The new name."""
        return f"{self.owner}/{self.repo}-moved"

    def act(self) -> None:
        """Move it."""
        with self.stage.client() as client:
            moved = {"fromRepo": f"{_NAME}/{self.repo}", "toRepo": self.target, "type": "model"}
            client.post("/api/repos/move", json=moved).raise_for_status()

    def state(self) -> bool:
        """Look which name the repository has; the old one leads to it."""
        with self.stage.client() as client:
            old = client.get(f"/api/models/{_NAME}/{self.repo}", follow_redirects=True).raise_for_status().json()["id"]
            new = client.get(f"/api/models/{self.target}").status_code
        found = (old, new, self.contents(old))
        return self.one_of(found, (f"{_NAME}/{self.repo}", 404, self.sent), (self.target, 200, self.sent))


class Transfer(Rename):
    """A repository that gets another owner."""

    name = "transfer of a repository"

    def prepare(self) -> None:
        """Make an organisation too."""
        self.owner = self.stage.hub.org("receivers")
        super().prepare()


class Deletion(Operation):
    """A repository that is deleted."""

    name = "deletion of a repository"
    is_repeatable = False

    def prepare(self) -> None:
        """Make a repository with files and a large history."""
        self.create()
        self.sent = self.files(30, 2_000)
        self.commit(self.sent)

    def act(self) -> None:
        """Delete it."""
        with self.stage.client() as client:
            client.request("DELETE", "/api/repos/delete", json={"name": self.repo}).raise_for_status()

    def state(self) -> bool:
        """Look whether it is whole or absent."""
        with self.stage.client() as client:
            if client.get(f"/api/models/{_NAME}/{self.repo}").status_code == 404:
                return True
        return self.one_of(self.contents(), self.sent, None)


class Conversion(Operation):
    """A dataset that jobs convert to Parquet."""

    name = "conversion of a dataset"
    rows = 3_000

    def prepare(self) -> None:
        """Make a dataset."""
        self.create(type="dataset")
        lines = (f"{number},{self.dice.random()}\n" for number in range(self.rows))
        self.table = ("n,x\n" + "".join(lines)).encode()

    def act(self) -> None:
        """Commit the table, and wait for its conversion."""
        self.commit({"train.csv": self.table}, repo=f"datasets/{_NAME}/{self.repo}")
        with self.stage.client() as client:
            until = time.monotonic() + _TIMEOUT_S
            while self._converted(client) is None:
                if time.monotonic() > until:
                    raise Halfway(f"{self.name}, turn {self.turn}: no job converts it")
                time.sleep(0.1)

    def _converted(self, client: httpx2.Client) -> int | None:
        """Return how many rows there are; None while there are none yet."""
        query = {"dataset": f"{_NAME}/{self.repo}", "config": "default", "split": "train"}
        answer = client.get("/-/viewer/rows", params=query)
        return int(answer.json()["num_rows_total"]) if answer.status_code == 200 else None

    def state(self) -> bool:
        """Compare the table, and how many rows were converted."""
        path = f"datasets/{_NAME}/{self.repo}"
        with self.stage.client() as client:
            answer = client.get(f"/{path}/resolve/main/train.csv")
            if answer.status_code == 404:
                return False
            return self.one_of((answer.content, self._converted(client)), (self.table, None), (self.table, self.rows))
