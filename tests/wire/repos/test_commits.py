from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.repos.commits import (
    CommitHeader,
    CommitLine,
    CommitResponse,
    CopyFile,
    CopyFileLine,
    DeletedEntryLine,
    DeletedFileLine,
    DeletedFolderLine,
    DeletedPath,
    File,
    FileLine,
    HeaderLine,
    LfsFile,
    LfsFileLine,
    WholeCommit,
)

# Lines as huggingface_hub 2.4.0 writes them (_commit_api.py, _prepare_commit_payload), and our own copyFile.
LINES: list[tuple[bytes, CommitLine]] = [
    (
        b'{"key":"header","value":{"summary":"s","description":"d","parentCommit":"abcdef1"}}',
        HeaderLine(CommitHeader(summary="s", description="d", parent_commit="abcdef1")),
    ),
    (
        b'{"key":"file","value":{"path":"a","content":"aGk=","encoding":"base64"}}',
        FileLine(File(path="a", content="aGk=", encoding="base64")),
    ),
    (b'{"key":"file","value":{"path":"a","content":"hi"}}', FileLine(File(path="a", content="hi"))),
    (b'{"key":"lfsFile","value":{"path":"a","oid":"ab","size":3}}', LfsFileLine(LfsFile(path="a", oid="ab", size=3))),
    (
        b'{"key":"copyFile","value":{"path":"b","sourcePath":"a","sourceRevision":"v1"}}',
        CopyFileLine(CopyFile(path="b", source_path="a", source_revision="v1")),
    ),
    (b'{"key":"deletedFile","value":{"path":"a"}}', DeletedFileLine(DeletedPath(path="a"))),
    (b'{"key":"deletedFolder","value":{"path":"a/"}}', DeletedFolderLine(DeletedPath(path="a/"))),
    (b'{"key":"deletedEntry","value":{"path":"a"}}', DeletedEntryLine(DeletedPath(path="a"))),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_a_line_reads_and_writes_back(text: bytes, line: CommitLine) -> None:
    assert msgspec.json.decode(text, type=CommitLine) == line
    assert msgspec.json.encode(line) == text


def test_the_key_may_come_last_and_unknown_fields_are_passed_over() -> None:
    text = b'{"value":{"path":"a","algo":"sha256","oid":"ab","mood":1},"key":"lfsFile"}'
    assert msgspec.json.decode(text, type=CommitLine) == LfsFileLine(LfsFile(path="a", oid="ab"))


@pytest.mark.parametrize(
    "text",
    [
        b'{"key":"magic","value":{}}',
        b'{"key":"file","value":{"path":"a"}}',
        b'{"key":"file","value":{"path":"a","content":"","encoding":"rot13"}}',
        b'{"key":"lfsFile","value":{"path":"a","oid":"ab","algo":"md5"}}',
        b'{"key":"lfsFile","value":{"path":"a","oid":"ab","size":-1}}',
        b'{"key":"header","value":{"summary":"s","merge":"ours"}}',
        b'{"key":"header","value":{}}',
        b"[]",
    ],
)
def test_other_lines_are_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=CommitLine)


def test_a_whole_commit_may_lack_everything_but_its_summary() -> None:
    whole = msgspec.json.decode(b'{"summary":"s"}', type=WholeCommit)
    assert whole == WholeCommit(summary="s", files=[], lfs_files=[], deleted_entries=[])


def test_an_answer_without_pull_request_has_no_such_key() -> None:
    answer = CommitResponse(success=True, commit_oid="ab", commit_url="u", hook_output="")
    text = msgspec.json.encode(answer)
    assert text == b'{"success":true,"commitOid":"ab","commitUrl":"u","hookOutput":""}'
    assert msgspec.json.decode(text, type=CommitResponse) == answer
