from __future__ import annotations

import pytest
from huggingface_hub import HfApi as Oracle
from huggingface_hub.errors import HfHubHTTPError

import entrepot
from entrepot.errors import (
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidName,
    NotOffered,
    RepoArchived,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.hf.api import HubApi
from entrepot.testing.hubs import RunningHub


@pytest.mark.parametrize(("repo_type", "prefix"), [(None, ""), ("dataset", "datasets/"), ("space", "spaces/")])
def test_creating_a_repository_returns_its_url(
    at_hub: RunningHub, oracle: Oracle, fresh_name: str, repo_type: str | None, prefix: str
) -> None:
    sdk = "static" if repo_type == "space" else None
    url = entrepot.create_repo(fresh_name, repo_type=repo_type, private=True, space_sdk=sdk)
    assert str(url) == f"{at_hub.url}/{prefix}{fresh_name}"
    assert (url.repo_id, url.repo_type, url.endpoint) == (fresh_name, repo_type or "model", at_hub.url)
    assert oracle.repo_info(fresh_name, repo_type=repo_type).private is True
    assert entrepot.create_repo(fresh_name, repo_type=repo_type, exist_ok=True, space_sdk=sdk) == url
    with pytest.raises(Conflict, match=r"already created this .*; pass exist_ok=True"):
        entrepot.create_repo(fresh_name, repo_type=repo_type, space_sdk=sdk)


def test_a_name_without_namespace_belongs_to_the_caller(at_hub: RunningHub, fresh_name: str) -> None:
    name = fresh_name.partition("/")[2]
    assert entrepot.create_repo(name).repo_id == fresh_name
    with pytest.raises(InvalidName, match=fresh_name):
        entrepot.delete_repo(name)
    entrepot.delete_repo(fresh_name)
    with pytest.raises(RepoNotFound):
        entrepot.model_info(fresh_name)


def test_a_space_needs_an_sdk_and_no_hub_here_runs_programs(at_hub: RunningHub, fresh_name: str) -> None:
    with pytest.raises(InvalidArgument, match="space_sdk"):
        entrepot.create_repo(fresh_name, repo_type="space")
    with pytest.raises(NotOffered, match="space_hardware"):
        entrepot.create_repo(fresh_name, repo_type="space", space_sdk="gradio", space_hardware="a100")
    with pytest.raises(TypeError, match="colour"):
        entrepot.create_repo(fresh_name, colour="blue")
    assert entrepot.create_repo(fresh_name, space_hardware=None).repo_id == fresh_name


def test_private_and_visibility_must_agree(at_hub: RunningHub, fresh_name: str) -> None:
    with pytest.raises(InvalidArgument, match="contradicts"):
        entrepot.create_repo(fresh_name, private=True, visibility="public")
    entrepot.create_repo(fresh_name, visibility="private")
    assert entrepot.model_info(fresh_name).private is True


def test_a_reader_can_accept_an_existing_repository(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name)
    reader = HubApi(token=at_hub.user("reader", "read").token)
    assert reader.create_repo(fresh_name, exist_ok=True).repo_id == fresh_name
    with pytest.raises(Forbidden):
        reader.create_repo(f"{fresh_name}-new", exist_ok=True)
    with pytest.raises(Forbidden):
        reader.create_repo(fresh_name)


def test_a_repository_is_deleted_once(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name)
    entrepot.delete_repo(fresh_name)
    entrepot.delete_repo(fresh_name, missing_ok=True)
    with pytest.raises(RepoNotFound, match=f"model {fresh_name} was not found"):
        entrepot.delete_repo(fresh_name)


def test_a_repository_moves_and_is_found_by_its_old_name(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name)
    entrepot.move_repo(fresh_name, f"{fresh_name}-2")
    assert entrepot.model_info(fresh_name).id == f"{fresh_name}-2"


def test_a_copy(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name, repo_type="space", space_sdk="static")
    url = entrepot.duplicate_space(fresh_name, f"{fresh_name}-copy", private=True)
    assert entrepot.space_info(url.repo_id).private is True
    assert entrepot.duplicate_space(fresh_name, f"{fresh_name}-copy", exist_ok=True) == url
    with pytest.raises(Conflict):
        entrepot.duplicate_repo(fresh_name, repo_type="space")


def test_settings(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name)
    entrepot.update_repo_settings(fresh_name, gated="auto", private=True)
    info = oracle.model_info(fresh_name)
    assert (info.gated, info.private) == ("auto", True)
    entrepot.update_repo_settings(fresh_name, gated=False)
    assert entrepot.update_repo_visibility(fresh_name, private=False) == {"private": False}
    info = oracle.model_info(fresh_name)
    assert (info.gated, info.private) == (False, False)


def test_whether_a_caller_has_access(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name)
    entrepot.auth_check(fresh_name, write=True)
    reader = at_hub.user("reader", "read").token
    entrepot.auth_check(fresh_name, token=reader)
    with pytest.raises(Forbidden):
        entrepot.auth_check(fresh_name, token=reader, write=True)


def test_infos_equal_those_of_huggingface_hub(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name)
    card = b"---\nlicense: mit\ntags: [a]\nmodel-index:\n- name: m\n  results: []\n---\n# Card\n"
    oracle.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=fresh_name)
    mine, theirs = (api.model_info(fresh_name, files_metadata=True) for api in (HubApi(), oracle))
    same = ["id", "sha", "author", "private", "gated", "disabled", "downloads", "likes", "tags", "pipeline_tag"]
    same += ["created_at", "last_modified"]
    assert {name: getattr(mine, name) for name in same} == {name: getattr(theirs, name) for name in same}
    assert mine.card_data is not None
    assert mine.card_data.to_dict()["license"] == "mit"
    assert mine.siblings is not None
    assert [(file.rfilename, file.size, file.blob_id) for file in mine.siblings] == [
        (file.rfilename, file.size, file.blob_id) for file in theirs.siblings or ()
    ]
    assert (mine.lastModified, mine.cardData, mine.modelId) == (mine.last_modified, mine.card_data, fresh_name)
    first = entrepot.list_repo_commits(fresh_name)[-1].commit_id
    assert entrepot.repo_info(fresh_name, revision=first).sha == first


