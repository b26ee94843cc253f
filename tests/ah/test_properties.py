from __future__ import annotations

import json
from typing import Any

import pytest

from entrepot.ah.paths import parse_resource
from entrepot.ah.properties import check_description, check_labels, extra_of, row_of


def test_labels_keep_their_order() -> None:
    assert check_labels(["b", "a"]) == ["b", "a"]
    assert check_labels(("x",)) == ["x"]
    assert (check_labels([]), check_labels(None)) == ([], None)


@pytest.mark.parametrize("labels", ["abc", b"abc", 3, [3], [None]])
def test_labels_are_a_list_of_texts(labels: Any) -> None:
    with pytest.raises(TypeError):
        check_labels(labels)


@pytest.mark.parametrize("labels", [[""], ["a\nb"], ["x" * 101], ["a", "a"], [f"l{n}" for n in range(65)], ["\x1b[0m"]])
def test_labels_are_short_printable_and_different(labels: list[str]) -> None:
    with pytest.raises(ValueError, match=r"label"):
        check_labels(labels)


def test_descriptions() -> None:
    assert (check_description(None), check_description(""), check_description("a\nb")) == (None, "", "a\nb")
    with pytest.raises(ValueError, match=r"10,000"):
        check_description("x" * 10_001)
    with pytest.raises(TypeError):
        check_description(3)  # type: ignore[arg-type]


def test_rows_of_folders_and_assets() -> None:
    facts: dict[str, Any] = {
        "uid": "6" * 24,
        "labels": ("a",),
        "description": "",
        "permission": "own",
        "editor": None,
        "created": "2024-01-01T00:00:00.000Z",
        "modified": "2024-01-02T00:00:00.000Z",
    }
    folder = row_of(parse_resource("model/llm", "demo"), **facts)
    assert (folder["name"], folder["type"], folder["storageType"]) == ("llm", "Folder", 0)
    asset = row_of(parse_resource("dataset/llm/x", "demo"), **facts)
    assert (asset["name"], asset["type"], asset["storageType"]) == ("x", "Dataset", 3)
    assert set(asset) == {
        *("id", "path", "name", "type", "labels", "description", "permission", "editor"),
        *("modifiedTimestamp", "extra", "storageType"),
    }
    assert json.loads(extra_of("t")) == {"createdTimestamp": "t"}
