from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.client.calls import (
    Call,
    Response,
    json_as,
    known,
    next_url,
    nothing,
    pairs,
    repo_api,
    segment,
    without_nulls,
    without_query,
)
from entrepot.errors import AnswerUnusable
from entrepot.names import RepoId, RepoRef, RepoType


class Shape(msgspec.Struct):
    name: str
    size: int = 0
    note: str | None = "absent"


def answer(body: bytes, **headers: str) -> Response:
    return Response(200, headers, body, "http://hub/api/x?secret=1")


@pytest.mark.parametrize(("method", "is_repeatable"), [("GET", True), ("DELETE", True), ("PUT", True), ("POST", False)])
def test_methods_decide_whether_a_call_is_repeatable(method: str, is_repeatable: bool) -> None:
    assert Call(method, "/", nothing).is_repeatable is is_repeatable


def test_a_call_does_not_show_its_body() -> None:
    assert "secret" not in repr(Call("POST", "/", nothing, body=b"secret"))


def test_paths_are_encoded_segment_by_segment() -> None:
    ref = RepoRef(RepoType.DATASET, RepoId("ns", "name"))
    assert repo_api(ref) == "/api/datasets/ns/name"
    assert repo_api(ref, "tree", "refs/pr/1", "a b%") == "/api/datasets/ns/name/tree/refs%2Fpr%2F1/a%20b%25"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_segment_never_has_a_separator(text: str) -> None:
    assert not set("/?# ") & set(segment(text))


def test_a_query_leaves_out_what_is_none_and_repeats_lists() -> None:
    assert pairs(a=None, b=True, c=False, d=3, e=["x", "y"], f="z", g=()) == (
        ("b", "true"),
        ("c", "false"),
        ("d", "3"),
        ("e", "x"),
        ("e", "y"),
        ("f", "z"),
    )


def test_unknown_keys_are_ignored_and_missing_ones_are_an_error() -> None:
    assert json_as(Shape)(answer(b'{"name": "a", "more": [1]}')) == Shape("a")
    with pytest.raises(AnswerUnusable, match="name") as caught:
        json_as(Shape)(answer(b"{}"))
    assert "secret" not in caught.value.message


def test_a_null_is_absent_only_where_it_is_not_expected() -> None:
    assert without_nulls(Shape)(answer(b'{"name": "a", "note": null}')) == Shape("a", note=None)
    assert without_nulls(Shape)(answer(b'{"name": "a", "size": null}')) == Shape("a")
    assert without_nulls(list[Shape])(answer(b'[{"name": "a", "size": null, "x": [null]}]')) == [Shape("a")]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"name": 1}'])
def test_a_response_that_is_not_a_hubs_is_refused(body: bytes) -> None:
    with pytest.raises(AnswerUnusable, match="the address of a hub"):
        without_nulls(Shape)(answer(body))


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<http://hub/api/x?p=1>; rel="next"', "http://hub/api/x?p=1"),
        ("</y?p=2>; rel=next", "http://hub/y?p=2"),
        ('<http://hub/first>; rel="first", <http://hub/n>; rel="next"', "http://hub/n"),
        ('<http://hub/prev>; rel="prev"', None),
        ("", None),
    ],
)
def test_the_next_page_is_found_in_the_link_header(link: str, expected: str | None) -> None:
    assert next_url(answer(b"", link=link)) == expected


def test_absent_values_are_none() -> None:
    assert known(msgspec.UNSET) is None
    assert known(3) == 3


def test_a_url_without_its_query() -> None:
    assert without_query("http://h/p?sig=1&x=2") == "http://h/p"
