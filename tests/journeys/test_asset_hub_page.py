"""docs/asset-hub.md: every example of the page runs, and every example of the original document is on it."""

from __future__ import annotations

import os
import pathlib
import re

import pytest

from entrepot import ah
from entrepot.ah import sessions
from entrepot.testing.hubs import RunningHub

PAGE = pathlib.Path(__file__).parents[2] / "docs/asset-hub.md"

DOCUMENTED = """
ah.commit('model/llm/gpt2:v1', msg='add ...', add=['model.pt'])
ah.commit('model/llm/gpt2:v1', msg='add ...', add={'model.pt': 'saved_model/'})
ah.commit('model/llm/gpt2:v1', msg='add ...', add=['./saved_model'])
ah.commit('model/llm/gpt2:v1', msg='add ...', add=['./saved_model/*'])
ah.commit('model/llm/gpt2:v1', msg='add ...', add={'./saved_model': 'path/to/[saved_model]'})
ah.commit('model/llm/gpt2:v1', msg='add ...', add={'./saved_model': 'path/to/renamed_dir'})
ah.commit('dataset/images/cifar10', msg='delete ...', delete=['0.png'])
ah.commit('dataset/images/cifar10', msg='delete ...', delete=['data/'])
folder = ah.create('model/llm')
model = ah.create('model/llm/gpt2', labels=['PyTorch'])
dataset = ah.create('dataset/images/cifar10', description=description)
branch = ah.create('model/llm/gpt2:v1')
tag = ah.create('model/llm/gpt2:20220101', create_tag=True, source='v1')
model = ah.create('/user/t9k-assethub/model/llm/gpt2')
ah.delete('model/llm')
ah.delete('model/llm/gpt2')
ah.delete('dataset/images/cifar10')
ah.delete('model/llm/gpt2:v1')
ah.delete('model/llm/gpt2:20220101')
ah.delete('/user/t9k-assethub/model/llm')
ah.delete('model/llm', force=True)
ah.download('model/llm/gpt2:v1')
ah.download('model/llm/gpt2:v1', objects=['model.pt'], save_dir='./saved_model')
ah.download('model/llm/gpt2:v1', objects=['saved_model/'])
ah.download('dataset/images/cifar10:20220101')
ah.download('dataset/images/cifar10:a41ac4ec')
folder = ah.get('model/llm')
model = ah.get('model/llm/gpt2')
dataset = ah.get('dataset/images/cifar10')
branch = ah.get('model/llm/gpt2:v1')
tag = ah.get('model/llm/gpt2:20220101')
folder = ah.get('/user/t9k-assethub/model/llm')
folders = ah.list('model')
folders = ah.list('shared/model')
folders = ah.list('/public/t9k-assethub/model')
models = ah.list('model/llm')
models = ah.list('/user1/t9k-assethub/model/llm')
objects = ah.list('model/llm/gpt2:v1')
objects = ah.list('dataset/images/cifar10:20220101')
branches = ah.list('model/llm/gpt2', resource='branch')
tags = ah.list('model/llm/gpt2', resource='tag')
commits = ah.list('model/llm/gpt2:v1', resource='commit')
commits = ah.list('dataset/images/cifar10', resource='commit')
ah.merge('model/llm/gpt2:v1')
ah.reset('model/llm/gpt2:main')
ah.update('model/llm', name='generative-language-model')
ah.update('model/llm/gpt2', labels=['JAX'])
"""


@pytest.fixture
def world(entrepot_fresh_hub: RunningHub, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """A hub where ``user`` and ``user1`` have shared folders with ``demo``, and the files of the examples."""
    hub = entrepot_fresh_hub
    demo = hub.user("demo")
    environ = {**hub.environ(demo), "ENTREPOT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path / "user")}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("T9K_CONFIG", raising=False)
    monkeypatch.setattr(sessions, "_STATE", sessions._State())
    for owner in ("user", "user1"):
        with sessions.using(sessions.opened(hub.url, api_key=hub.user(owner).token)):
            ah.create("model/llm")
            ah.create("model/llm/theirs")
            ah.share("model/llm", user="demo", permission="edit")
            ah.create("model/open")
            ah.share("model/open", public=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("model.pt", "saved_model/weights.bin", "saved_model/sub/config.json", "0.png", "data/1.png"):
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(5000))
    return hub


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_every_example_of_the_page_runs(world: RunningHub) -> None:
    space: dict[str, object] = {}
    for block in blocks():
        for line in block.splitlines():
            commit = ah.list("dataset/images/cifar10", resource="commit")[2]["id"] if "a41ac4ec" in line else ""
            exec(compile(line.replace("a41ac4ec", commit[:8]), str(PAGE), "exec"), space)
    assert [row["name"] for row in space["models"]] == ["theirs"]  # type: ignore[attr-defined]
    assert {row["path"].split("/")[1] for row in space["folders"]} == {"user", "user1"}  # type: ignore[attr-defined]
    changes = {(row["op"], row["path"]) for row in space["changes"]}  # type: ignore[attr-defined]
    assert changes == {("add", "model.pt"), ("delete", "path/")}
    assert {row["permission"] for row in space["grants"]} == {"edit", "view"}  # type: ignore[attr-defined]
    assert [row["id"] for row in space["branches"]] == ["main", "v1"]  # type: ignore[attr-defined]
    assert [row["message"] for row in space["commits"]][:2] == ["delete ...", "delete ..."]  # type: ignore[attr-defined]
    assert pathlib.Path("saved_model/model.pt").read_bytes() == pathlib.Path("model.pt").read_bytes()


def test_every_documented_example_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    calls = [re.sub(r"^\w+ = ", "", line).replace("'", '"') for line in DOCUMENTED.strip().splitlines()]
    assert [call for call in calls if call not in text] == []
