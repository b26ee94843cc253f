from __future__ import annotations

import pytest

from entrepot.client.calls import Response
from entrepot.client.calls.bulk_uploads import bulk_upload
from entrepot.errors import AnswerUnusable
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.files.bulk_uploads import MEDIA_TYPE, BulkUploadFile, encode_upload

REF = RepoRef(RepoType.SPACE, RepoId("ns", "name"))
FILES = [BulkUploadFile("a" * 64, 1)]


def test_the_files_go_to_a_branch() -> None:
    call = bulk_upload(REF, "refs/pr/1", FILES, [b"x"])
    assert (call.method, call.path, call.query) == ("POST", "/api/spaces/ns/name/files/refs%2Fpr%2F1", ())
    assert (call.body, call.media_type) == (encode_upload(FILES, [b"x"]), MEDIA_TYPE)
    assert call.is_repeatable


def test_the_files_may_be_for_a_pull_request_that_is_opened_with_them() -> None:
    assert bulk_upload(REF, "main", FILES, [b"x"], create_pr=True).query == (("create_pr", "1"),)


def test_the_answer_names_what_is_stored() -> None:
    answer = Response(200, {}, b'{"stored":["a"]}', "http://hub/x")
    assert bulk_upload(REF, "main", FILES, [b"x"]).read(answer).stored == ["a"]


def test_anything_else_is_unusable() -> None:
    with pytest.raises(AnswerUnusable):
        bulk_upload(REF, "main", FILES, [b"x"]).read(Response(200, {}, b"<html>", "http://hub/x"))
