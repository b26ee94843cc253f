import os
import warnings
from pathlib import Path

import pytest

from entrepot.errors import NotCached, RepoNotFound
from entrepot.metaflow.fetching import fetch_item, fetch_reference, row_of_push
from entrepot.metaflow.references import parse_reference
from entrepot.metaflow.sessions import TaskFacts, TaskSession
from entrepot.metaflow.specs import parse_load
from tests.metaflow.conftest import FILES, Task

SIZE = sum(map(len, FILES.values()))


def session() -> TaskSession:
    return TaskSession(TaskFacts("Train", "17", "start", "1"))


def test_an_item_is_fetched_once_and_costs_one_request_afterwards(task: Task) -> None:
    commit = task.create("fetched")
    [item] = parse_load("tester/fetched")
    first, run = fetch_item(session(), item, None), session()
    assert (first.reference.commit, first.reference.revision) == (commit, "main")
    task.asked.clear()
    again = fetch_item(run, item, None)
    assert task.asked == ["/api/models/tester/fetched/revision/main"]
    assert [row.fetched for row in run.rows] == [0]
    assert {file.path for file in again.files} == {*FILES, ".gitattributes"}
    task.asked.clear()
    assert fetch_reference(session(), again.reference).reference.commit == commit
    assert task.asked == []


def test_patterns_select_what_is_fetched_and_counted(task: Task) -> None:
    task.create("selected")
    [item] = parse_load({"repo_id": "tester/selected", "allow_patterns": ["*.json"]})
    run = session()
    fetched = fetch_item(run, item, None)
    assert (fetched.reference.files, fetched.reference.size) == (2, 5)
    assert fetched.reference.allow == ("*.json",)
    assert [row.fetched for row in run.rows] == [5]
    [none] = parse_load({"repo_id": "tester/selected", "allow_patterns": "*.absent"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fetch_item(session(), none, None).reference.files == 0


def test_forced_content_replaces_a_damaged_entry(task: Task) -> None:
    task.create("forced")
    [item] = parse_load("tester/forced")
    fetched = fetch_item(session(), item, None)
    [model] = [file.source.resolve() for file in fetched.files if file.path == "weights/model.bin"]
    model.write_bytes(b"damaged".ljust(len(FILES["weights/model.bin"])))
    [forced] = parse_load({"repo_id": "tester/forced", "force_download": True})
    fetch_item(session(), forced, None)
    assert model.read_bytes() == FILES["weights/model.bin"]


def test_without_a_network_full_ids_and_known_branches_work(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = task.create("offline")
    [branch] = parse_load("tester/offline")
    fetch_item(session(), branch, None)
    monkeypatch.setenv("ENTREPOT_OFFLINE", "1")
    task.asked.clear()
    [full] = parse_load(f"tester/offline@{commit}")
    assert fetch_item(session(), branch, None).reference.commit == commit
    assert fetch_item(session(), full, None).reference.commit == commit
    [other] = parse_load("tester/offline@other")
    with pytest.raises(NotCached):
        fetch_item(session(), other, None)
    assert task.asked == []


def test_the_cached_files_can_be_made_read_only(task: Task) -> None:
    task.create("protected")
    [item] = parse_load("tester/protected")
    fetched = fetch_item(session(), item, None)
    folder = fetched.protect()
    assert (folder / "config.json").stat().st_mode & 0o222 == 0
    fetched.copy_to(task.folder / "copy", is_new=True)
    assert os.stat(task.folder / "copy/config.json").st_mode & 0o200


def test_a_private_repository_of_another_looks_absent(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    task.create("hidden", private=True)
    monkeypatch.setenv("ENTREPOT_TOKEN", task.hub.user("stranger").token)
    for name in ("tester/hidden", "tester/absent"):
        [item] = parse_load(name)
        with pytest.raises(RepoNotFound):
            fetch_item(session(), item, None)


def test_without_a_token_what_is_public_can_be_loaded(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    task.create("for-all")
    for name in ("ENTREPOT_TOKEN", "HF_TOKEN"):
        monkeypatch.delenv(name)
    [item] = parse_load("tester/for-all")
    assert fetch_item(session(), item, None).reference.files == 4


def test_names_with_spaces_and_other_scripts_and_many_files(task: Task) -> None:
    files = {f"many/{number:04}.txt": b"%d" % number for number in range(1200)}
    odd = {"a b/c#d%20e.txt": b"1", "ünï/\N{SNOWMAN}.bin": b"2"}
    task.create("many", files | odd)
    [item] = parse_load("tester/many")
    fetched = fetch_item(session(), item, None)
    fetched.copy_to(task.folder / "many", is_new=True)
    contents = task.contents(task.folder / "many")
    del contents[".gitattributes"]
    assert contents == files | odd


def test_a_push_has_a_row_too(task: Task) -> None:
    value = {
        "type": "hub", "version": 1, "endpoint": "http://hub", "repo_id": "demo/out", "repo_type": "model",
        "revision": "main", "commit": "0" * 40, "files": 1, "size": 2, "created_on": "2026",
    }  # fmt: skip
    row = row_of_push(parse_reference(value), 0.5)
    assert (row.key, row.fetched) == (f"hub/models/demo/out@{'0' * 40}", None)


def test_a_cache_without_a_list_still_has_its_files(task: Task) -> None:
    task.create("unlisted")
    [item] = parse_load("tester/unlisted")
    fetched = fetch_item(session(), item, None)
    from entrepot.client.cache.caches import RepoCache
    from entrepot.metaflow.fetching import _files, _Wanted

    folder = fetched.folder.parents[1]
    for listing in folder.glob(".entrepot/trees/*.json"):
        listing.unlink()
    wanted = _Wanted(item.ref, "main", fetched.reference.commit, ("*.json",), None)
    found = list(_files(RepoCache(folder, Path(folder / "locks")), fetched.folder, wanted))
    assert [file.path for file in found] == ["config.json", "tokenizer.json"]
