"""Folders at a real hub: creation, lists, changes, renames and deletion, and what other clients see of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle
from huggingface_hub.errors import RepositoryNotFoundError

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.errors import AlreadyExists, AssetHubError, Denied, NotFound
from entrepot.ah.sessions import HubSession
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def oracle(at_hub: RunningHub) -> Oracle:
    return Oracle(endpoint=at_hub.url, token=at_hub.token)


def names(path: str) -> list[str]:
    return [row["name"] for row in ah.list(path)]


def test_a_folder_is_created_read_and_listed(fresh_folder: str) -> None:
    made = ah.create(f"model/{fresh_folder}", labels=["b", "a"], description="text")
    assert (made.path, made.name, made.kind, made.asset_kind) == (
        f"/tester/t9k-assethub/model/{fresh_folder}",
        fresh_folder,
        "Folder",
        "Model",
    )
    assert (made.owner, made.labels, made.description, made.permission) == ("tester", ["b", "a"], "text", "own")
    assert ah.get(f"model/{fresh_folder}") == made
    [row] = [row for row in ah.list("model") if row["name"] == fresh_folder]
    assert {key: row[key] for key in ("id", "type", "labels", "permission", "editor", "storageType")} == {
        "id": made.id,
        "type": "Folder",
        "labels": ["b", "a"],
        "permission": "own",
        "editor": "tester",
        "storageType": 0,
    }
    assert row["modifiedTimestamp"].endswith("Z")
    assert json.loads(row["extra"])["createdTimestamp"].endswith("Z")


def test_an_existing_folder_is_an_error_or_returned_unchanged(fresh_folder: str) -> None:
    first = ah.create(f"model/{fresh_folder}", labels=["a"])
    with pytest.raises(AlreadyExists, match=f"^Folder already exists: '/tester/t9k-assethub/model/{fresh_folder}'$"):
        ah.create(f"model/{fresh_folder}")
    again = ah.create(f"model/{fresh_folder}", labels=["b"], description="x", exist_ok=True)
    assert (again, again.labels, again.description) == (first, ["a"], "")
    assert ah.create(f"model/{fresh_folder.upper()}", exist_ok=True) == first  # names differ in more than case


def test_models_and_datasets_have_folders_of_their_own(fresh_folder: str) -> None:
    model, dataset = ah.create(f"model/{fresh_folder}"), ah.create(f"dataset/{fresh_folder}")
    assert model != dataset
    ah.create(f"model/{fresh_folder}/x")
    assert (names(f"model/{fresh_folder}"), names(f"dataset/{fresh_folder}")) == (["x"], [])
    ah.delete(f"model/{fresh_folder}")
    assert ah.get(f"dataset/{fresh_folder}") == dataset
    with pytest.raises(NotFound):
        ah.get(f"model/{fresh_folder}")


def test_a_folder_is_never_made_for_another_user(at_hub: RunningHub, fresh_folder: str) -> None:
    at_hub.user("bob")
    for owner in ("bob", "nobody-at-all"):
        with pytest.raises(Denied, match=r"^Permission denied: "):
            ah.create(f"/{owner}/t9k-assethub/model/{fresh_folder}")


def test_an_organisation_owns_folders_for_those_who_write(
    at_hub: RunningHub, fresh_folder: str, session_of: Callable[[str], HubSession]
) -> None:
    at_hub.org("ahlab", members={"writer": "write", "reader": "read"})
    path = f"/ahlab/t9k-assethub/model/{fresh_folder}"
    with sessions.using(session_of("reader")), pytest.raises(Denied):
        ah.create(path)
    with sessions.using(session_of("writer")):
        assert ah.create(path).owner == "ahlab"
        assert ah.create(f"{path}/x").path == f"{path}/x"
    assert fresh_folder in names("/ahlab/t9k-assethub/model")
    assert fresh_folder not in names("model")


def test_a_rename_keeps_the_id_and_the_old_path(fresh_folder: str, oracle: Oracle) -> None:
    handle = ah.create(f"model/{fresh_folder}/gpt2").folder
    other = ah.create(f"dataset/{fresh_folder}/cifar")
    ah.update(f"model/{fresh_folder}", name=f"{fresh_folder}-new")
    assert ah.get(f"model/{fresh_folder}-new") == handle
    assert ah.get(f"model/{fresh_folder}/gpt2").path.endswith(f"/{fresh_folder}-new/gpt2")
    assert ah.get(f"dataset/{fresh_folder}/cifar").path == other.path  # the sibling of the other type stays
    assert oracle.model_info(f"tester.{fresh_folder}/gpt2").id == f"tester.{fresh_folder}-new/gpt2"
    assert [row["name"] for row in handle.list_asset()] == ["gpt2"]  # the handle follows
    assert handle.path.endswith("-new")


def test_an_old_path_deletes_nothing(fresh_folder: str) -> None:
    ah.create(f"model/{fresh_folder}/x")
    ah.update(f"model/{fresh_folder}", name=f"{fresh_folder}-b")
    ah.update(f"model/{fresh_folder}-b/x", name="y")
    for path in (f"model/{fresh_folder}", f"model/{fresh_folder}/y", f"model/{fresh_folder}-b/x"):
        with pytest.raises(NotFound):
            ah.delete(path)
        ah.delete(path, force=True)
    assert names(f"model/{fresh_folder}-b") == ["y"]
    ah.update(f"model/{fresh_folder}/x", name="z", labels=["a"])  # other changes follow
    assert [(row["name"], row["labels"]) for row in ah.list(f"model/{fresh_folder}-b")] == [("z", ["a"])]


def test_renames_in_a_circle_end_where_they_began(fresh_folder: str) -> None:
    first, second = fresh_folder, f"{fresh_folder}-b"
    made = ah.create(f"model/{first}/x").folder
    for _ in range(2):
        ah.update(f"model/{first}", name=second)
        ah.update(f"model/{second}", name=first)
    assert ah.get(f"model/{first}") == made
    assert ah.get(f"model/{second}/x").path.endswith(f"/{first}/x")


def test_a_new_folder_under_an_old_name_ends_the_redirect(fresh_folder: str) -> None:
    moved = ah.create(f"model/{fresh_folder}/x")
    ah.update(f"model/{fresh_folder}", name=f"{fresh_folder}-b")
    made = ah.create(f"model/{fresh_folder}")
    assert ah.get(f"model/{fresh_folder}") == made
    with pytest.raises(NotFound):
        ah.get(f"model/{fresh_folder}/x")
    assert ah.get(f"model/{fresh_folder}-b/x") == moved


def test_a_rename_onto_an_old_name_ends_its_redirect(fresh_folder: str) -> None:
    first = ah.create(f"model/{fresh_folder}/x")
    ah.update(f"model/{fresh_folder}", name=f"{fresh_folder}-b")
    second = ah.create(f"model/{fresh_folder}-c/x")
    ah.update(f"model/{fresh_folder}-c", name=fresh_folder)
    assert ah.get(f"model/{fresh_folder}/x") == second
    assert ah.get(f"model/{fresh_folder}-b/x") == first
    assert ah.get(f"model/{fresh_folder}-c/x") == second


def test_a_taken_name_is_refused(fresh_folder: str) -> None:
    ah.create(f"model/{fresh_folder}")
    ah.create(f"model/{fresh_folder}-b")
    with pytest.raises(AlreadyExists, match=f"{fresh_folder}-b"):
        ah.update(f"model/{fresh_folder}", name=f"{fresh_folder}-b")
    ah.update(f"model/{fresh_folder}", name=fresh_folder)  # its own name is not taken


def test_labels_and_descriptions_are_kept_and_cleared(fresh_folder: str) -> None:
    handle = ah.create(f"model/{fresh_folder}", labels=["a"], description="text")
    ah.update(f"model/{fresh_folder}", labels=["b", "c"])
    handle.refresh()
    assert (handle.labels, handle.description) == (["b", "c"], "text")
    ah.update(f"model/{fresh_folder}", labels=[], description="")
    handle.refresh()
    assert (handle.labels, handle.description) == ([], "")
    ah.update(f"model/{fresh_folder}")  # nothing given: nothing asked
    with pytest.raises(AssetHubError):
        ah.update("model", name="x")


@pytest.mark.parametrize(("labels", "kind"), [("abc", TypeError), (["a\nb"], ValueError), (["a", "a"], ValueError)])
def test_bad_labels_change_nothing(fresh_folder: str, labels: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        ah.create(f"model/{fresh_folder}", labels=labels)
    with pytest.raises(NotFound):
        ah.get(f"model/{fresh_folder}")


def test_a_folder_is_deleted_with_its_assets(fresh_folder: str, oracle: Oracle) -> None:
    asset = ah.create(f"model/{fresh_folder}/x")
    folder = asset.folder
    ah.delete(f"model/{fresh_folder}")
    assert fresh_folder not in names("model")
    with pytest.raises(RepositoryNotFoundError):
        oracle.model_info(f"tester.{fresh_folder}/x")
    with pytest.raises(NotFound, match=f"^No such folder: '/tester/t9k-assethub/model/{fresh_folder}'$"):
        ah.delete(f"model/{fresh_folder}")
    ah.delete(f"model/{fresh_folder}", force=True)
    with pytest.raises(AssetHubError, match=r"the resource is gone"):
        folder.list_asset()
    assert ah.create(f"model/{fresh_folder}") != folder


def test_absent_folders_and_owners_are_alike(at_hub: RunningHub, session_of: Callable[[str], HubSession]) -> None:
    with sessions.using(session_of("carol")):
        ah.create("model/secret/x")
    for path in ("/carol/t9k-assethub/model", "/nobody-at-all/t9k-assethub/model"):
        with pytest.raises(NotFound) as caught:
            ah.list(path)
        assert str(caught.value) == f"No such owner of folders: '{path}'"
    for path in ("/carol/t9k-assethub/model/secret", "/carol/t9k-assethub/model/none"):
        for call in (ah.get, ah.list, ah.delete, lambda path: ah.update(path, name="x")):
            with pytest.raises(NotFound, match=f"^No such folder: '{path}'$"):
                call(path)


def test_assets_that_belong_to_no_folder_are_in_the_last_one(
    at_hub: RunningHub, session_of: Callable[[str], HubSession]
) -> None:
    with sessions.using(session_of("dave")):
        assert names("model") == []
        ah.create("model/zz/x")
        assert names("model") == ["zz"]
        made = ah.create("model/~/loose")
        assert made.path == "/dave/t9k-assethub/model/~/loose"
        rows = ah.list("model")
        assert ([row["name"] for row in rows], rows[-1]["permission"]) == (["zz", "~"], "own")
        assert names("model/~") == ["loose"]
        assert Oracle(endpoint=at_hub.url, token=at_hub.user("dave").token).model_info("dave/loose").id == "dave/loose"
        for change in (
            lambda: ah.create("model/~"),
            lambda: ah.update("model/~", name="x"),
            lambda: ah.delete("model/~"),
            lambda: ah.delete("model/~", force=True),
            lambda: ah.share("model/~", public=True),
        ):
            with pytest.raises(AssetHubError, match=r"The folder '~' holds what belongs to no folder"):
                change()


def test_two_creations_at_once(fresh_folder: str) -> None:
    results: list[object] = []

    def create(exist_ok: bool) -> None:
        try:
            results.append(ah.create(f"model/{fresh_folder}", exist_ok=exist_ok))
        except AlreadyExists as error:
            results.append(error)

    sessions.current()
    for exist_ok, failures in ((False, 1), (True, 0)):
        threads = [threading.Thread(target=create, args=(exist_ok,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(isinstance(item, AlreadyExists) for item in results) == failures
        results.clear()
        ah.delete(f"model/{fresh_folder}", force=True)


def test_the_hub_api_makes_a_folder_of_its_owner(fresh_folder: str, oracle: Oracle) -> None:
    oracle.create_repo(f"tester.{fresh_folder}/x")
    assert names(f"model/{fresh_folder}") == ["x"]
