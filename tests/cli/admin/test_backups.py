from __future__ import annotations

from pathlib import Path

from tests.support.commands import Run


def test_a_hub_is_backed_up_verified_and_restored(admin: Run, run: Run, tmp_path: Path) -> None:
    folder, data = str(tmp_path / "backup"), str(tmp_path / "restored")
    made = run("backup", folder, "--json")
    assert made.code == 0, made.err
    assert set(made.json) == {"snapshot", "blobs", "size", "copied", "copied_bytes", "deleted"}
    assert run("admin", "backup", "create", folder, "--keep", "1").code == 0
    listed = run("backup", "ls", folder, "--json").json
    assert len(listed) == 1
    assert "SNAPSHOT" in run("backup", "list", folder).out
    assert run("backup", "verify", folder, "--snapshot", listed[0]["snapshot"]).code == 0
    assert run("backup", "verify", folder, "--quick", "--json").json == {"damaged": 0, "findings": []}
    assert run("backup", "prune", folder, "--keep", "1").out == "nothing to delete\n"
    restored = run("restore", folder, "--data", data)
    assert (restored.code, restored.out.startswith("restored ")) == (0, True)
    users = run("admin", "users", "list", "--json", "--data", data).json
    assert [user["name"] for user in users] == ["alice"]
    again = run("restore", folder, "--data", data)
    assert again.code == 1
    assert "error: " in again.err
    assert "not empty" in again.err


def test_damage_gives_exit_code_1(admin: Run, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    assert run("backup", str(folder)).code == 0
    keys = next(folder.glob("snapshots/*/keys.txt"))
    keys.write_text(keys.read_text() + f"5 files/aa/aa/{'a' * 64}\n")
    outcome = run("backup", "verify", str(folder))
    assert outcome.code == 1
    assert outcome.out.startswith("missing   files/aa/aa/")


def test_a_folder_that_is_no_backup_is_refused(run: Run, tmp_path: Path) -> None:
    outcome = run("backup", "verify", str(tmp_path))
    assert outcome.code == 1
    assert outcome.err == f"error: cannot open the backup folder {tmp_path}: it is not a backup folder\n"


def test_a_backup_folder_that_cannot_be_made_is_called_one(admin: Run, run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    outcome = run("backup", str(tmp_path / "file" / "backup"))
    assert outcome.code == 1
    assert outcome.err == f"error: cannot open the backup folder {tmp_path}/file/backup: Not a directory\n"


def test_a_restore_to_a_database_that_is_away_is_refused_and_changes_nothing(
    admin: Run, run: Run, tmp_path: Path
) -> None:
    folder, data = tmp_path / "backup", tmp_path / "new"
    assert run("backup", str(folder)).code == 0
    environ = {"ENTREPOT_DATABASE": "postgresql://hub:s3cret@127.0.0.1:9/hub"}
    restored = run("restore", str(folder), "--data", str(data), environ=environ)
    assert restored.code == 1
    assert "cannot open the database: " in restored.err
    assert "s3cret" not in restored.err
    assert not data.exists()
