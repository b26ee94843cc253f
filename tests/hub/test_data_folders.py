from __future__ import annotations

import json
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.errors import DataFolderError
from entrepot.hub import data_folders
from entrepot.hub.context import open_hub
from entrepot.hub.data_folders import Marker, is_new, prepare
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer


def test_an_empty_folder_gets_an_id_once(tmp_path: pathlib.Path) -> None:
    assert is_new(tmp_path)
    assert prepare(tmp_path, "first") == Marker("first", None)
    assert not is_new(tmp_path)
    assert prepare(tmp_path, "second") == Marker("first", None)
    assert [path.name for path in tmp_path.iterdir()] == ["format.json"]


def test_of_threads_that_mark_a_folder_one_wins(tmp_path: pathlib.Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda number: prepare(tmp_path, str(number)).store_id, range(8)))
    assert len(found) == 1


def test_a_folder_on_a_disk_without_links_is_marked_too(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    assert prepare(tmp_path, "first").store_id == "first"
    assert prepare(tmp_path, "second").store_id == "first"


def test_the_marker_names_the_database_when_it_is_complete(tmp_path: pathlib.Path) -> None:
    prepare(tmp_path, "id")
    data_folders.complete(tmp_path, "postgresql", "id")
    marker = prepare(tmp_path, "other")
    assert marker == Marker("id", "postgresql")
    data_folders.check_kind(tmp_path, marker, "postgresql")
    data_folders.check_id(tmp_path, marker, "postgresql", "id")
    with pytest.raises(DataFolderError, match="its database is PostgreSQL, not SQLite; check the setting 'database'"):
        data_folders.check_kind(tmp_path, marker, "sqlite")


@pytest.mark.parametrize("stored", ["other", None])
def test_a_database_of_another_folder_is_refused_in_words(tmp_path: pathlib.Path, stored: str | None) -> None:
    with pytest.raises(DataFolderError, match=r"belongs to another data folder .*check the setting 'database'"):
        data_folders.check_id(tmp_path, Marker("id", "postgresql"), "postgresql", stored)


def test_a_folder_without_data_forgets_its_id_when_its_database_belongs_elsewhere(tmp_path: pathlib.Path) -> None:
    marker = prepare(tmp_path, "id")
    with pytest.raises(DataFolderError):
        data_folders.check_id(tmp_path, marker, "postgresql", "other")
    assert is_new(tmp_path)


def test_a_folder_from_before_there_were_ids_takes_that_of_its_database(tmp_path: pathlib.Path) -> None:
    hub = open_hub(Settings(data=tmp_path), fsync=False)
    hub.close()
    (tmp_path / "format.json").write_text('{"entrepot": 1}\n')
    again = open_hub(Settings(data=tmp_path), fsync=False)
    again.close()
    found = json.loads((tmp_path / "format.json").read_text())
    assert found == {"entrepot": 1, "store_id": hub.store_id, "database": "sqlite"}
    with pytest.raises(DataFolderError):
        data_folders.check_id(tmp_path, Marker(None, None), "postgresql", "other")


def test_a_data_folder_whose_database_has_gone_is_not_opened_with_an_empty_one(tmp_path: pathlib.Path) -> None:
    open_hub(Settings(data=tmp_path), fsync=False).close()
    for file in tmp_path.glob("catalog.sqlite3*"):
        file.unlink()
    with pytest.raises(DataFolderError, match="restore the database from a backup"):
        open_hub(Settings(data=tmp_path), fsync=False)


def test_the_database_of_another_hub_is_refused(tmp_path: pathlib.Path, postgres: PostgresServer) -> None:
    urls = [postgres.url(postgres.create()) for _ in range(3)]
    hubs = [Settings(data=tmp_path / str(number), database=url) for number, url in enumerate(urls[:2])]
    for settings in hubs:
        open_hub(settings, fsync=False).close()
    swapped = [
        (Settings(data=hubs[0].data, database=urls[1]), "belongs to another data folder"),
        (Settings(data=tmp_path / "new", database=urls[0]), "belongs to another data folder"),
        (Settings(data=hubs[0].data, database=urls[2]), "this database is empty"),
        (Settings(data=hubs[0].data), "its database is PostgreSQL"),
    ]
    for settings, reason in swapped:
        with pytest.raises(DataFolderError, match=reason):
            open_hub(settings, fsync=False)
    assert not (hubs[0].data / "catalog.sqlite3").exists()
    assert is_new(tmp_path / "new")
    for settings in hubs:
        open_hub(settings, fsync=False).close()
    for url in urls:
        postgres.drop(url)


def test_an_sqlite_hub_is_not_opened_with_postgresql(tmp_path: pathlib.Path) -> None:
    open_hub(Settings(data=tmp_path), fsync=False).close()
    with pytest.raises(DataFolderError, match="its database is SQLite, not PostgreSQL"):
        open_hub(Settings(data=tmp_path, database="postgresql://nowhere.invalid/x"), fsync=False)


def test_a_database_that_cannot_be_reached_is_an_error_with_the_reason_and_without_the_password(
    tmp_path: pathlib.Path,
) -> None:
    settings = Settings(data=tmp_path, database="postgresql://me:s3cret@127.0.0.1:1/x", database_timeout_s=2)
    with pytest.raises(DataFolderError, match="refused") as caught:
        open_hub(settings, fsync=False)
    assert "s3cret" not in f"{caught.value!r} {caught.value} {settings!r}"
