from __future__ import annotations

import re
import typing
from typing import Any

import attrs
import huggingface_hub.hf_api as client
import msgspec
import pytest
from starlette.requests import Request

from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Malformed
from entrepot.hub.repos.infos import RepoInfo, RevisionInfo
from entrepot.names import VERSIONED_TYPES, Oid, RepoPath, RepoType, Sha256, Uid, parse_path
from entrepot.server.hf.repos.repo_json import (
    EXPANDABLE,
    read_expand,
    render_gate,
    render_info,
    render_infos,
    usual_properties,
)
from entrepot.storage.trees import LfsTarget, ListedEntry

ROW = RepoRow(
    id=7,
    uid=Uid("0" * 24),
    namespace_id=1,
    type=RepoType.MODEL,
    name="m",
    creator_id=1,
    visibility="private",
    gated="no",
    is_disabled=False,
    settings={},
    created_ms=0,
    updated_ms=1500,
    downloads=3,
    likes=2,
    card=None,
    config=None,
    pipeline_tag=None,
    library=None,
    sdk=None,
    namespace="alice",
)
LITERALS = {
    RepoType.MODEL: client.ExpandModelProperty_T,
    RepoType.DATASET: client.ExpandDatasetProperty_T,
    RepoType.SPACE: client.ExpandSpaceProperty_T,
}


def full(**changes: Any) -> RevisionInfo:
    return RevisionInfo(RepoInfo(attrs.evolve(ROW, **changes), Oid("a" * 40), ["license:mit"]))


def shown(found: RevisionInfo, properties: frozenset[str]) -> dict[str, object]:
    [info] = render_infos([found], properties)
    decoded: dict[str, object] = msgspec.json.decode(msgspec.json.encode(info))
    return decoded


def asking(query: str) -> Request:
    return Request({"type": "http", "headers": [], "query_string": query.encode()})


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_the_properties_to_expand_are_those_of_the_real_client_and_two_more(kind: RepoType) -> None:
    assert set(EXPANDABLE[kind]) == {*typing.get_args(LITERALS[kind]), "xetEnabled", "gitalyUid"}


@pytest.mark.parametrize(
    "query", ["expand=sha&expand=likes", "expand[]=sha&expand[]=likes", "expand=likes&expand[]=sha"]
)
def test_a_list_of_properties_is_read_in_both_spellings(query: str) -> None:
    assert read_expand(asking(query), RepoType.MODEL) == {"sha", "likes"}


def test_without_a_list_nothing_is_chosen() -> None:
    assert read_expand(asking("expand="), RepoType.MODEL) == frozenset()


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_an_unknown_property_is_refused_with_the_list_of_known_ones(kind: RepoType) -> None:
    with pytest.raises(Malformed) as caught:
        read_expand(asking("expand=sha&expand=nothing"), kind)
    _, _, legal = caught.value.message.partition("expected one of ")
    assert re.fullmatch(r'"[^"]+"(?:\|"[^"]+")*', legal)
    assert re.findall(r'"([^"]+)"', legal) == list(EXPANDABLE[kind])
    assert len(caught.value.message) < 1000


def test_only_what_was_asked_for_is_shown_beside_the_ids() -> None:
    properties = frozenset({"likes", "gated", "resourceGroup", "pipeline_tag"})
    assert shown(full(), properties) == {
        "_id": "0" * 24,
        "id": "alice/m",
        "likes": 2,
        "gated": False,
        "resourceGroup": None,
    }


def test_a_model_shows_what_is_known_of_it() -> None:
    card = {"license": "mit", "base_model": "a/b", "model-index": [], "widget": [{"text": "x"}]}
    described = {
        "base_models": {"relation": "finetune", "models": ["a/b"]},
        "safetensors": {"parameters": {"F32": 6}, "total": 6, "sharded": False},
        "mask_token": "[MASK]",
    }
    indexed = {"pipeline_tag": "fill-mask", "library": "transformers", "file_metadata": described}
    found = full(card=card, config={"model_type": "bert"}, **indexed)
    assert shown(found, usual_properties(RepoType.MODEL) | {"baseModels"}) == {
        "_id": "0" * 24,
        "id": "alice/m",
        "modelId": "alice/m",
        "author": "alice",
        "sha": "a" * 40,
        "private": True,
        "gated": False,
        "disabled": False,
        "lastModified": "1970-01-01T00:00:01.500Z",
        "createdAt": "1970-01-01T00:00:00.000Z",
        "downloads": 3,
        "likes": 2,
        "tags": ["license:mit"],
        "pipeline_tag": "fill-mask",
        "library_name": "transformers",
        "cardData": card,
        "config": {"model_type": "bert"},
        "model-index": [],
        "widgetData": [{"text": "x"}],
        "baseModels": {"relation": "finetune", "models": [{"id": "a/b"}]},
        "safetensors": {"parameters": {"F32": 6}, "total": 6},
        "mask_token": "[MASK]",
        "siblings": [],
        "spaces": [],
        "usedStorage": 0,
    }


def test_a_space_shows_its_sdk_and_what_it_uses() -> None:
    card = {"models": ["a/b", 3], "datasets": "c/d"}
    found = shown(full(type=RepoType.SPACE, sdk="gradio", card=card), usual_properties(RepoType.SPACE))
    assert (found["sdk"], found["models"], found["datasets"]) == ("gradio", ["a/b"], ["c/d"])
    assert not {"modelId", "downloads", "spaces"} & found.keys()


def test_a_file_shows_its_sizes_and_what_its_pointer_says() -> None:
    plain = ListedEntry(parse_path("a"), Oid("b" * 40), False, 5, 0, None)
    large = ListedEntry(parse_path("w"), Oid("c" * 40), False, 999, 130, LfsTarget(Sha256("d" * 64), 999))
    info = render_info(attrs.evolve(full(), listed=[plain, large]))
    assert msgspec.to_builtins(info.siblings) == [
        {"rfilename": "a", "size": 5, "blobId": "b" * 40},
        {
            "rfilename": "w",
            "size": 999,
            "blobId": "c" * 40,
            "lfs": {"sha256": "d" * 64, "size": 999, "pointerSize": 130},
        },
    ]


def test_a_name_that_is_no_text_is_made_legible() -> None:
    odd = ListedEntry(RepoPath("caf\udce9"), Oid("b" * 40), False, 5, 0, None)
    assert shown(attrs.evolve(full(), listed=[odd]), frozenset({"siblings"}))["siblings"] == [
        {"rfilename": "caf\ufffd", "size": 5, "blobId": "b" * 40}
    ]


def test_a_card_of_strange_shapes_is_still_shown() -> None:
    card = {"base_model": {"x": 1}, "models": 3, "model-index": {}, "widget": "x", "paperswithcode_id": 4}
    found = shown(full(card=card), usual_properties(RepoType.MODEL) | {"models", "paperswithcode_id", "baseModels"})
    assert found["models"] == []
    assert not {"baseModels", "model-index", "widgetData", "paperswithcode_id"} & found.keys()


@pytest.mark.parametrize(("word", "value"), [("no", False), ("auto", "auto"), ("manual", "manual")])
def test_a_gate_has_two_words_and_a_false(word: str, value: object) -> None:
    assert render_gate(word) == value
