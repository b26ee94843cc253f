"""Repositories as JSON: all known properties, reduced to the requested ones.

Source: docs/protocols/hf_api.md, section 1A.3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request

from entrepot.errors import Malformed
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import BaseModelNames, RevisionInfo, WeightCounts
from entrepot.names import RepoType
from entrepot.server.handlers import call_hub, call_hub_slow, query_list
from entrepot.wire.repos.repositories import (
    Annotations,
    BaseModel,
    BaseModels,
    Gate,
    LoadingClasses,
    ParameterCounts,
    RepoInfo,
    Sibling,
    SiblingLfs,
)
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_EVERY = """author cardData createdAt disabled lastModified likes private resourceGroup sha siblings tags trendingScore
    usedStorage xetEnabled gitalyUid"""
_EXPANDABLE = {
    RepoType.MODEL: """baseModels childrenModelCount config downloads downloadsAllTime evalResults gated gguf inference
        inferenceProviderMapping library_name mask_token model-index pipeline_tag safetensors spaces transformersInfo
        widgetData""",
    RepoType.DATASET: "citation description downloads downloadsAllTime gated mainSize paperswithcode_id",
    RepoType.SPACE: "datasets models region runtime sdk subdomain",
}

EXPANDABLE = {kind: tuple(sorted(f"{_EVERY} {words}".split(), key=str.lower)) for kind, words in _EXPANDABLE.items()}
"""The properties that ``expand=`` may name. Source: huggingface_hub 2.4.0, ``hf_api.py``, ``Expand…Property_T``."""

_DEFAULT = frozenset(
    """archived author cardData createdAt description disabled gated lastModified likes private sha siblings tags
    usedStorage""".split()  # noqa: SIM905
)
_USUAL = {
    RepoType.MODEL: _DEFAULT
    | {"modelId", "config", "downloads", "library_name", "model-index", "pipeline_tag", "spaces", "widgetData"}
    | {"gguf", "mask_token", "safetensors", "transformersInfo"},
    RepoType.DATASET: _DEFAULT | {"downloads", "paperswithcode_id"},
    RepoType.SPACE: _DEFAULT | {"datasets", "models", "sdk"},
}
"""The properties of a response if the request does not choose."""

ANNOTATIONS = "annotations"
"""A property that only the description of one repository has, unless the request chooses others."""

_FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(RepoInfo)}
_ALWAYS = {"_id", "id"}


def usual_properties(kind: RepoType) -> frozenset[str]:
    """Return the properties of an info if the request does not choose."""
    return _USUAL[kind]


def read_expand(request: Request, kind: RepoType) -> frozenset[str]:
    """Return the properties named by ``expand=``; empty if the request does not choose.

    Raises:
        Malformed: a property is unknown; the message lists the known ones.
    """
    wanted = frozenset(query_list(request, "expand"))
    if not wanted <= {*EXPANDABLE[kind], ANNOTATIONS}:
        legal = "|".join(f'"{name}"' for name in EXPANDABLE[kind])
        raise Malformed("parameter 'expand'", f"expected one of {legal}")
    return wanted


async def complete(
    request: Request, found: Sequence[RevisionInfo], properties: Collection[str]
) -> Sequence[RevisionInfo]:
    """Return repositories with those requested properties that take further queries."""
    if "mainSize" in properties:
        found = await call_hub_slow(request, lambda hub, _caller: infos.with_main_sizes(hub, found))
    if "childrenModelCount" in properties:
        found = await call_hub(request, infos.with_children, found)
    return found


def render_infos(found: Sequence[RevisionInfo], properties: Collection[str]) -> list[RepoInfo]:
    """Return repositories with the named properties only; properties without a value are left out."""
    hidden = [name for key, name in _FIELDS.items() if key not in _ALWAYS and key not in properties]
    shown = [render_info(full) for full in found]
    for info in shown:
        for name in hidden:
            setattr(info, name, UNSET)
    return shown


def render_info(full: RevisionInfo) -> RepoInfo:
    """Return a repository with every property that has a value."""
    row, card, files = full.info.row, full.info.row.card or {}, full.info.row.files
    name = str(row.ref.id)
    return RepoInfo(
        uid=row.uid,
        id=name,
        model_id=name,
        author=row.namespace,
        sha=full.info.head or UNSET,
        private=row.is_private,
        gated=render_gate(row.gated),
        disabled=row.is_disabled,
        archived=row.is_archived or UNSET,
        last_modified=format_ms(row.updated_ms),
        created_at=format_ms(row.created_ms),
        downloads=row.downloads,
        downloads_all_time=full.downloads_all_time,
        likes=row.likes,
        trending_score=row.trending,
        tags=full.info.tags,
        pipeline_tag=row.pipeline_tag or UNSET,
        library_name=row.library or UNSET,
        sdk=row.sdk or UNSET,
        paperswithcode_id=_text(card.get("paperswithcode_id")),
        card_data=row.card or UNSET,
        config=row.config or UNSET,
        model_index=_list(card.get("model-index")),
        widget_data=_list(card.get("widget")),
        base_models=render_base_models(files.base_models) if files.base_models else UNSET,
        safetensors=render_counts(files.safetensors) if files.safetensors else UNSET,
        gguf=files.gguf or UNSET,
        transformers_info=LoadingClasses(**files.transformers_info) if files.transformers_info else UNSET,
        mask_token=files.mask_token or UNSET,
        siblings=_siblings(full),
        spaces=(),
        models=_words(card.get("models")),
        datasets=_words(card.get("datasets")),
        resource_group=None,
        used_storage=full.used_bytes,
        xet_enabled=True,
        description=_described(card) or row.description or _summary(full) or UNSET,
        citation=files.citation or UNSET,
        eval_results=files.eval_results or UNSET,
        main_size=UNSET if full.main_size is None else full.main_size,
        children_model_count=full.children or UNSET,
        annotations=Annotations(row.labels, row.description) if row.labels or row.description else UNSET,
    )


def render_gate(word: str) -> Gate:
    """Return the value of ``gated``: ``false``, ``"auto"`` or ``"manual"``."""
    return word if word != "no" else False


def render_base_models(found: BaseModelNames) -> BaseModels:
    """Return the base models of a model and its relation to them."""
    return BaseModels(found.relation, tuple(BaseModel(name) for name in found.models))


def render_counts(found: WeightCounts) -> ParameterCounts:
    """Return the numbers of parameters of a model."""
    return ParameterCounts(found.parameters, found.total)


def _siblings(full: RevisionInfo) -> list[Sibling]:
    if not full.listed:
        return [Sibling(legible(node.path)) for node in full.siblings]
    return [
        Sibling(
            legible(item.path),
            item.size,
            item.oid,
            SiblingLfs(item.lfs.sha256, item.lfs.size, item.pointer_size) if item.lfs else UNSET,
        )
        for item in full.listed
    ]


def _summary(full: RevisionInfo) -> str:
    """Return the beginning of the card's text, for datasets, as the public hub does."""
    row = full.info.row
    return row.files.summary or "" if row.type is RepoType.DATASET else ""


def _described(card: Mapping[str, Any]) -> str:
    value = card.get("description")
    return value.strip() if isinstance(value, str) else ""


def _text(value: object) -> str | UnsetType:
    return value if isinstance(value, str) else UNSET


def _list(value: object) -> Sequence[Any] | UnsetType:
    return value if isinstance(value, list) else UNSET


def _words(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
