from __future__ import annotations

import msgspec

from entrepot.wire.files.large_files import (
    Deletions,
    DeletionsRequest,
    LargeFileEntry,
    LargeFilePusher,
    SharedFile,
    ShareFailure,
    ShareRequest,
    ShareResponse,
    ShareTarget,
)


def test_an_entry_has_every_key_that_clients_index_and_no_empty_one() -> None:
    entry = LargeFileEntry(file_oid="1", filename="a", oid="ab", pushed_at="2024-05-01T12:34:56.789Z", size=3)
    text = msgspec.json.encode(entry)
    assert text == b'{"fileOid":"1","filename":"a","oid":"ab","pushedAt":"2024-05-01T12:34:56.789Z","size":3}'
    known = msgspec.structs.replace(entry, ref="main", pusher=LargeFilePusher(name="alice"))
    assert msgspec.json.decode(msgspec.json.encode(known), type=LargeFileEntry) == known


def test_deletions_read_as_the_client_writes_them() -> None:
    text = b'{"deletions":{"sha":["1"],"rewriteHistory":true}}'
    question = DeletionsRequest(deletions=Deletions(sha=["1"], rewrite_history=True))
    assert msgspec.json.decode(text, type=DeletionsRequest) == question
    assert msgspec.json.encode(question) == text


def test_a_share_reads_as_the_client_writes_it() -> None:
    text = b'{"target":{"name":"a/b","type":"dataset"},"files":[{"sha256":"ab","xetHash":"cd","filename":"f"}]}'
    question = ShareRequest(
        target=ShareTarget(name="a/b", type="dataset"),
        files=[SharedFile(sha256="ab", xet_hash="cd", filename="f")],
    )
    assert msgspec.json.decode(text, type=ShareRequest) == question
    assert msgspec.json.encode(question) == text


def test_the_answer_to_a_share_reads_back() -> None:
    failure = ShareFailure(sha256="ab", xet_hash=None, error="e")
    answer = ShareResponse(success=False, processed=1, succeeded=0, failed=[failure])
    text = msgspec.json.encode(answer)
    assert b'"failed":[{"sha256":"ab","xetHash":null,"error":"e"}]' in text
    assert msgspec.json.decode(text, type=ShareResponse) == answer
