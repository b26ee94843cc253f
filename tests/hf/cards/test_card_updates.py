from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.cards import metadata_eval_result
from entrepot.errors import BranchMoved, InvalidArgument
from entrepot.hf.cards.card_updates import metadata_update
from entrepot.hf.cards.cards import DatasetCard, ModelCard
from entrepot.testing.hubs import RunningHub

TEXT = b"---\nlicense: mit\n---\n\n# Hello\n"


@pytest.fixture
def repo(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> str:
    oracle.create_repo(fresh_name)
    oracle.upload_file(path_or_fileobj=TEXT, path_in_repo="README.md", repo_id=fresh_name)
    return fresh_name


def test_metadata_are_added_in_one_commit_and_the_text_stays(repo: str, oracle: Oracle) -> None:
    made = metadata_update(repo, {"tags": ["a"], "license": "mit"})
    card = ModelCard.load(repo)
    assert card.content == "---\nlicense: mit\ntags:\n- a\n---\n\n# Hello\n"
    assert len(oracle.list_repo_commits(repo)) == 3
    assert made.oid == oracle.model_info(repo).sha


def test_another_value_needs_the_right_to_overwrite(repo: str, oracle: Oracle) -> None:
    with pytest.raises(ValueError, match="overwrite=True"):
        metadata_update(repo, {"license": "apache-2.0"})
    assert len(oracle.list_repo_commits(repo)) == 2
    metadata_update(repo, {"license": "apache-2.0"}, overwrite=True, commit_message="relicense")
    assert ModelCard.load(repo).data.license == "apache-2.0"
    assert oracle.list_repo_commits(repo)[0].title == "relicense"


def test_results_are_merged(repo: str) -> None:
    def result(value: float, metric: str = "accuracy") -> dict[str, object]:
        made = metadata_eval_result(
            model_pretty_name="M",
            task_pretty_name="T",
            task_id="text-classification",
            metrics_pretty_name=metric,
            metrics_id=metric,
            metrics_value=value,
            dataset_pretty_name="D",
            dataset_id="alice/d",
        )
        return dict(made)

    metadata_update(repo, result(0.5))
    metadata_update(repo, result(0.7, "f1"))
    with pytest.raises(InvalidArgument, match="accuracy"):
        metadata_update(repo, result(0.6))
    metadata_update(repo, result(0.6), overwrite=True)
    results = ModelCard.load(repo).data.eval_results
    assert [(found.metric_type, found.metric_value) for found in results] == [("accuracy", 0.6), ("f1", 0.7)]


def test_a_repository_without_a_card_gets_one(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name, repo_type="dataset")
    metadata_update(fresh_name, {"license": "mit"}, repo_type="dataset")
    card = DatasetCard.load(fresh_name)
    assert card.data.license == "mit"
    assert "Collected by" in card.text
    oracle.create_repo(fresh_name, repo_type="space", space_sdk="static")
    oracle.delete_file("README.md", fresh_name, repo_type="space")
    with pytest.raises(ValueError, match=r"no README\.md"):
        metadata_update(fresh_name, {"license": "mit"}, repo_type="space")


def test_branches_are_changed_by_themselves(repo: str, oracle: Oracle) -> None:
    oracle.create_branch(repo, branch="dev")
    metadata_update(repo, {"tags": ["main"]})
    metadata_update(repo, {"tags": ["dev"]}, revision="dev")
    assert ModelCard.load(repo).data.tags == ["main"]
    assert ModelCard.load(repo, revision="dev").data.tags == ["dev"]


def test_updates_at_the_same_time_all_arrive(repo: str) -> None:
    keys = [f"key_{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: metadata_update(repo, {key: 1}), keys))
    assert {"license", *keys} == set(ModelCard.load(repo).data.to_dict())


def test_a_pinned_parent_that_is_not_the_head_is_refused(repo: str, oracle: Oracle) -> None:
    old = oracle.list_repo_commits(repo)[1].commit_id
    with pytest.raises(BranchMoved):
        metadata_update(repo, {"tags": ["a"]}, parent_commit=old)
