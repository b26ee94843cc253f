"""Sharing at a real hub: who sees and changes what, step by step, through this dialect and other clients."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle
from huggingface_hub.errors import RepositoryNotFoundError

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.errors import AssetHubError, Denied, NotFound
from entrepot.ah.sessions import HubSession
from entrepot.testing.hubs import RunningHub
from tests.support import hub_work


def names(path: str) -> list[str]:
    return [f"{row['path'].split('/')[1]}/{row['name']}" for row in ah.list(path)]


def oracle(hub: RunningHub, user: str | None) -> Oracle:
    return Oracle(endpoint=hub.url, token=hub.user(user).token if user else False)


def sees(hub: RunningHub, user: str | None, repo: str) -> bool:
    try:
        oracle(hub, user).model_info(repo)
    except RepositoryNotFoundError:
        return False
    return True


@pytest.fixture
def people(at_hub: RunningHub, session_of: Callable[[str], HubSession]) -> Callable[[str], Any]:
    """Return a function whose block runs as another user."""
    known: dict[str, HubSession] = {}

    def act(name: str) -> Any:
        if name not in known:
            known[name] = session_of(name)
        return sessions.using(known[name])

    return act


def test_a_folder_is_shared_with_a_user(at_hub: RunningHub, fresh_model: str, people: Callable[[str], Any]) -> None:
    folder, full = fresh_model.rpartition("/")[0], f"/tester/t9k-assethub/{fresh_model}"
    repo = f"tester.{folder.split('/')[1]}/gpt2"
    with people("judy"):
        assert names("shared/model") == []
        assert not sees(at_hub, "judy", repo)
    ah.share(folder, user="judy")
    with people("judy"):
        [row] = ah.list("shared/model")
        assert (row["path"], row["permission"]) == (f"/tester/t9k-assethub/{folder}", "view")
        assert names(f"/tester/t9k-assethub/{folder}") == ["tester/gpt2"]
        assert f"tester/{folder.split('/')[1]}" not in names("model")
        assert ah.get(full).folder.permission == "view"
    assert sees(at_hub, "judy", repo)
    assert [item.id for item in oracle(at_hub, "judy").list_models(author=repo.split("/")[0])] == [repo]
    assert not sees(at_hub, "mallory", repo)
    assert not sees(at_hub, None, repo)
    ah.unshare(folder, user="judy")
    with people("judy"):
        assert names("shared/model") == []
        with pytest.raises(NotFound):
            ah.get(full)
    assert not sees(at_hub, "judy", repo)


def test_a_grantee_of_models_does_not_see_datasets(
    fresh_folder: str, at_hub: RunningHub, people: Callable[[str], Any]
) -> None:
    ah.create(f"model/{fresh_folder}/x")
    ah.create(f"dataset/{fresh_folder}/x")
    at_hub.user("judy")
    ah.share(f"model/{fresh_folder}", user="judy", permission="edit")
    with people("judy"):
        assert ah.get(f"/tester/t9k-assethub/model/{fresh_folder}/x").name == "x"
        for path in (f"dataset/{fresh_folder}", f"dataset/{fresh_folder}/x"):
            with pytest.raises(NotFound, match=r"^No such "):
                ah.get(f"/tester/t9k-assethub/{path}")
        with pytest.raises((Denied, NotFound)):
            ah.create(f"/tester/t9k-assethub/dataset/{fresh_folder}/y")
        assert f"tester/{fresh_folder}" not in names("shared/dataset")


def test_edit_makes_changes_and_deletes_assets(
    fresh_model: str, at_hub: RunningHub, people: Callable[[str], Any]
) -> None:
    folder = fresh_model.rpartition("/")[0]
    at_hub.user("kim")
    ah.share(folder, user="kim", permission="edit")
    base = f"/tester/t9k-assethub/{folder}"
    Path("a.txt").write_text("a")
    with people("kim"):
        assert ah.create(f"{base}/made-by-kim").path == f"{base}/made-by-kim"
        assert ah.commit(f"{base}/gpt2", "m", add=["a.txt"]).committer == "kim"
        ah.create(f"{base}/gpt2:v1")
        ah.commit(f"{base}/gpt2:v1", "m", add={"a.txt": "b.txt"})
        ah.merge(f"{base}/gpt2:v1")
        ah.update(f"{base}/gpt2", labels=["x"])
        ah.update(base, description="changed")
        ah.delete(f"{base}/made-by-kim")
        for call in (
            lambda: ah.update(base, name="mine"),
            lambda: ah.delete(base),
            lambda: ah.delete(base, force=True),
            lambda: ah.share(base, user="mallory"),
            lambda: ah.list_grants(base),
            lambda: ah.unshare(base, user="kim"),
        ):
            with pytest.raises(Denied, match=r"^Permission denied: '/tester/"):
                call()
    assert ah.get(folder).description == "changed"
    assert [row["path"] for row in ah.list(fresh_model)] == ["b.txt"]


def test_an_existing_resource_is_returned_to_those_who_may_only_view(
    fresh_model: str, at_hub: RunningHub, people: Callable[[str], Any]
) -> None:
    folder = fresh_model.rpartition("/")[0]
    at_hub.user("judy")
    ah.share(folder, user="judy")
    base = f"/tester/t9k-assethub/{folder}"
    with people("judy"):
        assert ah.create(base, exist_ok=True).path == base
        assert ah.create(f"{base}/gpt2", exist_ok=True).path == f"{base}/gpt2"
        with pytest.raises(Denied, match="'edit'"):
            ah.create(f"{base}/other", exist_ok=True)


def test_a_group_is_all_its_members(fresh_model: str, at_hub: RunningHub, people: Callable[[str], Any]) -> None:
    folder = fresh_model.rpartition("/")[0]
    at_hub.org("ahteam", admin="leo", members={"mia": "read"})
    ah.share(folder, group="ahteam")
    for member in ("leo", "mia"):
        with people(member):
            assert f"tester/{folder.split('/')[1]}" in names("shared/model")
            assert ah.get(f"/tester/t9k-assethub/{fresh_model}").name == "gpt2"
    with people("mallory"), pytest.raises(NotFound):
        ah.get(f"/tester/t9k-assethub/{fresh_model}")
    [row] = ah.list_grants(folder)
    assert (row["group"], row["public"], row["permission"], row["granter"]) == ("ahteam", False, "view", "tester")
    ah.unshare(folder, group="ahteam")
    assert ah.list_grants(folder) == []


def test_a_public_folder_is_seen_by_everyone(
    at_hub: RunningHub, fresh_model: str, people: Callable[[str], Any], tmp_path: Path
) -> None:
    folder, slug = fresh_model.rpartition("/")[0], fresh_model.split("/")[1]
    repo = f"tester.{slug}/gpt2"
    Path("a.txt").write_text("a")
    ah.commit(fresh_model, "m", add=["a.txt"])
    url = f"{at_hub.url}/{repo}"
    clone = ["git", "-c", "credential.helper=", "clone", "-q", url]
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    assert subprocess.run([*clone, tmp_path / "c0"], env=environ, capture_output=True, timeout=240).returncode != 0
    ah.share(folder, public=True)
    assert sees(at_hub, None, repo)
    assert oracle(at_hub, None).model_info(repo).private is False
    assert subprocess.run([*clone, tmp_path / "c1"], env=environ, capture_output=True, timeout=240).returncode == 0
    assert (tmp_path / "c1/a.txt").read_text() == "a"
    with people("mallory"):
        assert f"tester/{slug}" in names("/public/t9k-assethub/model")
        assert f"tester/{slug}" not in names("shared/model")
        assert ah.list(f"/tester/t9k-assethub/{folder}")[0]["permission"] == "view"
        ah.download(f"/tester/t9k-assethub/{fresh_model}", save_dir=str(tmp_path / "d"))
    assert (tmp_path / "d/a.txt").read_text() == "a"
    made = ah.create(f"{folder}/later")
    assert sees(at_hub, None, f"tester.{slug}/{made.name}")
    ah.unshare(folder, public=True)
    assert not sees(at_hub, None, repo)
    with people("mallory"):
        assert f"tester/{slug}" not in names("/public/t9k-assethub/model")


def test_granting_again_replaces(fresh_model: str, at_hub: RunningHub) -> None:
    folder = fresh_model.rpartition("/")[0]
    at_hub.user("judy")
    ah.share(folder, user="judy", permission="edit")
    ah.share(folder, user="judy")
    assert [(row["user"], row["permission"]) for row in ah.list_grants(folder)] == [("judy", "view")]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, ValueError),
        ({"user": "judy", "public": True}, ValueError),
        ({"user": "judy", "group": "ahteam"}, ValueError),
        ({"user": "judy", "permission": "own"}, ValueError),
        ({"user": 3}, TypeError),
        ({"user": "tester"}, AssetHubError),
        ({"user": "nobody-at-all"}, RuntimeError),
        ({"group": "nobody-at-all"}, RuntimeError),
        ({"user": "a b"}, RuntimeError),
    ],
)
def test_bad_grants_change_nothing(
    fresh_model: str, at_hub: RunningHub, arguments: dict[str, Any], kind: type[Exception]
) -> None:
    at_hub.user("judy")
    with pytest.raises(kind):
        ah.share(fresh_model.rpartition("/")[0], **arguments)
    assert ah.list_grants(fresh_model.rpartition("/")[0]) == []


def test_a_deleted_user_has_no_grant_and_gets_none(fresh_model: str, at_hub: RunningHub) -> None:
    folder, name = fresh_model.rpartition("/")[0], f"gone{os.urandom(3).hex()}"
    at_hub.user(name)
    ah.share(folder, user=name)
    with at_hub._opened() as hub:
        hub_work.delete_user(hub, name)
    assert ah.list_grants(folder) == []
    for call in (ah.share, ah.unshare):
        with pytest.raises(NotFound, match=f"^No such user: '{name}'$"):
            call(folder, user=name)
    with pytest.raises(NotFound, match=r"^No such group: 'nobody-at-all'$"):
        ah.share(folder, group="nobody-at-all")
    at_hub.user("judy")
    with pytest.raises(NotFound, match=r"^No such grant: '/tester/.* to user judy'$"):
        ah.unshare(folder, user="judy")


def test_only_folders_are_shared(fresh_model: str, at_hub: RunningHub) -> None:
    at_hub.user("judy")
    for path in (fresh_model, f"{fresh_model}:main", "model"):
        with pytest.raises(AssetHubError):
            ah.share(path, user="judy")
    with pytest.raises(NotFound):
        ah.share("model/none-at-all", user="judy")


def test_a_rename_keeps_grants(fresh_model: str, at_hub: RunningHub, people: Callable[[str], Any]) -> None:
    folder = fresh_model.rpartition("/")[0]
    at_hub.user("judy")
    ah.share(folder, user="judy")
    ah.update(folder, name=f"{folder.split('/')[1]}-b")
    with people("judy"):
        assert ah.get(f"/tester/t9k-assethub/{fresh_model}").path.endswith("-b/gpt2")
    with people("mallory"), pytest.raises(NotFound):
        ah.get(f"/tester/t9k-assethub/{fresh_model}")


def test_handles_share_too(fresh_model: str, at_hub: RunningHub) -> None:
    at_hub.user("judy")
    folder = ah.get(fresh_model.rpartition("/")[0])
    folder.share(user="judy", permission="edit")
    assert [row["user"] for row in folder.list_grants()] == ["judy"]
    folder.unshare(user="judy")
    assert folder.list_grants() == []
