from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.errors import InvalidName, InvalidPath, Malformed
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder, Operation
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType, Sha256
from entrepot.server.hf.repos.commit_body import read_changes, read_lines, read_whole

HEADER = b'{"key":"header","value":{"summary":"s"}}'
SHA = "ab" * 32


def line(key: str, **value: Any) -> bytes:
    return json.dumps({"key": key, "value": value}).encode()


def operations(*lines: bytes) -> list[Operation]:
    return list(read_lines([HEADER, *lines]).operations)


def test_every_kind_of_line_becomes_its_operation() -> None:
    assert operations(
        line("file", path="a", content=base64.b64encode(b"hi").decode(), encoding="base64", oldPath="b"),
        line("file", path="a", content="ü"),
        line("lfsFile", path="a", algo="sha256", oid=SHA, size=3, oldPath="b"),
        line("lfsFile", path="a", oid=SHA),
        line("deletedFile", path="a"),
        line("deletedFolder", path="a/"),
        line("deletedEntry", path="a/"),
        line("copyFile", path="a", sourcePath="b"),
        line("copyFile", path="a", sourcePath="b/", sourceRevision="v1", sourceRepo="x/y", sourceType="dataset"),
    ) == [
        AddFile(RepoPath("a"), b"hi", RepoPath("b")),
        AddFile(RepoPath("a"), "ü".encode()),
        AddLarge(RepoPath("a"), Sha256(SHA), 3, RepoPath("b")),
        AddLarge(RepoPath("a"), Sha256(SHA)),
        Delete(RepoPath("a")),
        DeleteFolder(RepoPath("a")),
        Delete(RepoPath("a")),
        Copy(RepoPath("a"), RepoPath("b")),
        Copy(RepoPath("a"), RepoPath("b"), "v1", RepoRef(RepoType.DATASET, RepoId("x", "y"))),
    ]


def test_lines_are_read_when_they_are_taken() -> None:
    taken = []

    def lines() -> Iterator[bytes]:
        for number, text in enumerate([HEADER, line("deletedFile", path="a"), b"{"]):
            taken.append(number)
            yield text

    draft = read_lines(lines())
    assert taken == [0]
    assert next(iter(draft.operations)) == Delete(RepoPath("a"))
    assert taken == [0, 1]


def test_the_header_gives_the_message_and_the_parent() -> None:
    header = line("header", summary="s", description="d", parentCommit="abcdef1", merge="disjoint")
    draft = read_lines([header])
    assert (draft.summary, draft.description, draft.parent, draft.allows_disjoint) == ("s", "d", "abcdef1", True)


def test_the_header_says_how_staged_changes_are_treated() -> None:
    assert read_lines([HEADER]).staged is None
    assert read_lines([line("header", summary="s", staged={})]).staged == StagedPolicy(force=False)
    assert read_lines([line("header", summary="s", staged={"force": True})]).takes_staged


def test_changes_need_no_header_and_may_have_one_first() -> None:
    deletion = b'{"key":"deletedFile","value":{"path":"a"}}'
    assert list(read_changes([deletion])) == list(read_changes([HEADER, deletion])) == [Delete(RepoPath("a"))]
    assert list(read_changes([])) == []
    with pytest.raises(Malformed, match="line 2"):
        list(read_changes([deletion, HEADER]))


def test_the_query_may_welcome_a_disjoint_commit_too() -> None:
    assert read_lines([HEADER], allows_disjoint=True).allows_disjoint
    assert not read_lines([HEADER]).allows_disjoint


@pytest.mark.parametrize("lines", [[], [b'{"key":"deletedFile","value":{"path":"a"}}', HEADER]])
def test_the_header_must_come_first(lines: list[bytes]) -> None:
    with pytest.raises(Malformed, match="header"):
        read_lines(lines)


def test_a_second_header_is_refused() -> None:
    with pytest.raises(Malformed, match="line 2 of the commit: a second header"):
        operations(HEADER)


@pytest.mark.parametrize(
    "text",
    [b"{", b"nonsense", b'{"key":"file","value":{"path":"\xff","content":""}}', b"[" * 100_000, b'{"key":"magic"}'],
)
def test_a_line_that_is_none_is_named_by_its_number(text: bytes) -> None:
    with pytest.raises(Malformed, match="line 3 of the commit") as caught:
        operations(line("deletedFile", path="a"), text)
    assert len(caught.value.message) < 400


def test_an_unknown_encoding_is_not_echoed_at_length() -> None:
    with pytest.raises(Malformed) as caught:
        operations(line("file", path="a", content="", encoding="x" * 1_000_000))
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("content", ["a", "a b=", "aGk", "äöü=", "aGk=\n", "aG=k"])
def test_invalid_base64_names_the_path_and_the_line(content: str) -> None:
    with pytest.raises(Malformed, match=r"line 2 of the commit: the content of 'x\.bin' is not valid base64"):
        operations(line("file", path="x.bin", content=content, encoding="base64"))


BAD_PATHS = [
    "",
    "/",
    "/etc/passwd",
    "../x",
    "a/../x",
    "a//b",
    ".git/config",
    "a\\..\\x",
    "C:x",
    "a\0b",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: repr(path[:12]))
@pytest.mark.parametrize("key", ["file", "lfsFile", "copyFile", "deletedFile", "deletedFolder", "deletedEntry"])
def test_paths_that_lead_elsewhere_are_refused_everywhere(key: str, path: str) -> None:
    fields = {"file": {"content": ""}, "lfsFile": {"oid": SHA}, "copyFile": {"sourcePath": "a"}}.get(key, {})
    if key.startswith("deleted") and path in ("a\\..\\x", "C:x"):
        assert (
            operations(line(key, path=path))[0].path == path
        )  # may have been pushed earlier; nothing is written there
        return
    with pytest.raises(InvalidPath):
        operations(line(key, path=path, **fields))


@pytest.mark.parametrize("path", ["../x", "/x", ""])
def test_the_other_path_of_an_operation_is_checked_too(path: str) -> None:
    for text in (
        line("file", path="a", content="", oldPath=path),
        line("lfsFile", path="a", oid=SHA, oldPath=path),
        line("copyFile", path="a", sourcePath=path),
    ):
        with pytest.raises(InvalidPath):
            operations(text)


def test_a_digest_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidName, match="sha256"):
        operations(line("lfsFile", path="a", oid="AB" * 32))


def test_one_object_may_hold_a_whole_commit() -> None:
    whole = {
        "summary": "s",
        "parentCommit": "abcdef1",
        "files": [{"path": "a", "content": "hi"}],
        "lfsFiles": [{"path": "b", "oid": SHA}],
        "deletedEntries": [{"path": "c"}],
    }
    draft = read_whole(json.dumps(whole).encode())
    assert (draft.summary, draft.parent) == ("s", "abcdef1")
    assert list(draft.operations) == [
        AddFile(RepoPath("a"), b"hi"),
        AddLarge(RepoPath("b"), Sha256(SHA)),
        Delete(RepoPath("c")),
    ]


@pytest.mark.parametrize("data", [b"", b"{}", b"{", b"[1]", b"\xff", HEADER + b"\n" + HEADER])
def test_an_object_that_is_no_commit_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_whole(data)
