"""Names of accounts, repositories, paths, refs and digests, and labels: parsed once, then passed as types.

Each ``parse_*`` function takes untrusted text and returns a typed value or
raises :class:`~entrepot.errors.InvalidName` (paths: ``InvalidPath``; labels:
``Malformed``, ``LimitExceeded``). No other
package validates names again.
"""

from entrepot.names.accounts import AccountName, parse_account, parse_details, parse_fullname
from entrepot.names.digests import (
    Oid,
    Sha256,
    Uid,
    XetFileId,
    XetHash,
    is_oid,
    is_sha256,
    new_uid,
    parse_oid,
    parse_sha256,
    parse_uid,
    parse_xet_hash,
)
from entrepot.names.folders import (
    FolderName,
    folder_namespace,
    parse_folder_name,
    split_namespace,
)
from entrepot.names.labels import parse_description, parse_labels
from entrepot.names.links import PageLink, parse_page_link, parse_repo_link, split_url
from entrepot.names.paths import (
    ROOT,
    RepoPath,
    check_extent,
    name_fault,
    parse_folder,
    parse_path,
    parse_stored_path,
    quote_path,
)
from entrepot.names.refs import (
    CONVERT,
    MAIN,
    PARQUET,
    RefName,
    branch_ref,
    parse_branch,
    parse_revision,
    parse_tag,
    pull_ref,
    short_name,
    tag_ref,
)
from entrepot.names.repos import (
    UNSUPPORTED_TYPES,
    VERSIONED_TYPES,
    RepoId,
    RepoKind,
    RepoRef,
    RepoType,
    parse_any_type,
    parse_repo_id,
    parse_repo_type,
    parse_wanted_id,
)

__all__ = [
    "CONVERT",
    "MAIN",
    "PARQUET",
    "ROOT",
    "UNSUPPORTED_TYPES",
    "VERSIONED_TYPES",
    "AccountName",
    "FolderName",
    "Oid",
    "PageLink",
    "RefName",
    "RepoId",
    "RepoKind",
    "RepoPath",
    "RepoRef",
    "RepoType",
    "Sha256",
    "Uid",
    "XetFileId",
    "XetHash",
    "branch_ref",
    "check_extent",
    "folder_namespace",
    "is_oid",
    "is_sha256",
    "name_fault",
    "new_uid",
    "parse_account",
    "parse_any_type",
    "parse_branch",
    "parse_description",
    "parse_details",
    "parse_folder",
    "parse_folder_name",
    "parse_fullname",
    "parse_labels",
    "parse_oid",
    "parse_page_link",
    "parse_path",
    "parse_repo_id",
    "parse_repo_link",
    "parse_repo_type",
    "parse_revision",
    "parse_sha256",
    "parse_stored_path",
    "parse_tag",
    "parse_uid",
    "parse_wanted_id",
    "parse_xet_hash",
    "pull_ref",
    "quote_path",
    "short_name",
    "split_namespace",
    "split_url",
    "tag_ref",
]
