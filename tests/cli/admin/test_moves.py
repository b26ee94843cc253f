from __future__ import annotations

import json
from pathlib import Path

from entrepot.hub.folder_locks import hold_server_lock
from tests.support.commands import Run


def test_a_hub_is_copied_to_a_new_folder(admin: Run, run: Run, tmp_path: Path) -> None:
    admin("users", "list")
    target = tmp_path / "new"
    planned = json.loads(run("admin", "migrate", str(target), "--dry-run", "--json").out)
    assert planned["is_complete"] is False
    assert not target.exists()
    prepared = run("admin", "migrate", str(target), "--prepare")
    assert prepared.code == 0
    assert prepared.out.startswith("copied 0 of 0 blobs")
    done = json.loads(run("admin", "migrate", str(target), "--deep", "--json").out)
    assert done == planned | {"is_complete": True}
    listed = run("admin", "users", "list", "--data", str(target))
    assert "alice" in listed.out
    again = run("admin", "migrate", str(target))
    assert again.code == 1
    assert "a complete copy of this hub" in again.err


def test_the_settings_of_the_new_hub_may_be_in_its_folder(admin: Run, run: Run, tmp_path: Path) -> None:
    admin("users", "list")
    target = tmp_path / "new"
    target.mkdir()
    (target / "entrepot.toml").write_text('database = "postgresql://hub:s3cret@127.0.0.1:9/hub"\n')
    outcome = run("admin", "migrate", str(target))
    assert outcome.code == 1
    assert "cannot open the database: " in outcome.err
    assert "s3cret" not in outcome.err


def test_a_hub_that_is_served_is_not_moved(admin: Run, run: Run, tmp_path: Path, data: Path) -> None:
    admin("users", "list")
    with hold_server_lock(data):
        outcome = run("admin", "migrate", str(tmp_path / "new"))
        assert outcome.code == 1
        assert "stop that one first" in outcome.err
        assert run("admin", "migrate", str(tmp_path / "new"), "--dry-run").code == 0
