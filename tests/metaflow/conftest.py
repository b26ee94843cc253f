"""A task without Metaflow around it: a hub, repositories, a session, and the requests that are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest

import entrepot
from entrepot.metaflow.decorators import RunningStep, StepContext, begin, open_step
from entrepot.metaflow.sessions import TaskFacts
from entrepot.testing.hubs import RunningHub

FILES = {"config.json": b"{}", "tokenizer.json": b"[1]", "weights/model.bin": bytes(range(256)) * 500}


@attrs.define
class Task:
    """A task of a flow, whose variables name a hub; ``asked`` are the paths of all requests."""

    hub: RunningHub
    folder: Path
    asked: list[str]
    steps: list[RunningStep] = attrs.field(factory=list)

    @property
    def api(self) -> entrepot.HubApi:
        return entrepot.HubApi(self.hub.url, self.hub.token)

    def create(self, name: str, files: dict[str, bytes] | None = None, **how: Any) -> str:
        """Create a repository with files, and return the commit."""
        repo_id = self.api.create_repo(name, exist_ok=True, **how).repo_id
        return self.write(repo_id, FILES if files is None else files, how.get("repo_type"))

    def write(self, repo_id: str, files: dict[str, bytes], repo_type: str | None = None) -> str:
        adds = [entrepot.CommitOperationAdd(path, data) for path, data in files.items()]
        oid = self.api.create_commit(repo_id, adds, commit_message="files", repo_type=repo_type).oid
        self.asked.clear()
        return oid

    def start(self, name: str = "hub", *, flow: object = None, inputs: Any = (), task: str = "1", **given: Any) -> Any:
        """Begin a step with a decorator, and return the object in ``current``."""
        facts = TaskFacts("Train", "17", "start", task, 0, "alice", None)
        running = open_step(name, given, StepContext(facts, flow, None, None, inputs))
        self.steps.append(running)
        return begin(running, name, given)

    def contents(self, folder: str | Path) -> dict[str, bytes]:
        root = Path(folder)
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def task(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in entrepot_hub.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []
    send = httpx2.Client.send

    def noted(client: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
        asked.append(request.url.path)
        return send(client, request, **options)

    monkeypatch.setattr(httpx2.Client, "send", noted)
    made = Task(entrepot_hub, tmp_path, asked)
    yield made
    for step in made.steps:
        step.finish(is_ok=True)
