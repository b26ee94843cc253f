from __future__ import annotations

import pytest

from entrepot.client.calls import Answer
from entrepot.client.calls.parcels import deliver
from entrepot.errors import AnswerUnusable
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.parcels import MEDIA_TYPE, GivenFile, encode_delivery

REF = RepoRef(RepoType.SPACE, RepoId("ns", "name"))
FILES = [GivenFile("a" * 64, 1)]


def test_the_files_go_to_a_branch() -> None:
    call = deliver(REF, "refs/pr/1", FILES, [b"x"])
    assert (call.method, call.path, call.query) == ("POST", "/api/spaces/ns/name/files/refs%2Fpr%2F1", ())
    assert (call.body, call.media_type) == (encode_delivery(FILES, [b"x"]), MEDIA_TYPE)
    assert call.is_repeatable


def test_the_files_may_be_for_a_pull_request_that_is_opened_with_them() -> None:
    assert deliver(REF, "main", FILES, [b"x"], create_pr=True).query == (("create_pr", "1"),)


def test_the_answer_names_what_is_stored() -> None:
    answer = Answer(200, {}, b'{"stored":["a"]}', "http://hub/x")
    assert deliver(REF, "main", FILES, [b"x"]).read(answer).stored == ["a"]


def test_anything_else_is_unusable() -> None:
    with pytest.raises(AnswerUnusable):
        deliver(REF, "main", FILES, [b"x"]).read(Answer(200, {}, b"<html>", "http://hub/x"))
