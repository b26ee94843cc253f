from __future__ import annotations

import pytest
from huggingface_hub import HfApi as Oracle

import entrepot
from entrepot.errors import Conflict, Forbidden, RevisionNotFound
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def repo(at_hub: RunningHub, fresh_name: str) -> str:
    return entrepot.create_repo(fresh_name).repo_id


def test_branches_and_tags_are_created_and_deleted(repo: str, oracle: Oracle) -> None:
    entrepot.create_branch(repo, branch="dev")
    entrepot.create_tag(repo, tag="v1", tag_message="first", revision="dev")
    mine, theirs = entrepot.list_repo_refs(repo, include_pull_requests=True), oracle.list_repo_refs(repo)
    assert [(ref.name, ref.ref, ref.target_commit) for ref in (*mine.branches, *mine.tags)] == [
        (ref.name, ref.ref, ref.target_commit) for ref in (*theirs.branches, *theirs.tags)
    ]
    assert (mine.pull_requests, entrepot.list_repo_refs(repo).pull_requests) == ([], None)
    entrepot.delete_branch(repo, branch="dev")
    entrepot.delete_tag(repo, tag="v1")
    with pytest.raises(RevisionNotFound):
        entrepot.delete_branch(repo, branch="dev")
    with pytest.raises(RevisionNotFound):
        entrepot.delete_tag(repo, tag="v1")
    with pytest.raises(Forbidden, match="main"):
        entrepot.delete_branch(repo, branch="main")


def test_existing_branches_and_tags_can_be_accepted(repo: str, at_hub: RunningHub) -> None:
    for _ in range(2):
        entrepot.create_branch(repo, branch="dev", exist_ok=True)
        entrepot.create_tag(repo, tag="v1", exist_ok=True)
    with pytest.raises(Conflict):
        entrepot.create_branch(repo, branch="dev")
    with pytest.raises(Conflict):
        entrepot.create_tag(repo, tag="v1")
    reader = at_hub.user("reader", "read").token
    entrepot.create_branch(repo, branch="dev", exist_ok=True, token=reader)
    with pytest.raises(Forbidden):
        entrepot.create_branch(repo, branch="new", exist_ok=True, token=reader)


def test_a_history_is_listed_and_squashed(repo: str, oracle: Oracle) -> None:
    oracle.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo, commit_message="add x")
    mine, theirs = entrepot.list_repo_commits(repo, formatted=True), oracle.list_repo_commits(repo, formatted=True)
    assert [vars(commit) for commit in mine] == [vars(commit) for commit in theirs]
    assert [commit.title for commit in mine] == ["add x", "initial commit"]
    entrepot.super_squash_history(repo, commit_message="one")
    assert [commit.title for commit in entrepot.list_repo_commits(repo)] == ["one"]
    with pytest.raises(RevisionNotFound):
        entrepot.list_repo_commits(repo, revision="nowhere")
