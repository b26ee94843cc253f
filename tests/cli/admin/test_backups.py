from __future__ import annotations

import shutil
from pathlib import Path

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.settings import Settings
from tests.support.commands import Run
from tests.support.worlds import Clock, World


def test_a_hub_is_backed_up_verified_and_restored(admin: Run, run: Run, tmp_path: Path) -> None:
    folder, data = str(tmp_path / "backup"), str(tmp_path / "restored")
    made = run("backup", folder, "--json")
    assert made.code == 0, made.err
    names = {"snapshot", "blobs", "size", "copied", "copied_bytes", "deleted", "damaged", "findings"}
    assert set(made.json) == names
    assert run("admin", "backup", "create", folder, "--keep", "1").code == 0
    listed = run("backup", "ls", folder, "--json").json
    assert len(listed) == 1
    assert "SNAPSHOT" in run("backup", "list", folder).out
    assert run("backup", "verify", folder, "--snapshot", listed[0]["snapshot"]).code == 0
    assert run("backup", "verify", folder, "--quick", "--json").json == {"damaged": 0, "findings": [], "lacks": []}
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
    assert outcome.out.startswith("missing     files/aa/aa/")


def test_what_is_damaged_in_the_hub_is_listed_by_every_command(run: Run, admin: Run, tmp_path: Path) -> None:
    data, folder, restored = tmp_path / "hub", str(tmp_path / "backup"), str(tmp_path / "restored")
    raw = store_and_damage(data)
    made = run("backup", folder, "--data", str(data))
    assert made.code == 3
    assert f"corrupt     {raw}: its bytes have another sha256" in made.out
    assert "used by model alice/m: raw.bin on refs/heads/main" in made.out
    assert "to repair: upload the same files again" in made.out
    assert run("backup", "list", folder, "--json").json[0]["damaged"] == 1
    verified = run("backup", "verify", folder)
    assert (verified.code, raw in verified.out) == (3, True)
    assert "otherwise complete, and every byte was verified" in verified.out
    done = run("restore", folder, "--data", restored, "--json")
    assert (done.code, [it["where"] for it in done.json["findings"]]) == (3, [raw])
    assert done.json["findings"][0]["used_by"] == ["model alice/m: raw.bin on refs/heads/main"]
    checked = run("fsck", "--data", str(data))
    assert checked.code == 1
    assert "used by model alice/m: raw.bin on refs/heads/main" in checked.out


def store_and_damage(data: Path) -> str:
    """Create a hub with one large file, change its bytes, and return its key."""
    hub = open_hub(Settings(data=data), fsync=False)
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    world = World(hub, Clock(hub.now_ms()), {"alice:write": secret})
    world.add_large(world.repo(), "raw.bin", b"raw" * 50_000)
    hub.close()
    path = next((data / "blobs" / "files").glob("*/*/*"))
    path.chmod(0o600)
    path.write_bytes(b"?" * 150_000)
    return path.relative_to(data / "blobs").as_posix()


def test_a_backup_folder_without_a_snapshot_is_called_one(admin: Run, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    assert run("backup", str(folder)).code == 0
    shutil.rmtree(next((folder / "snapshots").iterdir()))
    assert run("backup", "verify", str(folder)).err == (
        f"error: cannot open the backup folder {folder}: no backup into it was completed, so it has no snapshot\n"
    )


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
