from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Iterator

import pytest

from entrepot.errors import DataFolderError
from entrepot.hub import file_modes
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.file_modes import create_private, make_private
from entrepot.settings import Settings


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: pathlib.Path) -> list[str]:
    found = [folder, *folder.iterdir(), folder / "blobs" / "incoming", folder / "blobs" / "incoming" / "parts"]
    return [str(path) for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777, 0o770])
def test_a_data_folder_is_made_private_from_any_mode(tmp_path: pathlib.Path, mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=mode)
    (folder / "entrepot.toml").write_text("")
    hub = open_hub(Settings(data=folder), fsync=False)
    accounts.create_user(hub, "alice")
    assert (folder / "catalog.sqlite3-wal").exists()
    assert open_to_others(folder) == []
    hub.close()


@pytest.mark.usefixtures("open_umask")
def test_an_open_folder_is_closed_at_the_next_start(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "data"
    open_hub(Settings(data=folder), fsync=False).close()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    open_hub(Settings(data=folder), fsync=False).close()
    assert open_to_others(folder) == []


def test_a_folder_that_is_open_and_not_ours_is_refused_in_words(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)

    def refuse(_path: pathlib.Path, _mode: int) -> None:
        raise PermissionError

    monkeypatch.setattr(pathlib.Path, "chmod", refuse)
    with pytest.raises(DataFolderError, match="chmod 700"):
        make_private(tmp_path)


def test_files_of_others_in_a_closed_folder_do_not_matter(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "entrepot.toml").write_text("")
    (tmp_path / "entrepot.toml").chmod(0o644)
    (tmp_path / "dangling").symlink_to("nowhere")
    monkeypatch.setattr(file_modes, "_close", lambda path: path == tmp_path)
    make_private(tmp_path)
    assert (tmp_path / "entrepot.toml").stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("open_umask")
def test_a_private_file_is_made_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    create_private(path)
    path.write_text("kept")
    create_private(path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("kept", 0o600)
