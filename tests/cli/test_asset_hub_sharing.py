"""The commands for staged changes and sharing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.testing.hubs import RunningHub
from tests.support.commands import Run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("T9K_CONFIG", raising=False)
    return f"c{os.urandom(4).hex()}"


def test_changes_are_staged_listed_reset_and_committed(at_hub: Run, folder: str) -> None:
    path = f"model/{folder}/gpt2"
    at_hub("ah", "create", path)
    Path("x").write_text("x")
    done = at_hub("ah", "stage", path, "-a", "x:d/x")
    assert (done.out, done.err) == ("", f"AH INFO: 1 change is staged on branch /tester/t9k-assethub/{path}:main\n")
    lines = at_hub("ah", "status", path).out.splitlines()
    assert lines[0].split() == ["OP", "PATH", "BYTES", "STAGED"]
    assert lines[1].split()[:3] == ["add", "d/x", "1"]
    assert [row["path"] for row in at_hub("ah", "status", path, "--json").json] == ["d/x"]
    assert at_hub("ah", "commit", path, "-m", "m").code == 1
    assert at_hub("ah", "commit", path, "-m", "m", "-f").code == 0
    assert at_hub("ah", "status", path).out == ""
    at_hub("ah", "stage", path, "-d", "d/")
    assert at_hub("ah", "stage", path, "-d", "absent").err == "AH INFO: No changes to stage\n"
    assert at_hub("ah", "reset", f"{path}:main").code == 0
    assert at_hub("ah", "status", path).out == ""
    assert at_hub("ah", "reset", path).code == 1


def test_a_folder_is_shared_and_no_longer(at_hub: Run, folder: str, entrepot_hub: RunningHub) -> None:
    entrepot_hub.user("nina")
    full = f"/tester/t9k-assethub/model/{folder}"
    at_hub("ah", "create", f"model/{folder}")
    done = at_hub("ah", "share", f"model/{folder}", "--user", "nina", "--edit")
    assert done.err == f"AH INFO: Folder {full} shared with user nina (edit)\n"
    at_hub("ah", "share", f"model/{folder}", "--public")
    lines = [line.split()[:3] for line in at_hub("ah", "grants", f"model/{folder}").out.splitlines()]
    assert lines[0] == ["SUBJECT", "PERMISSION", "GRANTED"]
    assert ["user", "nina", "edit"] in lines
    assert len(at_hub("ah", "grants", f"model/{folder}", "--json").json) == 2
    at_hub("ah", "unshare", f"model/{folder}", "--user", "nina")
    at_hub("ah", "unshare", f"model/{folder}", "--public")
    assert at_hub("ah", "grants", f"model/{folder}").out == ""
    for command in ("share", "unshare"):
        done = at_hub("ah", command, f"model/{folder}", "--public", "--user", "nina")
        assert (done.code, "give exactly one of --user, --group and --public" in done.err) == (2, True)
        assert at_hub("ah", command, f"model/{folder}").code == 2
