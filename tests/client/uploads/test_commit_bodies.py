import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.operations import AddStored, Copy, Delete, DeleteFolder
from entrepot.client.sources import BytesSource, PathSource
from entrepot.client.uploads.commit_bodies import AddContent, AddText, commit_body
from entrepot.errors import SourceChanged
from entrepot.names import RepoPath, RepoRef, RepoType, Sha256, parse_repo_id

TARGET = CommitTarget(RepoRef(RepoType.MODEL, parse_repo_id("a/b")))
OTHER = RepoRef(RepoType.DATASET, parse_repo_id("c/d"))


def lines(*changes: object, target: CommitTarget = TARGET) -> list[dict[str, object]]:
    body = commit_body(target, CommitMessage("sum", "desc"), changes)  # type: ignore[arg-type]
    sent = b"".join(body)
    assert len(sent) == body.size
    return [json.loads(line) for line in sent.splitlines()]


def test_the_header_comes_first() -> None:
    assert lines() == [{"key": "header", "value": {"summary": "sum", "description": "desc"}}]
    pinned = CommitTarget(TARGET.repo, parent="a" * 40)
    assert lines(target=pinned)[0]["value"] == {"summary": "sum", "description": "desc", "parentCommit": "a" * 40}


def test_every_change_is_a_line() -> None:
    path = RepoPath("x/y.txt")
    assert lines(
        AddStored(path, Sha256("a" * 64), 7),
        Delete(path),
        DeleteFolder(RepoPath("x")),
        Copy(path, RepoPath("from"), "v1", OTHER),
        Copy(path, RepoPath("from")),
    )[1:] == [
        {"key": "lfsFile", "value": {"path": "x/y.txt", "oid": "a" * 64, "size": 7}},
        {"key": "deletedFile", "value": {"path": "x/y.txt"}},
        {"key": "deletedFolder", "value": {"path": "x/"}},
        {
            "key": "copyFile",
            "value": {
                "path": "x/y.txt",
                "sourcePath": "from",
                "sourceRevision": "v1",
                "sourceRepo": "c/d",
                "sourceType": "dataset",
            },
        },
        {"key": "copyFile", "value": {"path": "x/y.txt", "sourcePath": "from"}},
    ]


@given(st.binary(max_size=100), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_content_survives_as_base64_under_any_path(content: bytes, path: str) -> None:
    (line,) = lines(AddContent(RepoPath(path), BytesSource(content)))[1:]
    assert line["value"] == {"path": path, "encoding": "base64", "content": base64.b64encode(content).decode()}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_text_is_sent_without_base64(text: str) -> None:
    (line,) = lines(AddText(RepoPath("a"), text.encode()))[1:]
    assert line == {"key": "file", "value": {"path": "a", "content": text}}


@pytest.mark.parametrize("size", [786_431, 786_432, 786_433, 1 << 20, (3 << 20) + 1, (3 << 20) + 2])
def test_a_content_of_any_length_is_streamed_with_a_known_length(size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    (line,) = lines(AddContent(RepoPath("a"), BytesSource(content[:size])))[1:]
    assert base64.b64decode(line["value"]["content"]) == content[:size]


def test_a_body_can_be_sent_again_in_large_pieces() -> None:
    changes = [AddContent(RepoPath(f"{number}"), BytesSource(b"x" * 1000)) for number in range(1000)]
    body = commit_body(TARGET, CommitMessage("sum"), changes)
    assert b"".join(body) == b"".join(body)
    assert len(list(body)) < 10


def test_a_file_that_has_changed_breaks_it_off(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    body = commit_body(TARGET, CommitMessage("sum"), [AddContent(RepoPath("a"), PathSource.at(tmp_path / "a"))])
    (tmp_path / "a").write_bytes(b"after!!")
    with pytest.raises(SourceChanged):
        list(body)
