from __future__ import annotations

import json

import msgspec

from entrepot.wire.files.xet import (
    FetchInfo,
    Reconstruction,
    Registered,
    ShardFailure,
    ShardResponse,
    Span,
    TermInfo,
    TokenResponse,
    Validating,
    XorbResponse,
    encode_line,
    second_version,
)

PASS = TokenResponse(cas_url="https://h/xet/s", exp=5, access_token="xet_a")
PLAN = Reconstruction(
    offset_into_first_range=3,
    terms=[TermInfo(hash="ab", unpacked_length=9, range=Span(1, 4))],
    fetch_info={"ab": [FetchInfo(range=Span(1, 4), url="u", url_range=Span(10, 19))]},
)


def as_json(value: object) -> object:
    return json.loads(msgspec.json.encode(value))


def test_a_pass_is_the_same_in_the_body_and_in_the_headers() -> None:
    assert as_json(PASS) == {"casUrl": "https://h/xet/s", "exp": 5, "accessToken": "xet_a"}
    assert PASS.headers() == {
        "X-Xet-Cas-Url": "https://h/xet/s",
        "X-Xet-Access-Token": "xet_a",
        "X-Xet-Token-Expiration": "5",
    }


def test_answers_to_uploads_are_those_of_the_protocol() -> None:
    assert as_json(XorbResponse(was_inserted=False)) == {"was_inserted": False}
    assert as_json(ShardResponse()) == {"result": 1}


def test_lines_say_first_what_they_are() -> None:
    assert encode_line(Validating(verified=1, total=2)) == b'{"type":"validating","verified":1,"total":2}\n'
    assert encode_line(Registered()) == b'{"type":"result","result":1}\n'
    failure = ShardFailure(message="no\nmore", retryable=True)
    assert encode_line(failure) == b'{"type":"error","message":"no\\nmore","retryable":true}\n'


def test_a_plan_in_the_words_of_both_versions() -> None:
    terms = [{"hash": "ab", "unpacked_length": 9, "range": {"start": 1, "end": 4}}]
    chunks, span = {"start": 1, "end": 4}, {"start": 10, "end": 19}
    assert as_json(PLAN) == {
        "offset_into_first_range": 3,
        "terms": terms,
        "fetch_info": {"ab": [{"range": chunks, "url": "u", "url_range": span}]},
    }
    assert as_json(second_version(PLAN)) == {
        "offset_into_first_range": 3,
        "terms": terms,
        "xorbs": {"ab": [{"url": "u", "ranges": [{"chunks": chunks, "bytes": span}]}]},
    }
