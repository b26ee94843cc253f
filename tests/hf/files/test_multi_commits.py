import pytest

from entrepot import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HubApi, plan_multi_commits
from entrepot.errors import InvalidArgument


def test_additions_and_deletions_are_grouped_apart() -> None:
    adds = [CommitOperationAdd(f"{number}", b"x" * 10) for number in range(5)]
    deletes = [CommitOperationDelete(f"old-{number}") for number in range(3)]
    mixed: list[CommitOperationAdd | CommitOperationDelete] = [deletes[0], *adds[:2], *deletes[1:], *adds[2:]]
    assert plan_multi_commits(mixed, max_operations_per_commit=2) == (
        [adds[:2], adds[2:4], adds[4:]],
        [deletes[:2], deletes[2:]],
    )


def test_sizes_count_too() -> None:
    small = [CommitOperationAdd(f"{number}", b"x" * 40) for number in range(3)]
    huge = CommitOperationAdd("h", b"x" * 99)
    additions, deletions = plan_multi_commits([small[0], huge, *small[1:]], max_upload_size_per_commit=90)
    assert additions == [[huge], small[:2], small[2:]]
    assert deletions == []


def test_a_copy_belongs_into_no_plan() -> None:
    with pytest.raises(InvalidArgument, match="copy files in a separate commit"):
        plan_multi_commits([CommitOperationCopy("a", "b")])  # type: ignore[list-item]


def test_nothing_to_commit_raises_before_anything_is_sent() -> None:
    nowhere = HubApi("http://127.0.0.1:9", token=False)
    with pytest.raises(InvalidArgument, match="nothing to commit"):
        nowhere.create_commits_on_pr(repo_id="a/b", addition_commits=[], deletion_commits=[], commit_message="m")
