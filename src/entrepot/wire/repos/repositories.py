"""JSON of repositories: creation, settings and descriptions.

Keys are camel case, with historical exceptions. ``UNSET`` fields are
absent keys; ``None`` is written as ``null``.

Source: docs/protocols/hf_api.md, sections 1A.2, 1A.3 and 1C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Gate = bool | str
"""``false``, ``"auto"`` or ``"manual"``; never ``true``."""


class NewFile(msgspec.Struct):
    """A file of a repository to create; ``encoding`` says whether ``content`` is text or base64."""

    path: str
    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class RepoCreation(msgspec.Struct):
    """Body of ``POST /api/repos/create``; a hub without compute ignores the fields that it cannot use.

    Extensions of this hub: ``empty`` (the first commit has no files; excludes
    ``files``, ``license`` and ``sdk``), ``labels`` and ``description``, as in :class:`RepoSettings`.
    """

    name: str
    organization: str | None = None
    type: str | None = None
    visibility: str | None = None
    private: bool | None = None
    sdk: str | None = None
    license: str | None = None
    files: list[NewFile] | None = None
    lfsmultipartthresh: int | None = None
    empty: bool | None = None
    labels: list[str] | None = None
    description: str | None = None


class MadeRepo(msgspec.Struct):
    """Response of ``POST /api/repos/create``: the absolute ``url`` of the page, ``namespace/name`` and the id."""

    url: str
    name: str
    id: str


class NamedRepo(msgspec.Struct):
    """Body of ``DELETE /api/repos/delete``; without ``organization`` the namespace is the caller's own."""

    name: str
    organization: str | None = None
    type: str | None = None


class RepoMove(msgspec.Struct, rename="camel"):
    """Body of ``POST /api/repos/move``: ``namespace/name``, old and new."""

    from_repo: str
    to_repo: str
    type: str | None = None


class RepoUrl(msgspec.Struct):
    """The absolute ``url`` of a repository's page."""

    url: str


class Duplication(msgspec.Struct):
    """Body of ``POST …/duplicate``: ``namespace/name`` of the copy."""

    repository: str
    visibility: str | None = None
    private: bool | None = None


