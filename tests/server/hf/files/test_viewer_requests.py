from __future__ import annotations

import pytest
from starlette.requests import Request

from entrepot.errors import InvalidParameter
from entrepot.names import RepoType
from entrepot.server.hf.files.viewer_requests import optional, read_count, required, target, window


def asking(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_parameters_name_a_repository_and_a_window() -> None:
    ref, revision = target(asking("dataset=alice/d"))
    assert (ref.type, str(ref.id), revision) == (RepoType.DATASET, "alice/d", "main")
    assert target(asking("dataset=alice/d&type=model&revision=v1"))[1] == "v1"
    assert window(asking("offset=7")) == (7, 100)
    assert optional(asking("config="), "config") is None
    assert read_count(asking(""), "row", 3) == 3


@pytest.mark.parametrize("query", ["", "dataset=", "dataset=alice/d&type=bucket"])
def test_a_repository_must_be_named(query: str) -> None:
    with pytest.raises(InvalidParameter):
        target(asking(query))


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "\u0663", "9" * 16])
def test_a_count_is_a_whole_number(text: str) -> None:
    request = Request({"type": "http", "query_string": b"row=" + text.encode(), "headers": []})
    with pytest.raises(InvalidParameter):
        read_count(request, "row", 0)
    with pytest.raises(InvalidParameter):
        required(request, "split")
