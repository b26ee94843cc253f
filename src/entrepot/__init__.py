"""entrepot: the self-hosted hub for machine-learning artifacts.

The package exports the client API. Each name is imported on first use, to keep
``import entrepot`` fast.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_MODULES: dict[str, str] = {
    # exported name: its module, relative to entrepot
    "AccessRequest": "hf.shapes.community",
    "BadRequestError": "hf.errors",
    "BlobLfsInfo": "hf.shapes.repos",
    "BranchMovedError": "hf.errors",
    "CONFIG_NAME": "hf.constants",
    "CacheNotFound": "hf.errors",
    "CachedFileInfo": "hf.files.caches",
    "CachedRepoInfo": "hf.files.caches",
    "CachedRevisionInfo": "hf.files.caches",
    "CardData": "hf.cards.cards",
    "Collection": "hf.shapes.community",
    "CollectionItem": "hf.shapes.community",
    "CommitInfo": "hf.shapes.addresses",
    "CommitOperation": "hf.files.operations",
    "CommitOperationAdd": "hf.files.operations",
    "CommitOperationCopy": "hf.files.operations",
    "CommitOperationDelete": "hf.files.operations",
    "CommitScheduler": "hf.schedulers",
    "CorruptedCacheException": "hf.files.caches",
    "DatasetCard": "hf.cards.cards",
    "DatasetCardData": "hf.cards.cards",
    "DatasetInfo": "hf.shapes.repos",
    "DeleteCacheStrategy": "hf.files.caches",
    "DisabledRepoError": "hf.errors",
    "Discussion": "hf.shapes.discussions",
    "DiscussionComment": "hf.shapes.discussions",
    "DiscussionCommit": "hf.shapes.discussions",
    "DiscussionEvent": "hf.shapes.discussions",
    "DiscussionStatusChange": "hf.shapes.discussions",
    "DiscussionTitleChange": "hf.shapes.discussions",
    "DiscussionWithDetails": "hf.shapes.discussions",
    "DryRunFileInfo": "hf.shapes.files",
    "EntrepotError": "errors",
    "EntrepotFileSystem": "fs.filesystem",
    "EntryNotFoundError": "hf.errors",
    "EvalResult": "hf.cards.cards",
    "FLAX_WEIGHTS_NAME": "hf.constants",
    "GatedRepoError": "hf.errors",
    "GitCommitInfo": "hf.shapes.refs",
    "GitRefInfo": "hf.shapes.refs",
    "GitRefs": "hf.shapes.refs",
    "HFCacheInfo": "hf.files.caches",
    "HFValidationError": "hf.errors",
    "HfApi": "hf.api",
    "HfFileMetadata": "hf.shapes.files",
    "HfFileSystem": "fs.filesystem",
    "HfFolder": "hf.accounts.logins",
    "HfHubHTTPError": "hf.errors",
    "HubApi": "hf.api",
    "IncompleteSnapshotError": "hf.errors",
    "LFSFileInfo": "hf.shapes.large_files",
    "LastCommitInfo": "hf.shapes.files",
    "LocalEntryNotFoundError": "hf.errors",
    "LocalTokenNotFoundError": "hf.errors",
    "Login": "hf.accounts.logins",
    "ModelCard": "hf.cards.cards",
    "ModelCardData": "hf.cards.cards",
    "ModelHubMixin": "hf.models.mixins",
    "ModelInfo": "hf.shapes.repos",
    "NotASafetensorsRepoError": "hf.errors",
    "OfflineModeIsEnabled": "hf.errors",
    "Organization": "hf.shapes.accounts",
    "PYTORCH_WEIGHTS_NAME": "hf.constants",
    "PyTorchModelHubMixin": "hf.models.torch_mixins",
    "REPO_TYPE_DATASET": "hf.constants",
    "REPO_TYPE_MODEL": "hf.constants",
    "REPO_TYPE_SPACE": "hf.constants",
    "RemoteEntryNotFoundError": "hf.errors",
    "RepoCard": "hf.cards.cards",
    "RepoFile": "hf.shapes.files",
    "RepoFolder": "hf.shapes.files",
    "RepoSibling": "hf.shapes.repos",
    "RepoStorageInfo": "hf.shapes.accounts",
    "RepoUrl": "hf.shapes.addresses",
    "SecretFileWarning": "client.uploads.secret_files",
    "Repository": "hf.git.git_repos",
    "RepositoryNotFoundError": "hf.errors",
    "RevisionNotFoundError": "hf.errors",
    "SafeTensorsInfo": "hf.shapes.repos",
    "SafetensorsFileMetadata": "hf.shapes.tensors",
    "SafetensorsParsingError": "hf.errors",
    "SafetensorsRepoMetadata": "hf.shapes.tensors",
    "SpaceCard": "hf.cards.cards",
    "SpaceCardData": "hf.cards.cards",
    "SpaceInfo": "hf.shapes.repos",
    "TF2_WEIGHTS_NAME": "hf.constants",
    "TF_WEIGHTS_NAME": "hf.constants",
    "TensorInfo": "hf.shapes.tensors",
    "TransformersInfo": "hf.shapes.repos",
    "User": "hf.shapes.accounts",
    "UserLikes": "hf.shapes.community",
    "WebhookInfo": "hf.shapes.community",
    "WebhookWatchedItem": "hf.shapes.community",
    "_CACHED_NO_EXIST": "hf.files.caches",
    "cached_assets_path": "hf.files.caches",
    "eval_results_to_model_index": "hf.cards.cards",
    "get_hf_file_metadata": "hf.files.download_functions",
    "get_token": "hf.accounts.logins",
    "hf_hub_download": "hf.files.download_functions",
    "hf_hub_url": "hf.files.caches",
    "hub_download": "hf.files.download_functions",
    "hub_url": "hf.files.caches",
    "interpreter_login": "hf.accounts.logins",
    "is_offline_mode": "hf.files.download_functions",
    "login": "hf.accounts.logins",
    "logout": "hf.accounts.logins",
    "metadata_eval_result": "hf.cards.cards",
    "metadata_load": "hf.cards.cards",
    "metadata_save": "hf.cards.cards",
    "metadata_update": "hf.cards.card_updates",
    "model_index_to_eval_results": "hf.cards.cards",
    "notebook_login": "hf.accounts.logins",
    "plan_multi_commits": "hf.files.multi_commits",
    "scan_cache_dir": "hf.files.caches",
    "snapshot_download": "hf.files.download_functions",
    "try_to_load_from_cache": "hf.files.caches",
}

_METHODS: frozenset[str] = frozenset(
    """
    accept_access_request add_collection_item auth_check cancel_access_request change_discussion_status
    comment_discussion create_branch create_collection create_commit create_commits_on_pr create_discussion
    create_pull_request create_repo create_tag create_webhook dataset_info delete_branch delete_collection
    delete_collection_item delete_file delete_files delete_folder delete_repo delete_tag delete_webhook
    disable_webhook duplicate_repo duplicate_space edit_discussion_comment enable_webhook file_exists get_collection
    get_dataset_tags get_discussion_details get_full_repo_name get_model_tags get_organization_overview
    get_paths_info get_repo_discussions get_safetensors_metadata get_token_permission get_user_overview get_webhook
    grant_access hide_discussion_comment like list_accepted_access_requests list_collections list_datasets
    list_lfs_files list_liked_repos list_models list_organization_followers list_organization_members
    list_pending_access_requests list_rejected_access_requests list_repo_commits list_repo_files list_repo_likers
    list_repo_refs list_repo_tree list_spaces list_user_followers list_user_following list_user_repos list_webhooks
    merge_pull_request model_info move_repo parse_safetensors_file_metadata permanently_delete_lfs_files
    preupload_lfs_files reject_access_request rename_discussion repo_exists repo_info revision_exists run_as_future
    space_info super_squash_history unlike update_collection_item update_collection_metadata update_repo_settings
    update_repo_visibility update_webhook upload_file upload_folder upload_large_folder verify_repo_checksums whoami
    """.split()  # noqa: SIM905 - more readable than a hundred literals
)
"""Methods of ``HubApi`` that are exported as functions, which use the environment of the process."""

__all__ = [name for name in (*_MODULES, *_METHODS) if not name.startswith("_")]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        value = getattr(importlib.import_module(f"entrepot.{_MODULES[name]}"), name)
    elif name in _METHODS:
        value = importlib.import_module("entrepot.hf.api").function_of(name)
    else:
        raise AttributeError(f"module 'entrepot' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_METHODS})
