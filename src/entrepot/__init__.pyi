"""Names of the package for type checkers; ``__init__.py`` imports each on first use."""

from typing import Final

from entrepot.client.uploads.secret_files import SecretFileWarning as SecretFileWarning
from entrepot.errors import EntrepotError as EntrepotError
from entrepot.fs.filesystem import EntrepotFileSystem as EntrepotFileSystem
from entrepot.fs.filesystem import HfFileSystem as HfFileSystem
from entrepot.hf.accounts.logins import HfFolder as HfFolder
from entrepot.hf.accounts.logins import Login as Login
from entrepot.hf.accounts.logins import get_token as get_token
from entrepot.hf.accounts.logins import interpreter_login as interpreter_login
from entrepot.hf.accounts.logins import login as login
from entrepot.hf.accounts.logins import logout as logout
from entrepot.hf.accounts.logins import notebook_login as notebook_login
from entrepot.hf.api import HfApi as HfApi
from entrepot.hf.api import HubApi as HubApi
from entrepot.hf.cards.card_updates import metadata_update as metadata_update
from entrepot.hf.cards.cards import CardData as CardData
from entrepot.hf.cards.cards import DatasetCard as DatasetCard
from entrepot.hf.cards.cards import DatasetCardData as DatasetCardData
from entrepot.hf.cards.cards import EvalResult as EvalResult
from entrepot.hf.cards.cards import ModelCard as ModelCard
from entrepot.hf.cards.cards import ModelCardData as ModelCardData
from entrepot.hf.cards.cards import RepoCard as RepoCard
from entrepot.hf.cards.cards import SpaceCard as SpaceCard
from entrepot.hf.cards.cards import SpaceCardData as SpaceCardData
from entrepot.hf.cards.cards import eval_results_to_model_index as eval_results_to_model_index
from entrepot.hf.cards.cards import metadata_eval_result as metadata_eval_result
from entrepot.hf.cards.cards import metadata_load as metadata_load
from entrepot.hf.cards.cards import metadata_save as metadata_save
from entrepot.hf.cards.cards import model_index_to_eval_results as model_index_to_eval_results
from entrepot.hf.constants import CONFIG_NAME as CONFIG_NAME
from entrepot.hf.constants import FLAX_WEIGHTS_NAME as FLAX_WEIGHTS_NAME
from entrepot.hf.constants import PYTORCH_WEIGHTS_NAME as PYTORCH_WEIGHTS_NAME
from entrepot.hf.constants import REPO_TYPE_DATASET as REPO_TYPE_DATASET
from entrepot.hf.constants import REPO_TYPE_MODEL as REPO_TYPE_MODEL
from entrepot.hf.constants import REPO_TYPE_SPACE as REPO_TYPE_SPACE
from entrepot.hf.constants import TF2_WEIGHTS_NAME as TF2_WEIGHTS_NAME
from entrepot.hf.constants import TF_WEIGHTS_NAME as TF_WEIGHTS_NAME
from entrepot.hf.errors import BadRequestError as BadRequestError
from entrepot.hf.errors import BranchMovedError as BranchMovedError
from entrepot.hf.errors import CacheNotFound as CacheNotFound
from entrepot.hf.errors import DisabledRepoError as DisabledRepoError
from entrepot.hf.errors import EntryNotFoundError as EntryNotFoundError
from entrepot.hf.errors import GatedRepoError as GatedRepoError
from entrepot.hf.errors import HfHubHTTPError as HfHubHTTPError
from entrepot.hf.errors import HFValidationError as HFValidationError
from entrepot.hf.errors import IncompleteSnapshotError as IncompleteSnapshotError
from entrepot.hf.errors import LocalEntryNotFoundError as LocalEntryNotFoundError
from entrepot.hf.errors import LocalTokenNotFoundError as LocalTokenNotFoundError
from entrepot.hf.errors import NotASafetensorsRepoError as NotASafetensorsRepoError
from entrepot.hf.errors import OfflineModeIsEnabled as OfflineModeIsEnabled
from entrepot.hf.errors import RemoteEntryNotFoundError as RemoteEntryNotFoundError
from entrepot.hf.errors import RepositoryNotFoundError as RepositoryNotFoundError
from entrepot.hf.errors import RevisionNotFoundError as RevisionNotFoundError
from entrepot.hf.errors import SafetensorsParsingError as SafetensorsParsingError
from entrepot.hf.files.caches import _CACHED_NO_EXIST as _CACHED_NO_EXIST
from entrepot.hf.files.caches import CachedFileInfo as CachedFileInfo
from entrepot.hf.files.caches import CachedRepoInfo as CachedRepoInfo
from entrepot.hf.files.caches import CachedRevisionInfo as CachedRevisionInfo
from entrepot.hf.files.caches import CorruptedCacheException as CorruptedCacheException
from entrepot.hf.files.caches import DeleteCacheStrategy as DeleteCacheStrategy
from entrepot.hf.files.caches import HFCacheInfo as HFCacheInfo
from entrepot.hf.files.caches import cached_assets_path as cached_assets_path
from entrepot.hf.files.caches import hf_hub_url as hf_hub_url
from entrepot.hf.files.caches import hub_url as hub_url
from entrepot.hf.files.caches import scan_cache_dir as scan_cache_dir
from entrepot.hf.files.caches import try_to_load_from_cache as try_to_load_from_cache
from entrepot.hf.files.download_functions import get_hf_file_metadata as get_hf_file_metadata
from entrepot.hf.files.download_functions import hf_hub_download as hf_hub_download
from entrepot.hf.files.download_functions import hub_download as hub_download
from entrepot.hf.files.download_functions import is_offline_mode as is_offline_mode
from entrepot.hf.files.download_functions import snapshot_download as snapshot_download
from entrepot.hf.files.multi_commits import plan_multi_commits as plan_multi_commits
from entrepot.hf.files.operations import CommitOperation as CommitOperation
from entrepot.hf.files.operations import CommitOperationAdd as CommitOperationAdd
from entrepot.hf.files.operations import CommitOperationCopy as CommitOperationCopy
from entrepot.hf.files.operations import CommitOperationDelete as CommitOperationDelete
from entrepot.hf.git.git_repos import Repository as Repository
from entrepot.hf.models.mixins import ModelHubMixin as ModelHubMixin
from entrepot.hf.models.torch_mixins import PyTorchModelHubMixin as PyTorchModelHubMixin
from entrepot.hf.schedulers import CommitScheduler as CommitScheduler
from entrepot.hf.shapes.accounts import Organization as Organization
from entrepot.hf.shapes.accounts import RepoStorageInfo as RepoStorageInfo
from entrepot.hf.shapes.accounts import User as User
from entrepot.hf.shapes.addresses import CommitInfo as CommitInfo
from entrepot.hf.shapes.addresses import RepoUrl as RepoUrl
from entrepot.hf.shapes.community import AccessRequest as AccessRequest
from entrepot.hf.shapes.community import Collection as Collection
from entrepot.hf.shapes.community import CollectionItem as CollectionItem
from entrepot.hf.shapes.community import UserLikes as UserLikes
from entrepot.hf.shapes.community import WebhookInfo as WebhookInfo
from entrepot.hf.shapes.community import WebhookWatchedItem as WebhookWatchedItem
from entrepot.hf.shapes.discussions import Discussion as Discussion
from entrepot.hf.shapes.discussions import DiscussionComment as DiscussionComment
from entrepot.hf.shapes.discussions import DiscussionCommit as DiscussionCommit
from entrepot.hf.shapes.discussions import DiscussionEvent as DiscussionEvent
from entrepot.hf.shapes.discussions import DiscussionStatusChange as DiscussionStatusChange
from entrepot.hf.shapes.discussions import DiscussionTitleChange as DiscussionTitleChange
from entrepot.hf.shapes.discussions import DiscussionWithDetails as DiscussionWithDetails
from entrepot.hf.shapes.files import DryRunFileInfo as DryRunFileInfo
from entrepot.hf.shapes.files import HfFileMetadata as HfFileMetadata
from entrepot.hf.shapes.files import LastCommitInfo as LastCommitInfo
from entrepot.hf.shapes.files import RepoFile as RepoFile
from entrepot.hf.shapes.files import RepoFolder as RepoFolder
from entrepot.hf.shapes.large_files import LFSFileInfo as LFSFileInfo
from entrepot.hf.shapes.refs import GitCommitInfo as GitCommitInfo
from entrepot.hf.shapes.refs import GitRefInfo as GitRefInfo
from entrepot.hf.shapes.refs import GitRefs as GitRefs
from entrepot.hf.shapes.repos import BlobLfsInfo as BlobLfsInfo
from entrepot.hf.shapes.repos import DatasetInfo as DatasetInfo
from entrepot.hf.shapes.repos import ModelInfo as ModelInfo
from entrepot.hf.shapes.repos import RepoSibling as RepoSibling
from entrepot.hf.shapes.repos import SafeTensorsInfo as SafeTensorsInfo
from entrepot.hf.shapes.repos import SpaceInfo as SpaceInfo
from entrepot.hf.shapes.repos import TransformersInfo as TransformersInfo
from entrepot.hf.shapes.tensors import SafetensorsFileMetadata as SafetensorsFileMetadata
from entrepot.hf.shapes.tensors import SafetensorsRepoMetadata as SafetensorsRepoMetadata
from entrepot.hf.shapes.tensors import TensorInfo as TensorInfo

