from __future__ import annotations

import pytest

from entrepot.client.calls import Response
from entrepot.client.calls.contents import bulk_download
from entrepot.errors import AnswerUnusable
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.files.bulk_downloads import MEDIA_TYPE, BulkDownloadFile, BulkDownloadHeader, encode_contents

REF = RepoRef(RepoType.SPACE, RepoId("ns", "name"))
HEAD = BulkDownloadHeader(commit="c" * 40, files=[BulkDownloadFile(path="a", size=1, etag="e")], left=["b"])


def answer(body: bytes, kind: str = MEDIA_TYPE) -> Response:
    return Response(200, {"content-type": kind}, body, "http://hub/x?secret")


def test_the_question_names_the_paths() -> None:
    call = bulk_download(REF, "refs/pr/1", ["a", "ä b"])
    assert (call.method, call.path) == ("POST", "/api/spaces/ns/name/contents/refs%2Fpr%2F1")
    assert call.body == '{"paths":["a","ä b"]}'.encode()
    assert call.is_repeatable


def test_the_answer_is_files_with_their_bytes() -> None:
    found = list(bulk_download(REF, "main", ["a", "b"]).read(answer(encode_contents(HEAD, [b"1"]))))
    assert [(file.path, data) for file, data in found] == [("a", b"1")]


@pytest.mark.parametrize(
    "wrong", [answer(b"<html>", "text/html"), answer(encode_contents(HEAD, [b""])), answer(b"x", MEDIA_TYPE)]
)
def test_anything_else_is_unusable(wrong: Response) -> None:
    with pytest.raises(AnswerUnusable) as caught:
        bulk_download(REF, "main", ["a"]).read(wrong)
    assert "secret" not in str(caught.value)