class RepoSettings(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """Settings of a repository to change, or the changed ones; None is an absent key.

    Extensions of this hub: ``labels`` replaces the whole list (up to 64 of 1 to 100
    printable characters, no duplicates), ``description`` has up to 10,000
    characters; an empty list or text clears. ``mutability`` (``strict``, ``flexible`` or
    ``mutable``) is set once. ``visibility`` may be ``folder``: that of the folder of the repository.
    ``archived`` makes everything in the repository read-only, or ends this.
    """

    private: bool | None = None
    visibility: str | None = None
    gated: Gate | None = None
    discussions_disabled: bool | None = None
    discussions_sorting: str | None = None
    protected_branches: list[str] | None = None
    immutable_tags: bool | None = None
    mutability: str | None = None
    archived: bool | None = None
    gated_notifications_email: str | None = None
    gated_notifications_mode: Literal["bulk", "real-time"] | None = None
    labels: list[str] | None = None
    description: str | None = None


class Annotations(msgspec.Struct):
    """The labels and the description that were set for a repository, apart from those of its card."""

    labels: Sequence[str] = ()
    description: str = ""


class SiblingLfs(msgspec.Struct, rename="camel"):
    """The contents of a file's LFS pointer; sizes are in bytes."""

    sha256: str
    size: int
    pointer_size: int


class Sibling(msgspec.Struct, rename={"blob_id": "blobId"}):
    """A file of a repository; all fields except the path are present only with ``blobs=true``."""

    rfilename: str
    size: int | UnsetType = UNSET
    blob_id: str | UnsetType = UNSET
    lfs: SiblingLfs | UnsetType = UNSET


class SecurityStatus(msgspec.Struct, rename="camel"):
    """The results of scans of a repository's files; an issue has a ``path`` and a ``level``."""

    scans_done: bool = False
    files_with_issues: Sequence[Mapping[str, Any]] = ()


class BaseModel(msgspec.Struct):
    """A model that another one was made from."""

    id: str


class BaseModels(msgspec.Struct):
    """The base models of a model, and its relation to them: ``finetune``, ``adapter``, ``quantized`` or ``merge``."""

    relation: str
    models: Sequence[BaseModel] = ()


class ParameterCounts(msgspec.Struct):
    """The numbers of parameters of a model by data type, such as ``{"F32": 6}``, and their sum.

    Nothing else: clients before 1.0 fail to list models if there is a third key.
    """

    parameters: Mapping[str, int] = {}
    total: int = 0


class LoadingClasses(msgspec.Struct):
    """The classes of ``transformers`` that load a model, and the task that its pipeline is for."""

    auto_model: str = ""
    custom_class: str | UnsetType | None = UNSET
    pipeline_tag: str | UnsetType | None = UNSET
    processor: str | UnsetType | None = UNSET


class RepoInfo(
    msgspec.Struct,
    kw_only=True,
    rename={
        "uid": "_id",
        "model_id": "modelId",
        "last_modified": "lastModified",
        "created_at": "createdAt",
        "downloads_all_time": "downloadsAllTime",
        "trending_score": "trendingScore",
        "card_data": "cardData",
        "model_index": "model-index",
        "widget_data": "widgetData",
        "base_models": "baseModels",
        "resource_group": "resourceGroup",
        "used_storage": "usedStorage",
        "xet_enabled": "xetEnabled",
        "security_repo_status": "securityRepoStatus",
        "transformers_info": "transformersInfo",
        "main_size": "mainSize",
        "children_model_count": "childrenModelCount",
        "eval_results": "evalResults",
    },
):
    """A model, dataset or space in descriptions and lists; times end in ``Z``, sizes are in bytes.

    ``tags`` has the labels of the repository after those of its card;
    ``description`` is the card's, else the repository's. ``annotations``: an extension
    of this hub, in the description of one repository, absent if nothing was set. ``archived``: an
    extension too, absent unless true.
    """

    uid: str
    id: str
    model_id: str | UnsetType = UNSET
    author: str | UnsetType = UNSET
    sha: str | UnsetType = UNSET
    private: bool | UnsetType = UNSET
    gated: Gate | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    last_modified: str | UnsetType = UNSET
    created_at: str | UnsetType = UNSET
    downloads: int | UnsetType = UNSET
    downloads_all_time: int | UnsetType = UNSET
    likes: int | UnsetType = UNSET
    trending_score: float | UnsetType = UNSET
    tags: Sequence[str] | UnsetType = UNSET
    pipeline_tag: str | UnsetType = UNSET
    library_name: str | UnsetType = UNSET
    sdk: str | UnsetType = UNSET
    paperswithcode_id: str | UnsetType = UNSET
    card_data: Mapping[str, Any] | UnsetType = UNSET
    config: Mapping[str, Any] | UnsetType = UNSET
    model_index: Sequence[Any] | UnsetType = UNSET
    widget_data: Any = UNSET
    base_models: BaseModels | Sequence[str] | UnsetType = UNSET
    siblings: Sequence[Sibling] | UnsetType = UNSET
    spaces: Sequence[str] | UnsetType = UNSET
    models: Sequence[str] | UnsetType = UNSET
    datasets: Sequence[str] | UnsetType = UNSET
    resource_group: Mapping[str, Any] | UnsetType | None = UNSET
    used_storage: int | UnsetType = UNSET
    xet_enabled: bool | UnsetType = UNSET
    security_repo_status: SecurityStatus | UnsetType = UNSET
    description: str | UnsetType = UNSET
    annotations: Annotations | UnsetType = UNSET
    safetensors: ParameterCounts | UnsetType = UNSET
    gguf: Mapping[str, Any] | UnsetType = UNSET
    transformers_info: LoadingClasses | UnsetType = UNSET
    mask_token: str | UnsetType = UNSET
    citation: str | UnsetType = UNSET
    main_size: int | UnsetType = UNSET
    children_model_count: Mapping[str, int] | int | UnsetType = UNSET
    eval_results: Sequence[Any] | UnsetType = UNSET


class WiderRepoInfo(RepoInfo, kw_only=True):
    """A repository including the fields that only other hubs send; clients decode this."""

    inference: str | UnsetType = UNSET
    host: str | UnsetType = UNSET
    subdomain: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    runtime: Mapping[str, Any] | UnsetType = UNSET


class StoredRepo(msgspec.Struct, rename="camel"):
    """A repository with its storage in bytes and its share, in percent, of the storage of its namespace."""

    id: str
    type: str
    updated_at: str
    visibility: str
    storage: int
    storage_percent: float


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often something happened on one day (UTC), whose date is as in ISO 8601."""

    day: str
    count: int


class FreedStorage(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes that deleting some refs together frees."""

    refs: Sequence[str]
    freed: int
