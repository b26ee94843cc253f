"""Methods and functions take the arguments of huggingface_hub's current version, and the listed ones of 0.21.4."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import huggingface_hub
import pytest

import entrepot
from entrepot import HubApi

OLDER: dict[str, set[str]] = {
    # Arguments of implemented methods that 0.21.4 has and 2.4.0 lacks.
    "create_commits_on_pr": {
        "repo_id", "addition_commits", "deletion_commits", "commit_message", "commit_description", "token",
        "repo_type", "merge_pr", "num_threads", "verbose",
    },
    "create_repo": {"space_storage"},
    "duplicate_space": {
        "from_id", "to_id", "private", "token", "exist_ok", "hardware", "storage", "sleep_time", "secrets", "variables",
    },
    "get_hf_file_metadata": {"proxies"},
    "get_token_permission": {"token"},
    "hf_hub_download": {
        "local_dir_use_symlinks", "force_filename", "proxies", "resume_download", "legacy_cache_layout",
    },
    "like": {"repo_id", "token", "repo_type"},
    "list_datasets": {"direction"},
    "list_models": {"library", "language", "model_name", "task", "tags", "direction"},
    "list_spaces": {"direction"},
    "snapshot_download": {"local_dir_use_symlinks", "proxies", "resume_download"},
    "update_repo_visibility": {"repo_id", "private", "token", "organization", "repo_type", "name"},
    "upload_folder": {"multi_commits", "multi_commits_verbose"},
    "interpreter_login": {"new_session", "write_permission"},
    "login": {"new_session", "write_permission"},
    "notebook_login": {"new_session", "write_permission"},
    "plan_multi_commits": {"operations", "max_operations_per_commit", "max_upload_size_per_commit"},
}  # fmt: skip

LEFT_OUT: dict[str, set[str]] = {
    # Of services that this hub does not have: billing groups, jobs, replacing code in a running space.
    "create_collection": {"resource_group_id"},
    "create_commit": {"_hot_reload"},
    "upload_file": {"_hot_reload"},
    "create_webhook": {"job_id", "secrets"},
    "update_webhook": {"job_id", "secrets"},
    # Alternative to the first arguments.
    "update_repo_visibility": {"organization", "name"},
    # Stored tokens have no names: there is one for each hub.
    "logout": {"token_name"},
}

FOR_COMPUTE = {"create_repo", "duplicate_repo", "duplicate_space"}
"""They accept any argument about hardware, and refuse all but None (``tests/hf/repos/test_repositories.py``)."""

SHARED = sorted(
    name
    for name in dir(huggingface_hub.HfApi)
    if not name.startswith("_") and callable(getattr(HubApi, name, None)) and name != "run_as_future"
)
FUNCTIONS = sorted(
    {
        "get_hf_file_metadata", "get_token", "hf_hub_download", "hf_hub_url", "interpreter_login", "is_offline_mode",
        "login", "logout", "metadata_eval_result", "metadata_load", "metadata_save", "metadata_update",
        "notebook_login", "scan_cache_dir", "snapshot_download", "try_to_load_from_cache", "cached_assets_path",
    }
)  # fmt: skip
CLASSES = sorted(
    {"CommitOperationAdd", "CommitOperationCopy", "CommitOperationDelete", "CommitScheduler", "HfApi", "ModelHubMixin"}
)

IMPORTED = """
    CONFIG_NAME CommitInfo CommitOperationAdd CommitOperationDelete CommitScheduler DatasetCard DatasetCardData
    HfApi HfFileSystem HfFolder ModelCard ModelCardData ModelHubMixin ModelInfo PyTorchModelHubMixin RepoCard
    Repository RepoUrl SpaceCard _CACHED_NO_EXIST cached_assets_path create_branch create_commit create_repo
    create_tag dataset_info delete_repo file_exists get_full_repo_name get_hf_file_metadata get_safetensors_metadata
    get_token hf_hub_download hf_hub_url is_offline_mode list_datasets list_models list_repo_files list_repo_tree login
    logout metadata_update model_info move_repo notebook_login parse_safetensors_file_metadata repo_exists repo_info
    scan_cache_dir snapshot_download super_squash_history try_to_load_from_cache upload_file upload_folder
    upload_large_folder whoami EntryNotFoundError GatedRepoError HfHubHTTPError HFValidationError
    LocalEntryNotFoundError OfflineModeIsEnabled RepositoryNotFoundError RevisionNotFoundError
""".split()  # noqa: SIM905 - a list of words reads better than sixty literals
"""Imports of transformers, datasets, diffusers, peft, timm and the two guides, at the top level or from ``utils``."""


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return {name: item for name, item in inspect.signature(function).parameters.items() if name != "self"}


def missing(name: str, ours: Callable[..., Any], wanted: set[str]) -> set[str]:
    mine = parameters(ours)
    takes_any = name in FOR_COMPUTE and any(item.kind is item.VAR_KEYWORD for item in mine.values())
    return set() if takes_any else wanted - set(mine) - LEFT_OUT.get(name, set())


def positional(function: Callable[..., Any]) -> list[str]:
    return [name for name, item in parameters(function).items() if item.kind is item.POSITIONAL_OR_KEYWORD]


def test_most_of_the_api_is_shared() -> None:
    assert len(SHARED) >= 85


def test_methods_take_what_todays_take() -> None:
    for name in SHARED:
        theirs = getattr(huggingface_hub.HfApi, name)
        assert missing(name, getattr(HubApi, name), set(parameters(theirs))) == set(), name


def test_positional_parameters_stand_in_the_same_place() -> None:
    for name in SHARED:
        theirs = positional(getattr(huggingface_hub.HfApi, name))
        assert positional(getattr(HubApi, name))[: len(theirs)] == theirs, name


@pytest.mark.parametrize("name", sorted(OLDER))
def test_parameters_of_older_programs_are_accepted(name: str) -> None:
    assert missing(name, getattr(entrepot, name), OLDER[name]) == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_what_todays_takes(name: str) -> None:
    theirs = parameters(getattr(huggingface_hub, name))
    assert missing(name, getattr(entrepot, name), set(theirs)) == set()


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_made_from_the_same_arguments(name: str) -> None:
    theirs, ours = parameters(getattr(huggingface_hub, name)), parameters(getattr(entrepot, name))
    assert {item for item in theirs if not item.startswith("_")} - set(ours) == set()


@pytest.mark.parametrize("name", IMPORTED)
def test_names_that_programs_import_exist(name: str) -> None:
    assert getattr(entrepot, name) is not None


def test_every_exception_to_the_rule_is_one() -> None:
    for name, words in LEFT_OUT.items():
        assert words - set(parameters(getattr(entrepot, name))) == words
