"""Assets at a real hub: creation, properties, renames, deletion, and their refs and histories."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub import HfApi as Oracle
from huggingface_hub.errors import RepositoryNotFoundError

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.assets import joined_message
from entrepot.ah.errors import AlreadyExists, AssetHubError, Denied, InvalidPath, NotFound
from entrepot.ah.sessions import HubSession
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def oracle(at_hub: RunningHub) -> Oracle:
    return Oracle(endpoint=at_hub.url, token=at_hub.token)


def test_an_asset_is_created_with_its_folder(fresh_folder: str, oracle: Oracle) -> None:
    made = ah.create(f"model/{fresh_folder}/gpt2", labels=["PyTorch", "JAX"], description="text")
    assert (made.path, made.name, made.kind) == (f"/tester/t9k-assethub/model/{fresh_folder}/gpt2", "gpt2", "Model")
    assert (made.labels, made.description) == (["PyTorch", "JAX"], "text")
    assert json.loads(made.extra)["createdTimestamp"].endswith("Z")
    assert ah.get(f"model/{fresh_folder}/gpt2") == made
    assert made.folder == ah.get(f"model/{fresh_folder}")
    [row] = ah.list(f"model/{fresh_folder}")
    assert (row["id"], row["type"], row["labels"], row["storageType"]) == (made.id, "Model", ["PyTorch", "JAX"], 3)
    info = oracle.model_info(f"tester.{fresh_folder}/gpt2")
    assert (info.private, info.author) == (True, f"tester.{fresh_folder}")
    assert {"PyTorch", "JAX"} <= set(info.tags or [])
    assert oracle.list_repo_files(f"tester.{fresh_folder}/gpt2") == []


def test_a_new_asset_lists_nothing(fresh_model: str) -> None:
    assert ah.list(fresh_model) == []
    assert [row["id"] for row in ah.list(fresh_model, resource="branch")] == ["main"]
    assert ah.list(fresh_model, resource="tag") == []
    [first] = ah.list(fresh_model, resource="commit")
    assert (first["message"], first["parents"], first["committer"]) == ("initial commit", [], "tester")
    assert isinstance(first["creation_date"], int)


def test_an_existing_asset_is_an_error_or_returned_unchanged(fresh_model: str) -> None:
    ah.update(fresh_model, labels=["a"])
    with pytest.raises(AlreadyExists, match=re.escape(f"Model already exists: '/tester/t9k-assethub/{fresh_model}'")):
        ah.create(fresh_model)
    assert ah.create(fresh_model, labels=["b"], exist_ok=True).labels == ["a"]


def test_a_dataset_has_its_own_words(fresh_folder: str) -> None:
    made = ah.create(f"dataset/{fresh_folder}/cifar10", description="CIFAR-10 is …")
    assert (type(made).__name__, made.kind, made.description) == ("Dataset", "Dataset", "CIFAR-10 is …")
    with pytest.raises(AlreadyExists, match=r"^Dataset already exists"):
        ah.create(f"dataset/{fresh_folder}/cifar10")
    with pytest.raises(NotFound, match=r"^No such dataset: "):
        ah.get(f"dataset/{fresh_folder}/none")


def test_properties_are_kept_changed_and_cleared(fresh_model: str) -> None:
    ah.update(fresh_model, labels=["JAX"], description="text")
    assert (ah.get(fresh_model).labels, ah.get(fresh_model).description) == (["JAX"], "text")
    ah.update(fresh_model, description="new")
    assert (ah.get(fresh_model).labels, ah.get(fresh_model).description) == (["JAX"], "new")
    ah.update(fresh_model, labels=[], description="")
    assert (ah.get(fresh_model).labels, ah.get(fresh_model).description) == ([], "")


def test_labels_are_found_by_clients_of_the_hub_api(fresh_folder: str, oracle: Oracle) -> None:
    ah.create(f"model/{fresh_folder}/x", labels=[f"label-{fresh_folder}"])
    found = [item.id for item in oracle.list_models(filter=f"label-{fresh_folder}")]
    assert found == [f"tester.{fresh_folder}/x"]
    ah.update(f"model/{fresh_folder}/x", labels=["other"])
    assert list(oracle.list_models(filter=f"label-{fresh_folder}")) == []


def test_a_rename_keeps_the_id_and_the_old_path(fresh_model: str, oracle: Oracle) -> None:
    made = ah.get(fresh_model)
    ah.update(fresh_model, name="gpt3", labels=["x"])
    assert ah.get(fresh_model) == made
    assert ah.get(fresh_model).path == f"/tester/t9k-assethub/{fresh_model[:-1]}3"
    assert ah.get(fresh_model[:-1] + "3").labels == ["x"]
    folder = fresh_model.split("/")[1]
    assert oracle.model_info(f"tester.{folder}/gpt2").id == f"tester.{folder}/gpt3"
    made.refresh()
    assert (made.name, made.labels) == ("gpt3", ["x"])


def test_a_taken_or_bad_name_changes_nothing(fresh_model: str) -> None:
    ah.create(f"{fresh_model}b")
    with pytest.raises(AlreadyExists, match=r"gpt2b"):
        ah.update(fresh_model, name="gpt2b", labels=["x"])
    for name in ("a/b", "", "..", "a b", "x:y"):
        with pytest.raises(InvalidPath):
            ah.update(fresh_model, name=name, labels=["x"])
    assert ah.get(fresh_model).labels == []


def test_a_deleted_asset_is_gone_for_everybody(fresh_model: str, oracle: Oracle) -> None:
    ah.delete(fresh_model)
    with pytest.raises(NotFound, match=re.escape(f"No such model: '/tester/t9k-assethub/{fresh_model}'")):
        ah.get(fresh_model)
    with pytest.raises(RepositoryNotFoundError):
        oracle.model_info(f"tester.{fresh_model.split('/')[1]}/gpt2")
    with pytest.raises(NotFound):
        ah.delete(fresh_model)
    ah.delete(fresh_model, force=True)


def test_assets_that_others_may_not_see_are_absent_for_them(
    fresh_model: str, session_of: Callable[[str], HubSession], tmp_path: Path
) -> None:
    full = f"/tester/t9k-assethub/{fresh_model}"
    absent = full.replace("gpt2", "none")
    (tmp_path / "x").write_text("x")
    with sessions.using(session_of("erin")):
        for path in (full, absent):
            for call in (
                lambda path: ah.get(path),
                lambda path: ah.list(path),
                lambda path: ah.list(path, resource="branch"),
                lambda path: ah.list(path, resource="commit"),
                lambda path: ah.commit(path, "m", add=[str(tmp_path / "x")]),
                lambda path: ah.download(path),
                lambda path: ah.update(path, labels=["x"]),
                lambda path: ah.delete(path),
                lambda path: ah.merge(f"{path}:v1"),
                lambda path: ah.create(f"{path}:v1"),
            ):
                with pytest.raises(NotFound, match=f"^No such model: '{path}'$"):
                    call(path)
            ah.delete(path, force=True)
    assert ah.get(full).path == full


def test_an_asset_cannot_be_made_where_the_caller_has_no_rights(at_hub: RunningHub, fresh_model: str) -> None:
    at_hub.user("frank")
    with pytest.raises((Denied, NotFound)):
        ah.create("/frank/t9k-assethub/model/llm/x")


def test_an_assets_ordinary_repository_is_seen_by_everything(fresh_model: str, oracle: Oracle) -> None:
    repo = f"tester.{fresh_model.split('/')[1]}/gpt2"
    oracle.create_commit(repo, [CommitOperationAdd("a/b.txt", b"hello")], commit_message="from hf")
    assert [(row["path"], row["size_bytes"]) for row in ah.list(fresh_model)] == [("a/b.txt", 5)]
    newest = ah.list(fresh_model, resource="commit")[0]
    assert (newest["message"], len(newest["parents"])) == ("from hf", 1)
    oracle.create_branch(repo, branch="feat/y")
    oracle.create_tag(repo, tag="t1")
    assert [row["id"] for row in ah.list(fresh_model, resource="branch")] == ["feat/y", "main"]
    assert ah.list(fresh_model, resource="tag") == [{"id": "t1", "commit_id": newest["id"]}]
    assert type(ah.get(f"{fresh_model}:feat/y")).__name__ == "Branch"


def test_lists_of_refs_need_an_asset(fresh_model: str) -> None:
    for path in ("model", fresh_model.rpartition("/")[0], f"{fresh_model}:main"):
        with pytest.raises(AssetHubError):
            ah.list(path, resource="branch")
    with pytest.raises(AssetHubError):
        ah.list("shared/model", resource="commit")
    with pytest.raises(ValueError, match=r"'default', 'branch', 'tag' or 'commit'"):
        ah.list(fresh_model, resource="branches")


def test_messages_are_joined() -> None:
    assert joined_message("title", "") == "title"
    assert joined_message("title", "rest") == "title\n\nrest"