__version__: Final[str]

_api: HubApi

accept_access_request = _api.accept_access_request
add_collection_item = _api.add_collection_item
auth_check = _api.auth_check
cancel_access_request = _api.cancel_access_request
change_discussion_status = _api.change_discussion_status
comment_discussion = _api.comment_discussion
create_branch = _api.create_branch
create_collection = _api.create_collection
create_commit = _api.create_commit
create_commits_on_pr = _api.create_commits_on_pr
create_discussion = _api.create_discussion
create_pull_request = _api.create_pull_request
create_repo = _api.create_repo
create_tag = _api.create_tag
create_webhook = _api.create_webhook
dataset_info = _api.dataset_info
delete_branch = _api.delete_branch
delete_collection = _api.delete_collection
delete_collection_item = _api.delete_collection_item
delete_file = _api.delete_file
delete_files = _api.delete_files
delete_folder = _api.delete_folder
delete_repo = _api.delete_repo
delete_tag = _api.delete_tag
delete_webhook = _api.delete_webhook
disable_webhook = _api.disable_webhook
duplicate_repo = _api.duplicate_repo
duplicate_space = _api.duplicate_space
edit_discussion_comment = _api.edit_discussion_comment
enable_webhook = _api.enable_webhook
file_exists = _api.file_exists
get_collection = _api.get_collection
get_dataset_tags = _api.get_dataset_tags
get_discussion_details = _api.get_discussion_details
get_full_repo_name = _api.get_full_repo_name
get_model_tags = _api.get_model_tags
get_organization_overview = _api.get_organization_overview
get_paths_info = _api.get_paths_info
get_repo_discussions = _api.get_repo_discussions
get_safetensors_metadata = _api.get_safetensors_metadata
get_token_permission = _api.get_token_permission
get_user_overview = _api.get_user_overview
get_webhook = _api.get_webhook
grant_access = _api.grant_access
hide_discussion_comment = _api.hide_discussion_comment
like = _api.like
list_accepted_access_requests = _api.list_accepted_access_requests
list_collections = _api.list_collections
list_datasets = _api.list_datasets
list_lfs_files = _api.list_lfs_files
list_liked_repos = _api.list_liked_repos
list_models = _api.list_models
list_organization_followers = _api.list_organization_followers
list_organization_members = _api.list_organization_members
list_pending_access_requests = _api.list_pending_access_requests
list_rejected_access_requests = _api.list_rejected_access_requests
list_repo_commits = _api.list_repo_commits
list_repo_files = _api.list_repo_files
list_repo_likers = _api.list_repo_likers
list_repo_refs = _api.list_repo_refs
list_repo_tree = _api.list_repo_tree
list_spaces = _api.list_spaces
list_user_followers = _api.list_user_followers
list_user_following = _api.list_user_following
list_user_repos = _api.list_user_repos
list_webhooks = _api.list_webhooks
merge_pull_request = _api.merge_pull_request
model_info = _api.model_info
move_repo = _api.move_repo
parse_safetensors_file_metadata = _api.parse_safetensors_file_metadata
permanently_delete_lfs_files = _api.permanently_delete_lfs_files
preupload_lfs_files = _api.preupload_lfs_files
reject_access_request = _api.reject_access_request
rename_discussion = _api.rename_discussion
repo_exists = _api.repo_exists
repo_info = _api.repo_info
revision_exists = _api.revision_exists
run_as_future = _api.run_as_future
space_info = _api.space_info
super_squash_history = _api.super_squash_history
unlike = _api.unlike
update_collection_item = _api.update_collection_item
update_collection_metadata = _api.update_collection_metadata
update_repo_settings = _api.update_repo_settings
update_repo_visibility = _api.update_repo_visibility
update_webhook = _api.update_webhook
upload_file = _api.upload_file
upload_folder = _api.upload_folder
upload_large_folder = _api.upload_large_folder
verify_repo_checksums = _api.verify_repo_checksums
whoami = _api.whoami
