from pathlib import Path

import pytest

from tests.metaflow.conftest import FILES, Task


def test_keys_lead_to_copies_that_are_made_when_they_are_used(task: Task) -> None:
    task.create("lazy")
    current = task.start(load=["tester/lazy", ("tester/lazy@main", "./here")], temp_dir_root=str(task.folder / "temps"))
    loaded = current.loaded
    assert (list(loaded), len(loaded)) == (["tester/lazy", "tester/lazy@main"], 2)
    assert "tester/lazy" in loaded
    assert "other" not in loaded
    assert not (task.folder / "temps").exists()
    folder = Path(loaded["tester/lazy"])
    assert folder.parent == task.folder / "temps"
    assert loaded["tester/lazy"] == str(folder)
    assert loaded["tester/lazy@main"] == "./here"
    for place in (folder, task.folder / "here"):
        contents = task.contents(place)
        del contents[".gitattributes"]
        assert contents == FILES
    assert repr(loaded) == "<loaded: tester/lazy, tester/lazy@main>"


def test_an_absent_key_lists_the_keys(task: Task) -> None:
    task.create("keyed")
    with pytest.raises(KeyError, match=r"tester/bert.* is not loaded in this step; the keys are: tester/keyed"):
        task.start(load="tester/keyed").loaded["tester/bert"]
    with pytest.raises(KeyError, match="the keys are: none"):
        task.start(task="2").loaded["x"]
    with pytest.raises(TypeError):
        task.start(task="3").loaded["x"] = "y"


def test_nothing_that_a_step_writes_reaches_another(task: Task) -> None:
    task.create("scribbled")
    first = task.start(load="tester/scribbled").loaded["tester/scribbled"]
    for file in Path(first).rglob("*.*"):
        if file.is_file():
            file.write_bytes(b"scribble")
    second = task.start(load="tester/scribbled", task="2").loaded["tester/scribbled"]
    assert task.contents(second)["config.json"] == FILES["config.json"]


def test_info_has_references_and_the_cache_can_be_read(task: Task) -> None:
    commit = task.create("informed")
    current = task.start(load="tester/informed")
    info = current.info["tester/informed"]
    assert (info["commit"], info["files"], info["revision"]) == (commit, 4, "main")
    folder = Path(current.loaded.at_cache("tester/informed"))
    assert task.contents(folder)["config.json"] == b"{}"
    assert list(Path(task.folder).glob("metaflow_hub_*")) == []
    with pytest.raises(KeyError):
        current.loaded.at_cache("other")
