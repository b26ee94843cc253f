from __future__ import annotations

import json
import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from entrepot.catalog.accounts import accounts
from entrepot.errors import DataFolderError
from entrepot.git.tree_names import TreeNames
from entrepot.hub.context import open_hub
from entrepot.hub.data_folders import is_new
from entrepot.hub.versioned_cache import Share
from entrepot.names import Oid
from entrepot.settings import Settings


def test_a_folder_is_made_once_and_keeps_its_identity(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "deep" / "data"
    assert is_new(folder)
    hub = open_hub(Settings(data=folder), fsync=False)
    assert not is_new(folder)
    hub.close()
    again = open_hub(Settings(data=folder), fsync=False)
    assert (again.store_id, again.signer) == (hub.store_id, hub.signer)
    assert folder.stat().st_mode & 0o077 == 0
    assert "key" not in repr(hub.signer)
    assert abs(again.now_ms() - hub.now_ms()) < 60_000
    again.close()


def test_threads_that_open_a_new_folder_at_once_all_succeed(tmp_path: pathlib.Path) -> None:
    barrier = threading.Barrier(4)

    def opened(_number: int) -> str:
        barrier.wait()
        hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
        hub.close()
        return hub.store_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(opened, range(4)))) == 1


def test_a_folder_that_another_process_is_just_making_is_taken(tmp_path: pathlib.Path) -> None:
    (tmp_path / "format.12ab34cd").write_text("")
    (tmp_path / "entrepot.toml").write_text("")
    hub = open_hub(Settings(data=tmp_path), fsync=False)
    with hub.read() as tx:
        assert accounts.find(tx, "nobody") is None
    hub.close()


@pytest.mark.parametrize("text", [json.dumps({"entrepot": 99}), "[]", "no json", ""])
def test_a_folder_of_another_layout_is_not_touched(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "format.json").write_text(text)
    with pytest.raises(DataFolderError, match=r"layout|damaged"):
        open_hub(Settings(data=tmp_path), fsync=False)
    assert [path.name for path in tmp_path.iterdir()] == ["format.json"]


def test_a_folder_of_other_data_is_not_changed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(DataFolderError, match="not empty"):
        open_hub(Settings(data=tmp_path), fsync=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError):
        open_hub(Settings(data=tmp_path / "file"), fsync=False)


def test_caches_of_folders_are_part_of_the_memory_that_the_settings_allow(tmp_path: pathlib.Path) -> None:
    key = (1, Oid("a" * 40))
    tree = b"".join(b"100644 %06d\0%b" % (number, bytes(20)) for number in range(20_000))
    for most, is_kept in ((115 << 20, True), (1 << 20, False)):
        hub = open_hub(Settings(data=tmp_path, remembered_bytes=most))
        hub.store.large_trees.put(key, tree)
        hub.store.names.put(key, TreeNames(tree))
        assert (hub.store.large_trees.find(key) is not None) == is_kept
        assert (hub.store.names.find(key) is not None) == is_kept
        hub.close()


def test_all_caches_of_the_store_follow_the_settings(tmp_path: pathlib.Path) -> None:
    limits = {}
    default = Settings(data=tmp_path).remembered_bytes
    for most in (default, 2 * default, 0):
        hub = open_hub(Settings(data=tmp_path, remembered_bytes=most))
        limits[most] = attrs.asdict(hub.store.limits)
        hub.close()
    assert limits[2 * default] == {name: 2 * size for name, size in limits[default].items()}
    elsewhere = Share.ANSWERS + Share.FILE_LISTS + Share.CALLERS + Share.TREES + Share.QUERY_RESULTS
    assert sum(limits[default].values()) == default - (elsewhere << 20)
    assert sum(limits[0].values()) == 4 << 20
