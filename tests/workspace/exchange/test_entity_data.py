import zipfile
from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument, SourceMissing, StorageRefused
from entrepot.workspace.exchange.entity_data import data_from
from entrepot.workspace.projects.projects import Surroundings

DRIVE = "https://drive.google.com/file/d/x/view"


def test_options_exclude_and_need_each_other(tmp_path: Path) -> None:
    around = Surroundings()
    assert data_from(around) is None
    with pytest.raises(InvalidArgument, match="exclude"):
        data_from(around, source=tmp_path, url="https://h/x")
    with pytest.raises(InvalidArgument, match="need --import-url"):
        data_from(around, unpacks=True)
    with pytest.raises(InvalidArgument, match="needs --credentials-path"):
        data_from(around, url=DRIVE)
    with pytest.raises(InvalidArgument, match="only Google Drive"):
        data_from(around, url="https://h/x", credentials="c.json")
    with pytest.raises(SourceMissing):
        data_from(around, source=tmp_path / "none")


def test_archives_are_unpacked_on_demand(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "1")
    for unpacks, name in ((False, "a.zip"), (True, "x")):
        target = tmp_path / str(unpacks)
        target.mkdir()
        fill = data_from(Surroundings(), source=tmp_path / "a.zip", unpacks=unpacks)
        assert fill is not None
        fill(target)
        assert [path.name for path in target.iterdir()] == [name]


def test_drive_needs_credentials_that_exist(tmp_path: Path) -> None:
    fill = data_from(Surroundings(), url=DRIVE, credentials=str(tmp_path / "none.json"))
    assert fill is not None
    with pytest.raises(StorageRefused, match=r"none\.json"):
        fill(tmp_path)
