from __future__ import annotations

import json

import msgspec
import pytest

from entrepot.wire.files.lfs import (
    Action,
    Actions,
    BatchObject,
    BatchRequest,
    BatchResponse,
    Completion,
    Failure,
    LfsObject,
    LfsRef,
    ObjectFailure,
    encode,
)


def test_a_batch_of_huggingface_hub_is_read() -> None:
    body = (
        b'{"operation":"upload","transfers":["basic","multipart"],"objects":[{"oid":"ab","size":123}],'
        b'"hash_algo":"sha256","ref":{"name":"main"}}'
    )
    read = msgspec.json.decode(body, type=BatchRequest)
    assert read == BatchRequest("upload", [LfsObject("ab", 123)], ["basic", "multipart"], ref=LfsRef("main"))


def test_a_batch_needs_only_an_operation_and_objects() -> None:
    read = msgspec.json.decode(b'{"operation":"download","objects":[]}', type=BatchRequest)
    assert (read.transfers, read.hash_algo) == ([], "sha256")


def test_another_operation_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"operation":"delete","objects":[]}', type=BatchRequest)


@pytest.mark.parametrize(
    ("ref", "name"), [(b"null", None), (b"{}", "main"), (b'{"name":"refs/heads/x"}', "refs/heads/x")]
)
def test_the_branch_of_an_upload_may_be_named(ref: bytes, name: str | None) -> None:
    asked = msgspec.json.decode(b'{"operation":"upload","objects":[],"ref":' + ref + b"}", type=BatchRequest)
    assert (asked.ref.name if asked.ref else None) == name


def test_absent_fields_stay_out_of_the_json() -> None:
    objects = [
        BatchObject("a", 1, authenticated=True),
        BatchObject("b", 2, authenticated=True, actions=Actions(download=Action("u", {}, "2024-01-01T00:00:00.000Z"))),
        BatchObject("c", 3, error=ObjectFailure(422, "no")),
    ]
    assert json.loads(encode(BatchResponse("basic", objects))) == {
        "transfer": "basic",
        "hash_algo": "sha256",
        "objects": [
            {"oid": "a", "size": 1, "authenticated": True},
            {
                "oid": "b",
                "size": 2,
                "authenticated": True,
                "actions": {"download": {"href": "u", "header": {}, "expires_at": "2024-01-01T00:00:00.000Z"}},
            },
            {"oid": "c", "size": 3, "error": {"code": 422, "message": "no"}},
        ],
    }


def test_a_completion_names_its_parts_as_clients_do() -> None:
    body = b'{"oid":"ab","parts":[{"partNumber":2,"etag":"\\"e\\""}]}'
    done = msgspec.json.decode(body, type=Completion)
    assert (done.parts[0].number, done.parts[0].etag) == (2, '"e"')
    assert encode(done) == body


def test_a_failure_says_its_sentence_to_both_kinds_of_clients() -> None:
    assert json.loads(encode(Failure("no", "no"))) == {"error": "no", "message": "no"}
