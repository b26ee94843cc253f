"""Models, datasets and spaces as returned by ``repo_info`` and lists."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from entrepot.client.calls import known
from entrepot.errors import InvalidName
from entrepot.hf.shapes.times import parse_timestamp_or_none
from entrepot.names import RepoType
from entrepot.wire.repos.repositories import BaseModels, LoadingClasses, Sibling, WiderRepoInfo

if TYPE_CHECKING:
    from entrepot.cards import DatasetCardData, ModelCardData, SpaceCardData


@dataclasses.dataclass
class BlobLfsInfo(dict[str, Any]):
    """The fields of a large file's LFS pointer; also usable as a mapping of the same fields."""

    size: int
    sha256: str
    pointer_size: int

    def __post_init__(self) -> None:
        self.update(dataclasses.asdict(self))


@dataclasses.dataclass
class SafeTensorsInfo(dict[str, Any]):
    """The number of parameters of a model by type; also usable as a mapping of the same fields."""

    parameters: dict[str, int]
    total: int

    def __post_init__(self) -> None:
        self.update(dataclasses.asdict(self))


@dataclasses.dataclass
class TransformersInfo(dict[str, Any]):
    """How ``transformers`` loads a model; also usable as a mapping of the same fields."""

    auto_model: str
    custom_class: str | None = None
    pipeline_tag: str | None = None
    processor: str | None = None

    def __post_init__(self) -> None:
        self.update(dataclasses.asdict(self))


@dataclasses.dataclass
class RepoSibling:
    """A file of a repository; all fields but the path are None unless ``files_metadata=True``."""

    rfilename: str
    size: int | None = None
    blob_id: str | None = None
    lfs: BlobLfsInfo | None = None


@dataclasses.dataclass
class RepoInfo:
    """Fields common to all repository types; fields that the hub did not send are None."""

    id: str
    author: str | None = None
    sha: str | None = None
    created_at: datetime.datetime | None = None
    last_modified: datetime.datetime | None = None
    private: bool | None = None
    disabled: bool | None = None
    archived: bool | None = None
    gated: Literal["auto", "manual", False] | None = None
    likes: int | None = None
    tags: list[str] | None = None
    siblings: list[RepoSibling] | None = None
    trending_score: int | None = None
    used_storage: int | None = None
    resource_group: dict[str, Any] | None = None

    @property
    def lastModified(self) -> datetime.datetime | None:  # noqa: N802 - name in older programs
        """Alias of ``last_modified``."""
        return self.last_modified


@dataclasses.dataclass
class ModelInfo(RepoInfo):
    """A model."""

    base_models: dict[str, Any] | list[str] | None = None
    card_data: ModelCardData | None = None
    children_model_count: dict[str, int] | int | None = None
    config: dict[str, Any] | None = None
    downloads: int | None = None
    downloads_all_time: int | None = None
    eval_results: list[Any] | None = None
    gguf: dict[str, Any] | None = None
    inference: str | None = None
    library_name: str | None = None
    mask_token: str | None = None
    model_index: list[Any] | None = None
    pipeline_tag: str | None = None
    safetensors: SafeTensorsInfo | None = None
    security_repo_status: dict[str, Any] | None = None
    spaces: list[str] | None = None
    transformers_info: TransformersInfo | None = None
    widget_data: Any | None = None

    @property
    def cardData(self) -> ModelCardData | None:  # noqa: N802 - name in older programs
        """Alias of ``card_data``."""
        return self.card_data

    @property
    def modelId(self) -> str:  # noqa: N802 - name in older programs
        """Alias of ``id``."""
        return self.id

    @property
    def transformersInfo(self) -> TransformersInfo | None:  # noqa: N802 - name in older programs
        """Alias of ``transformers_info``."""
        return self.transformers_info


@dataclasses.dataclass
class DatasetInfo(RepoInfo):
    """A dataset."""

    card_data: DatasetCardData | None = None
    citation: str | None = None
    description: str | None = None
    downloads: int | None = None
    downloads_all_time: int | None = None
    main_size: int | None = None
    paperswithcode_id: str | None = None

    @property
    def cardData(self) -> DatasetCardData | None:  # noqa: N802 - name in older programs
        """Alias of ``card_data``."""
        return self.card_data


@dataclasses.dataclass
class SpaceInfo(RepoInfo):
    """A space."""

    card_data: SpaceCardData | None = None
    datasets: list[str] | None = None
    host: str | None = None
    models: list[str] | None = None
    region: str | None = None
    runtime: dict[str, Any] | None = None
    sdk: str | None = None
    subdomain: str | None = None

    @property
    def cardData(self) -> SpaceCardData | None:  # noqa: N802 - name in older programs
        """Alias of ``card_data``."""
        return self.card_data


