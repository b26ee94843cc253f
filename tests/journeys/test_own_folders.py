"""A folder with entries that cannot be uploaded: everything else arrives, in one upload and by schedule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import entrepot
from entrepot.testing.hubs import RunningHub


def test_a_dangling_link_stops_neither_an_upload_nor_a_scheduler(
    entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    api = entrepot.HubApi(entrepot_hub.url, entrepot_hub.token)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "latest-run").symlink_to("run-gone")
    os.mkfifo(folder / "pipe")
    for name, way in (("uploaded", "upload_folder"), ("large", "upload_large_folder")):
        repo = str(api.create_repo(f"tester/own-folder-{name}").repo_id)
        with pytest.warns(UserWarning, match=r"latest-run \(a broken link\)"):
            getattr(api, way)(repo_id=repo, folder_path=folder)
        assert api.list_repo_files(repo) == [".gitattributes", "a.txt"]
    with entrepot.CommitScheduler(
        repo_id="tester/own-folder-scheduled", folder_path=folder, every=1000, hf_api=api
    ) as scheduler:
        scheduler.trigger().result()
    assert api.list_repo_files("tester/own-folder-scheduled") == [".gitattributes", "a.txt"]
