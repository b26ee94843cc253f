from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from entrepot.wire.repos.repositories import (
    NewFile,
    RepoCreation,
    RepoInfo,
    RepoMove,
    RepoSettings,
    Sibling,
    SiblingLfs,
    StoredRepo,
)


def plain(value: msgspec.Struct) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def test_unknown_fields_of_a_repository_are_absent_but_nulls_are_written() -> None:
    assert plain(RepoInfo(uid="1", id="a/b")) == {"_id": "1", "id": "a/b"}
    assert plain(RepoInfo(uid="1", id="a/b", resource_group=None)) == {"_id": "1", "id": "a/b", "resourceGroup": None}


def test_a_repository_is_written_with_the_keys_of_history() -> None:
    info = RepoInfo(
        uid="1",
        id="a/b",
        model_id="a/b",
        last_modified="t",
        card_data={"k": [1]},
        model_index=[],
        pipeline_tag="x",
        library_name="y",
        used_storage=3,
        gated="auto",
    )
    assert plain(info) == {
        "_id": "1",
        "id": "a/b",
        "modelId": "a/b",
        "lastModified": "t",
        "cardData": {"k": [1]},
        "model-index": [],
        "pipeline_tag": "x",
        "library_name": "y",
        "usedStorage": 3,
        "gated": "auto",
    }
    assert msgspec.json.decode(msgspec.json.encode(info), type=RepoInfo) == info


def test_a_file_is_as_long_as_it_is_known() -> None:
    assert plain(Sibling("a")) == {"rfilename": "a"}
    large = Sibling("a", 9, "b", SiblingLfs("c", 9, 130))
    expected = {"rfilename": "a", "size": 9, "blobId": "b", "lfs": {"sha256": "c", "size": 9, "pointerSize": 130}}
    assert plain(large) == expected
    assert msgspec.convert({"rfilename": "a"}, Sibling).size is UNSET


@pytest.mark.parametrize(
    "body", [{}, {"private": False}, {"gated": False}, {"gated": "manual", "discussionsDisabled": True}]
)
def test_settings_are_written_as_they_were_read(body: dict[str, Any]) -> None:
    assert plain(msgspec.convert(body, RepoSettings)) == body


def test_a_null_is_no_setting() -> None:
    assert plain(msgspec.convert({"private": None}, RepoSettings)) == {}


def test_unknown_keys_of_a_new_repository_are_ignored() -> None:
    body = {"name": "x", "hardware": "a100", "secrets": [{"key": "a"}], "files": [{"path": "a", "content": "b"}]}
    assert msgspec.convert(body, RepoCreation) == RepoCreation("x", files=[NewFile("a", "b")])


def test_bodies_have_camel_case_keys() -> None:
    assert msgspec.convert({"fromRepo": "a/b", "toRepo": "c/d"}, RepoMove) == RepoMove("a/b", "c/d")
    stored = StoredRepo("a/b", "model", "t", "public", 5, 12.5)
    assert plain(stored).keys() == {"id", "type", "updatedAt", "visibility", "storage", "storagePercent"}
