from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.files.preuploads import PreuploadAdvice, PreuploadFile, PreuploadRequest, PreuploadResponse


def test_a_question_reads_with_and_without_rules() -> None:
    text = b'{"files":[{"path":"a","size":3,"sample":"aGk="}],"gitIgnore":"*.log"}'
    question = PreuploadRequest(files=[PreuploadFile(path="a", size=3, sample="aGk=")], git_ignore="*.log")
    assert msgspec.json.decode(text, type=PreuploadRequest) == question
    assert msgspec.json.encode(question) == text


@pytest.mark.parametrize("file", [b'{"path":"a"}', b'{"path":"a","size":-1}', b'{"path":1,"size":1}'])
def test_a_file_needs_a_path_and_a_size(file: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"files":[' + file + b"]}", type=PreuploadRequest)


def test_advice_on_a_new_file_has_no_oid() -> None:
    advice = PreuploadAdvice(path="a", upload_mode="lfs", should_ignore=False)
    answer = PreuploadResponse(files=[advice], commit_oid="ab")
    text = msgspec.json.encode(answer)
    assert text == b'{"files":[{"path":"a","uploadMode":"lfs","shouldIgnore":false}],"commitOid":"ab"}'
    assert msgspec.json.decode(text, type=PreuploadResponse) == answer
