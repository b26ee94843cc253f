from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.cli.sessions import Session, default_data
from entrepot.errors import ConfigError, DataFolderError


def test_the_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = Session({}, flags={"data": "hub"}).load()
    assert loaded.settings.data == tmp_path / "hub"
    assert loaded.sources["data"] == "--data"


def test_without_a_word_the_data_stand_where_the_system_wants_them() -> None:
    folder = Session({}).load().settings.data
    assert folder == default_data()
    assert folder.name == "entrepot"


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        Session({}, config=tmp_path / "absent.toml").load()


def test_a_hub_is_opened_and_closed(tmp_path: Path) -> None:
    session = Session({"ENTREPOT_DATA": str(tmp_path / "data")})
    with session.opened_or_new_hub() as hub:
        first = hub.store_id
    with session.opened_hub() as hub:
        assert hub.store_id == first


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    session = Session({"ENTREPOT_DATA": str(tmp_path)})
    with pytest.raises(DataFolderError, match="there is no hub in it"), session.opened_hub():
        pass
    with pytest.raises(DataFolderError, match="not empty"), session.opened_or_new_hub():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