def info_of(kind: RepoType, found: WiderRepoInfo) -> ModelInfo | DatasetInfo | SpaceInfo:
    """Convert repository metadata to the class of its type.

    Raises:
        InvalidName: it is a bucket, which has metadata of another shape.
    """
    match kind:
        case RepoType.MODEL:
            return model_of(found)
        case RepoType.DATASET:
            return dataset_of(found)
        case RepoType.SPACE:
            return space_of(found)
        case RepoType.BUCKET:
            raise InvalidName("repository type", kind.value, "expected model, dataset or space")


def model_of(found: WiderRepoInfo) -> ModelInfo:
    """Convert the metadata of a model."""
    from entrepot.cards import ModelCardData

    card, tensors = known(found.card_data), known(found.safetensors)
    loading, security = known(found.transformers_info), known(found.security_repo_status)
    return ModelInfo(
        **_usual(found),
        base_models=_base_models(known(found.base_models)),
        card_data=ModelCardData(ignore_metadata_errors=True, **card) if card is not None else None,
        children_model_count=_count(known(found.children_model_count)),
        config=_dict(known(found.config)),
        downloads=known(found.downloads),
        downloads_all_time=known(found.downloads_all_time),
        eval_results=_list(known(found.eval_results)),
        gguf=_dict(known(found.gguf)),
        inference=known(found.inference),
        library_name=known(found.library_name),
        mask_token=known(found.mask_token),
        model_index=_list(known(found.model_index)),
        pipeline_tag=known(found.pipeline_tag),
        safetensors=SafeTensorsInfo(dict(tensors.parameters), tensors.total) if tensors is not None else None,
        security_repo_status=(
            {"scansDone": security.scans_done, "filesWithIssues": [dict(issue) for issue in security.files_with_issues]}
            if security is not None
            else None
        ),
        spaces=_list(known(found.spaces)),
        transformers_info=_loading(loading) if loading is not None else None,
        widget_data=known(found.widget_data),
    )


def dataset_of(found: WiderRepoInfo) -> DatasetInfo:
    """Convert the metadata of a dataset."""
    from entrepot.cards import DatasetCardData

    card = known(found.card_data)
    return DatasetInfo(
        **_usual(found),
        card_data=DatasetCardData(ignore_metadata_errors=True, **card) if card is not None else None,
        citation=known(found.citation),
        description=known(found.description),
        downloads=known(found.downloads),
        downloads_all_time=known(found.downloads_all_time),
        main_size=known(found.main_size),
        paperswithcode_id=known(found.paperswithcode_id),
    )


def space_of(found: WiderRepoInfo) -> SpaceInfo:
    """Convert the metadata of a space."""
    from entrepot.cards import SpaceCardData

    card = known(found.card_data)
    return SpaceInfo(
        **_usual(found),
        card_data=SpaceCardData(ignore_metadata_errors=True, **card) if card is not None else None,
        datasets=_list(known(found.datasets)),
        host=known(found.host),
        models=_list(known(found.models)),
        region=known(found.region),
        runtime=_dict(known(found.runtime)),
        sdk=known(found.sdk),
        subdomain=known(found.subdomain),
    )


def _usual(found: WiderRepoInfo) -> dict[str, Any]:
    siblings = known(found.siblings)
    return {
        "id": found.id,
        "author": known(found.author),
        "sha": known(found.sha),
        "created_at": parse_timestamp_or_none(known(found.created_at)),
        "last_modified": parse_timestamp_or_none(known(found.last_modified)),
        "private": known(found.private),
        "disabled": known(found.disabled),
        "archived": known(found.archived),
        "gated": known(found.gated),
        "likes": known(found.likes),
        "tags": _list(known(found.tags)),
        "siblings": [_sibling(sibling) for sibling in siblings] if siblings is not None else None,
        "trending_score": known(found.trending_score),
        "used_storage": known(found.used_storage),
        "resource_group": _dict(known(found.resource_group)),
    }


def _sibling(found: Sibling) -> RepoSibling:
    lfs = known(found.lfs)
    return RepoSibling(
        rfilename=found.rfilename,
        size=known(found.size),
        blob_id=known(found.blob_id),
        lfs=BlobLfsInfo(lfs.size, lfs.sha256, lfs.pointer_size) if lfs is not None else None,
    )


def _loading(found: LoadingClasses) -> TransformersInfo:
    return TransformersInfo(
        found.auto_model, known(found.custom_class), known(found.pipeline_tag), known(found.processor)
    )


def _base_models(found: object) -> dict[str, Any] | list[str] | None:
    if isinstance(found, BaseModels):
        return {"relation": found.relation, "models": [{"id": model.id} for model in found.models]}
    return _list(found)


def _count(found: object) -> dict[str, int] | int | None:
    if isinstance(found, Mapping):
        return dict(found)
    return found if isinstance(found, int) else None


def _list(values: Any) -> list[Any] | None:  # noqa: ANN401 - any sequence of the response
    return list(values) if values is not None else None


def _dict(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(values) if values is not None else None
