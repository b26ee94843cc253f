"""The six classes at a real hub: their attributes, and what their methods do."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.errors import AssetHubError, NotFound, NotLoggedIn
from entrepot.ah.resources import Branch, Commit, Dataset, Folder, Model, Tag
from entrepot.testing.hubs import RunningHub


def write(name: str, text: str = "x") -> str:
    Path(name).write_text(text)
    return name


def paths(rows: list[dict[str, object]]) -> list[object]:
    return [row["path"] for row in rows]


def test_a_folder_makes_and_lists_its_assets(fresh_folder: str) -> None:
    folder = ah.create(f"model/{fresh_folder}")
    made = folder.create_asset("gpt2", labels=["a"], description="text")
    assert (type(made), made.folder, made.labels, made.description) == (Model, folder, ["a"], "text")
    assert folder.create_asset("gpt2", exist_ok=True) == folder.get_asset("gpt2") == made
    assert [row["name"] for row in folder.list_asset()] == ["gpt2"]
    folder.update(name=f"{fresh_folder}-b", labels=["x"], description="y")
    assert (folder.name, folder.labels, folder.description) == (f"{fresh_folder}-b", ["x"], "y")
    folder.update()
    folder.delete()
    assert (folder.alive, made.alive, folder.name) == (False, False, f"{fresh_folder}-b")
    for call in (folder.list_asset, folder.refresh, folder.delete, made.list_object, made.delete):
        with pytest.raises(RuntimeError, match=r"^Cannot call method, because its delete\(\) method has been called"):
            call()


def test_a_model_and_its_branch(fresh_model: str) -> None:
    model = ah.get(fresh_model)
    branch = model.create_branch("v1")
    assert (type(branch), branch.name, branch.asset, branch.alive) == (Branch, "v1", model, True)
    assert branch.path == f"{model.path}:v1"
    before = branch.commit_id
    made = branch.create_commit("m", add=[write("a.txt")])
    assert isinstance(made, Commit)
    assert (branch.commit_id, before == made.id) == (made.id, False)
    assert branch.create_commit("m", add=["a.txt"]) is None
    assert paths(branch.list_object()) == ["a.txt"]
    assert [row["id"] for row in branch.list_commit()] == [made.id, before]
    assert model.get_branch("v1") == branch
    assert sorted(row["id"] for row in model.list_branch()) == ["main", "v1"]
    branch.merge()
    assert paths(model.list_object()) == ["a.txt"]
    branch.download(save_dir="out")
    model.download(["a.txt"], save_dir="out2")
    assert (os.listdir("out"), os.listdir("out2")) == (["a.txt"], ["a.txt"])
    branch.delete()
    assert (branch.alive, model.alive) == (False, True)
    with pytest.raises(NotFound, match=r"^No such branch or tag"):
        model.get_branch("v1")


def test_commits_of_a_branch_by_place_and_id(fresh_model: str) -> None:
    branch: Any = ah.get(f"{fresh_model}:main")
    first = branch.commit_id
    made = [branch.create_commit(f"m{number}", add=[write("a.txt", str(number))]) for number in range(2)]
    assert branch.get_commit(index=0) == made[1]
    assert branch.get_commit(index=1) == made[0]
    assert branch.get_commit(index=-1).id == first
    assert branch.get_commit(id=made[0].id[:8]) == made[0]
    assert branch.get_commit(index=1).message == "m0"
    for arguments in ({"index": 3}, {"index": -4}, {"id": "0" * 40}, {"id": made[0].id[:3]}):
        with pytest.raises(NotFound, match=r"^No such commit"):
            branch.get_commit(**arguments)
    for wrong in ({}, {"index": 0, "id": "x"}):
        with pytest.raises(ValueError, match="index"):
            branch.get_commit(**wrong)
    model: Any = ah.get(fresh_model)
    assert model.get_commit(made[0].id[:4]) == made[0]
    with pytest.raises(NotFound, match=r"^No such commit"):
        model.get_commit("main")


def test_tags_of_everything(fresh_model: str) -> None:
    model: Any = ah.get(fresh_model)
    branch = model.get_branch("main")
    made = branch.create_commit("m", add=[write("a.txt")])
    tags = [branch.create_tag("t1"), made.create_tag("t2"), model.create_tag("t3", source="t1")]
    tags.append(tags[0].create_tag("t4"))
    assert [(type(tag), tag.commit_id) for tag in tags] == [(Tag, made.id)] * 4
    assert model.get_tag("t2") == tags[1]
    assert sorted(row["id"] for row in model.list_tag()) == ["t1", "t2", "t3", "t4"]
    assert paths(tags[0].list_object()) == ["a.txt"]
    assert tags[0].list_commit()[0]["id"] == made.id
    tags[0].download(save_dir="out")
    tags[0].delete()
    assert tags[0].alive is False
    with pytest.raises(NotFound, match=r"^No such tag"):
        model.get_tag("main")


def test_a_commit_reads_its_facts_when_they_are_needed(fresh_model: str) -> None:
    made = ah.commit(fresh_model, "message", add=[write("a.txt")])
    assert (made.name, made.message, made.committer, made.alive) == (made.id[:8], "message", "tester", True)
    assert made.asset == ah.get(fresh_model)
    assert paths(made.list_object()) == ["a.txt"]
    assert made.list_commit()[0]["id"] == made.id
    made.download(save_dir="out")
    assert os.listdir("out") == ["a.txt"]
    assert made.path == f"/tester/t9k-assethub/{fresh_model}:{made.id}"


def test_a_dataset_has_the_methods_of_its_branch(fresh_folder: str) -> None:
    dataset = ah.create(f"dataset/{fresh_folder}/d")
    assert isinstance(dataset, Dataset)
    first = dataset.commit_id
    made = dataset.create_commit("m", add=[write("a.txt")])
    assert (dataset.commit_id, made.message) == (made.id, "m")
    assert dataset.create_commit("m", add=["a.txt"]) is None
    assert [row["id"] for row in dataset.list_commit()] == [made.id, first]
    assert (dataset.get_commit(index=-1).id, dataset.get_commit(id=made.id[:8])) == (first, made)
    assert dataset.create_tag("t1").commit_id == made.id
    assert dataset.get_tag("t1").name == "t1"
    ah.stage(f"dataset/{fresh_folder}/d", add=[write("b.txt")])
    dataset.reset()
    assert ah.status(f"dataset/{fresh_folder}/d") == []
    dataset.update(labels=["x"])
    assert dataset.labels == ["x"]
    dataset.refresh()
    dataset.create_commit("m", delete=["/"])
    assert dataset.list_object() == []


def test_a_branch_stages(fresh_model: str) -> None:
    branch = ah.get(f"{fresh_model}:main")
    branch.stage(add=[write("a.txt")])
    assert [row["path"] for row in branch.status()] == ["a.txt"]
    branch.reset()
    assert branch.status() == []


def test_a_handle_follows_a_rename_but_no_namesake(fresh_model: str) -> None:
    model = ah.get(fresh_model)
    branch = model.get_branch("main")
    ah.update(fresh_model, name="renamed")
    branch.create_commit("m", add=[write("a.txt")])
    assert (model.name, branch.path) == ("renamed", f"{model.path}:main")
    other = ah.create(fresh_model)
    stale = pickle.loads(pickle.dumps(other))
    ah.delete(fresh_model)
    ah.create(fresh_model)
    with pytest.raises(AssetHubError, match="the resource is gone"):
        stale.list_object()
    assert (stale.alive, other == model) == (False, False)


def test_handles_are_values(fresh_model: str) -> None:
    things = [ah.get(path) for path in (fresh_model.rpartition("/")[0], fresh_model, f"{fresh_model}:main")]
    for thing in things:
        copy = pickle.loads(pickle.dumps(thing))
        assert (copy, hash(copy), repr(copy)) == (thing, hash(thing), f"{type(thing).__name__}({thing.path!r})")
        assert sessions.current().hub.token.encode() not in pickle.dumps(thing)
    assert len({*things, *things}) == 3
    assert things[0] != things[1]
    assert things[0] != things[0].path
    assert pickle.loads(pickle.dumps(things[2])).list_object() == []


def test_branches_of_one_name_in_two_assets_differ(fresh_model: str) -> None:
    ah.create(f"{fresh_model}b")
    assert ah.get(f"{fresh_model}:main") != ah.get(f"{fresh_model}b:main")


def test_a_handle_works_with_its_own_hub_only(fresh_model: str, entrepot_hub: RunningHub) -> None:
    model = ah.get(fresh_model)
    ah.logout()
    with pytest.raises(NotLoggedIn, match=r"^Not logged in: please first call ah\.login\(\)$"):
        model.list_object()
    model._endpoint = "http://other.example"
    ah.login()
    with pytest.raises(NotLoggedIn, match=r"http://other\.example"):
        model.list_object()


def test_a_branch_that_others_delete_is_gone(fresh_model: str) -> None:
    model = ah.get(fresh_model)
    branch = model.create_branch("v1")
    ah.delete(f"{fresh_model}:v1")
    with pytest.raises(AssetHubError, match="the resource is gone"):
        branch.list_object()
    assert branch.alive is False
    with pytest.raises(AssetHubError, match="the resource is gone"):
        branch.refresh()


def test_a_folder_is_of_one_type(fresh_folder: str) -> None:
    folder = ah.create(f"dataset/{fresh_folder}")
    assert isinstance(folder, Folder)
    assert (folder.asset_kind, type(folder.create_asset("x"))) == ("Dataset", Dataset)
