from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from huggingface_hub import DatasetInfo as TheirDataset
from huggingface_hub import ModelInfo as TheirModel

from entrepot.cards import DatasetCardData, ModelCardData, SpaceCardData
from entrepot.hf.shapes.repos import dataset_of, info_of, model_of, space_of
from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.wire.repos.repositories import WiderRepoInfo

# A model as a hub with inference and scanners describes it; shape of docs/protocols/hf_api.md, section 1A.3.
MODEL: dict[str, Any] = {
    "_id": "65f000000000000000000001",
    "id": "ns/name",
    "modelId": "ns/name",
    "author": "ns",
    "sha": "c" * 40,
    "private": False,
    "gated": "manual",
    "disabled": False,
    "lastModified": "2024-05-01T12:34:56.789Z",
    "createdAt": "2024-05-01T00:00:00.000Z",
    "downloads": 5,
    "downloadsAllTime": 7,
    "likes": 3,
    "trendingScore": 1,
    "tags": ["license:mit", "pytorch"],
    "pipeline_tag": "text-generation",
    "library_name": "transformers",
    "mask_token": "[MASK]",
    "cardData": {"license": "mit", "tags": ["x"]},
    "config": {"model_type": "bert"},
    "model-index": [{"name": "m", "results": []}],
    "widgetData": [{"text": "hi"}],
    "baseModels": ["a/b"],
    "childrenModelCount": 2,
    "safetensors": {"parameters": {"F32": 123}, "total": 123},
    "gguf": {"total": 1},
    "transformersInfo": {"auto_model": "AutoModel", "pipeline_tag": "text-generation", "more": "ignored"},
    "siblings": [
        {"rfilename": "a"},
        {"rfilename": "m", "size": 9, "blobId": "d" * 40, "lfs": {"sha256": "e" * 64, "size": 9, "pointerSize": 130}},
    ],
    "spaces": ["a/space"],
    "usedStorage": 9,
    "resourceGroup": None,
    "inference": "warm",
    "unknownToUs": True,
}


def decoded(document: dict[str, Any]) -> WiderRepoInfo:
    return msgspec.json.decode(json.dumps(document), type=WiderRepoInfo)


def test_a_model_equals_that_of_huggingface_hub() -> None:
    theirs = TheirModel(**{**MODEL, "transformersInfo": {"auto_model": "AutoModel", "pipeline_tag": "text-generation"}})
    mine = model_of(decoded(MODEL))
    # Plain fields such as children_model_count are equal; fields with their own classes are compared by content.
    plain = ["id", "author", "sha", "created_at", "last_modified", "private", "disabled", "gated", "likes", "tags"]
    plain += ["trending_score", "used_storage", "resource_group", "base_models", "children_model_count", "config"]
    plain += ["downloads", "downloads_all_time", "gguf", "inference", "library_name", "mask_token", "model_index"]
    plain += ["pipeline_tag", "spaces", "widget_data"]
    assert {name: getattr(mine, name) for name in plain} == {name: getattr(theirs, name) for name in plain}
    assert dict(mine.safetensors or {}) == dict(theirs.safetensors or {}) == {"parameters": {"F32": 123}, "total": 123}
    assert dict(mine.transformersInfo or {}) == dict(theirs.transformers_info or {})
    assert mine.siblings is not None
    assert theirs.siblings is not None
    lfs = {"size": 9, "sha256": "e" * 64, "pointer_size": 130}
    assert dict(mine.siblings[1].lfs or {}) == dict(theirs.siblings[1].lfs or {}) == lfs
    assert isinstance(mine.card_data, ModelCardData)
    assert mine.card_data.to_dict()["license"] == "mit"


def test_a_dataset_equals_that_of_huggingface_hub() -> None:
    document = {
        "_id": "1",
        "id": "ns/d",
        "description": "d",
        "citation": "c",
        "mainSize": 3,
        "cardData": {"license": "mit"},
    }
    mine, theirs = dataset_of(decoded(document)), TheirDataset(**document)
    for name in ("id", "description", "citation", "main_size", "author", "siblings", "downloads", "paperswithcode_id"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert isinstance(mine.cardData, DatasetCardData)


def test_a_space() -> None:
    document = {
        "_id": "1",
        "id": "ns/s",
        "sdk": "static",
        "models": ["a/b"],
        "runtime": {"stage": "RUNNING"},
        "cardData": {},
    }
    found = space_of(decoded(document))
    assert (found.sdk, found.models, found.runtime, found.host) == ("static", ["a/b"], {"stage": "RUNNING"}, None)
    assert isinstance(found.cardData, SpaceCardData)


def test_fields_that_the_hub_did_not_send_are_none() -> None:
    found = model_of(decoded({"_id": "1", "id": "ns/name"}))
    values = {name: value for name, value in vars(found).items() if name != "id"}
    assert set(values.values()) == {None}


def test_scanners_may_have_spoken() -> None:
    found = model_of(
        decoded({"_id": "1", "id": "a/b", "securityRepoStatus": {"scansDone": True, "filesWithIssues": []}})
    )
    assert found.security_repo_status == {"scansDone": True, "filesWithIssues": []}


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_each_kind_has_its_shape(kind: RepoType) -> None:
    found = info_of(kind, decoded({"_id": "1", "id": "a/b"}))
    assert type(found).__name__ == f"{kind.value.capitalize()}Info"
    assert found.lastModified is None