def test_infos_with_chosen_properties(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name, repo_type="dataset")
    info = entrepot.dataset_info(fresh_name, expand=["gated", "downloads"])
    assert (info.gated, info.downloads, info.sha) == (False, 0, None)
    assert entrepot.repo_info(fresh_name, repo_type="dataset", expand="likes").likes == 0
    with pytest.raises(InvalidArgument, match="expand"):
        entrepot.dataset_info(fresh_name, expand=["gated"], files_metadata=True)
    with pytest.raises(RevisionNotFound, match="nowhere"):
        entrepot.dataset_info(fresh_name, revision="nowhere")


def test_the_message_suggests_a_wrong_type(at_hub: RunningHub, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name, repo_type="dataset")
    with pytest.raises(RepoNotFound, match=r"check the name and the type \(repo_type\)"):
        entrepot.model_info(fresh_name)


def test_clients_are_told_that_a_repository_is_archived(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    entrepot.create_repo(fresh_name)
    entrepot.update_repo_settings(fresh_name, archived=True)
    with pytest.raises(RepoArchived, match=f"{fresh_name} is archived"):
        entrepot.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=fresh_name)
    with pytest.raises(HfHubHTTPError, match="unarchives it in its settings") as caught:
        oracle.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=fresh_name)
    assert caught.value.response.status_code == 403
    assert vars(oracle.model_info(fresh_name))["archived"] is True
    assert oracle.hf_hub_download(fresh_name, ".gitattributes")
    entrepot.update_repo_settings(fresh_name, archived=False)
    assert entrepot.model_info(fresh_name).archived is None
    assert "archived" not in vars(oracle.model_info(fresh_name))
    oracle.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=fresh_name)
