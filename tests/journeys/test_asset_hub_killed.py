"""Two processes commit to one branch, one is killed at any point: no half commit, and nobody's staged work is lost."""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
import sys
import threading

import pytest

from entrepot import ah
from entrepot.ah import sessions
from entrepot.client.calls import contents
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.testing.hubs import RunningHub

ROUNDS = 12
WRITER = pathlib.Path(__file__).with_name("asset_hub_writer.py")


def start(hub: RunningHub, path: str, folder: pathlib.Path) -> subprocess.Popen[str]:
    """Start a writer, and return when it has made its first commit."""
    environ = {**os.environ, **hub.environ(), "ENTREPOT_HOME": str(folder / "home"), "HOME": str(folder)}
    process = subprocess.Popen(
        [sys.executable, str(WRITER), path, str(folder)], stdout=subprocess.PIPE, text=True, env=environ
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


@pytest.mark.timeout(300)
def test_a_killed_writer_leaves_no_half_commit(
    entrepot_hub: RunningHub, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = entrepot_hub
    for name, value in {**hub.environ(), "ENTREPOT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sessions, "_STATE", sessions._State())
    slug = f"killed{os.urandom(3).hex()}"
    path = f"/tester/t9k-assethub/model/{slug}/x"
    ah.create(path)
    other = sessions.opened(hub.url, api_key=hub.user("stager").token)
    ah.share(f"model/{slug}", user="stager", permission="edit")
    (tmp_path / "mine").write_text("staged by another user")
    with sessions.using(other):
        ah.stage(path, add={str(tmp_path / "mine"): "mine"})
    chance, ours = random.Random(13), 0
    for turn in range(ROUNDS):
        folder = tmp_path / f"w{turn}"
        folder.mkdir()
        writer = start(hub, path, folder)
        killer = threading.Timer(chance.uniform(0.0, 0.15), writer.kill)
        killer.start()
        while writer.poll() is None:
            (tmp_path / "ours").write_text(str(ours))
            assert ah.commit(path, f"ours {ours}", add={str(tmp_path / "ours"): f"ours/{ours}"}) is not None
            ours += 1
        killer.join()
        writer.communicate()
    session = sessions.current()
    repo = RepoRef(RepoType.MODEL, RepoId(f"tester.{slug}", "x"))
    for row in ah.list(path, resource="commit"):
        if row["message"].startswith("pair"):
            found = session.hub.send(contents.bulk_download(repo, row["id"], ["pair/a", "pair/b"]))
            first, second = (data for _, data in found)
            assert first == second  # both files of a pair, or neither
    assert len([row for row in ah.list(path) if row["path"].startswith("ours/")]) == ours
    assert ah.status(path) == []
    with sessions.using(other):
        assert [row["path"] for row in ah.status(path)] == ["mine"]
        assert ah.commit(path, "mine", force=True) is not None
