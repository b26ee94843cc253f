from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.operations import Add
from entrepot.client.sources import BytesSource, PathSource
from entrepot.client.uploads.local_lfs_rules import MAX_BYTES, LocalDecision, LocalLfsRules, read_rules
from entrepot.client.uploads.publishing import publish
from entrepot.client.uploads.upload_plan import find_entries
from entrepot.names import RepoPath

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.uploader import Uploader

LFS = "filter=lfs diff=lfs merge=lfs -text"


def judged(
    folder: Path, path: str, content: bytes, attributes: dict[str, str] | None = None, ignores: str = ""
) -> LocalDecision:
    (folder / "file").write_bytes(content)
    texts = LocalLfsRules(attributes or {}, ignores)
    verdict = texts.decide(Add(RepoPath(path), PathSource.at(folder / "file")))
    assert (RepoPath(path) in texts.contents) == (verdict is LocalDecision.TEXT)
    return verdict


def claims(
    folder: Path, path: str, content: bytes, attributes: dict[str, str] | None = None, ignores: str = ""
) -> bool:
    return judged(folder, path, content, attributes, ignores) is LocalDecision.TEXT


@pytest.mark.parametrize("content", [b"", b"text", "é".encode(), b"x" * MAX_BYTES])
def test_a_small_text_is_claimed(tmp_path: Path, content: bytes) -> None:
    assert claims(tmp_path, "a/b.txt", content)


@pytest.mark.parametrize("content", [b"\xff", b"x" * 600 + b"\0", b"x" * (MAX_BYTES + 1)])
def test_large_and_unclear_files_are_left_to_the_hub(tmp_path: Path, content: bytes) -> None:
    assert judged(tmp_path, "a/b.txt", content) is LocalDecision.UNCLEAR


@pytest.mark.parametrize(
    ("attributes", "ignores", "verdict"),
    [
        ("", "", LocalDecision.LARGE),
        ("*.txt -filter", "", LocalDecision.UNCLEAR),
        ("*.txt !filter", "", LocalDecision.LARGE),
        ("", "*.txt", LocalDecision.UNCLEAR),
    ],
)
def test_a_nul_makes_a_file_large_without_a_rule(
    tmp_path: Path, attributes: str, ignores: str, verdict: LocalDecision
) -> None:
    assert judged(tmp_path, "a/b.txt", b"x\0", {"": attributes}, ignores) is verdict


@pytest.mark.parametrize(
    ("content", "verdict"),
    [(b"text", LocalDecision.LARGE), (b"", LocalDecision.UNCLEAR), (b"x" * (MAX_BYTES + 1), LocalDecision.UNCLEAR)],
)
def test_a_rule_makes_a_file_large_that_has_bytes(tmp_path: Path, content: bytes, verdict: LocalDecision) -> None:
    assert judged(tmp_path, "a/b.txt", content, {"": f"*.txt {LFS}"}) is verdict


@pytest.mark.parametrize(
    ("attributes", "is_claimed"),
    [
        ({"": f"*.txt {LFS}"}, False),
        ({"": f"*.bin {LFS}"}, True),
        ({"": f"/b.txt {LFS}"}, True),
        ({"a": f"/b.txt {LFS}"}, False),
        ({"": f"*.txt {LFS}", "a": "*.txt -filter"}, True),
        ({"": f"a/** {LFS}"}, False),
        ({"other": f"*.txt {LFS}"}, True),
    ],
)
def test_attributes_decide_the_deepest_first(tmp_path: Path, attributes: dict[str, str], is_claimed: bool) -> None:
    assert claims(tmp_path, "a/b.txt", b"text", attributes) is is_claimed


def test_ignored_files_are_left_to_the_hub(tmp_path: Path) -> None:
    assert not claims(tmp_path, "a/b.txt", b"text", ignores="*.txt\n")
    assert claims(tmp_path, "a/b.txt", b"text", ignores="*.log\n")


def test_contents_in_memory_are_left_to_the_hub() -> None:
    assert LocalLfsRules({}, "").decide(Add(RepoPath("a"), BytesSource(b"text"))) is LocalDecision.UNCLEAR


def test_the_memory_for_contents_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.client.uploads.local_lfs_rules._MAX_KEPT", 10)
    (tmp_path / "file").write_bytes(b"123456")
    texts, source = LocalLfsRules({}, ""), PathSource.at(tmp_path / "file")
    assert [texts.decide(Add(RepoPath(path), source)) for path in ("a", "b")] == [
        LocalDecision.TEXT,
        LocalDecision.UNCLEAR,
    ]


def test_rules_are_read_from_the_folder_and_from_above(uploader: Uploader) -> None:
    target = CommitTarget(uploader.repo())
    contents = {
        ".gitignore": "*.tmp\n",
        "x/.gitattributes": f"*.x {LFS}\n",
        "x/y/.gitattributes": f"*.y {LFS}\n",
        "x/y/z/.gitattributes": f"*.z {LFS}\n",
        "other/.gitattributes": f"*.txt {LFS}\n",
    }
    adds = [Add(RepoPath(path), BytesSource(text.encode())) for path, text in contents.items()]
    publish(uploader.hub, target, adds, CommitMessage("rules"))
    (uploader.folder / "file").write_bytes(b"text")
    source = PathSource.at(uploader.folder / "file")
    found = find_entries(uploader.hub, target, [RepoPath("x/y/a"), RepoPath("x/y/z/b")])
    texts = read_rules(uploader.hub, target, found.folder, found.entries, None)
    assert texts is not None
    verdicts = {
        path: texts.decide(Add(RepoPath(path), source))
        for path in ("x/y/a.txt", "x/y/a.x", "x/y/a.y", "x/y/a.z", "x/y/z/a.z", "x/y/a.bin", "x/y/a.tmp")
    }
    assert [path for path, verdict in verdicts.items() if verdict is LocalDecision.TEXT] == ["x/y/a.txt", "x/y/a.z"]
    other = read_rules(uploader.hub, target, found.folder, found.entries, "*.txt\n")
    assert other is not None
    assert other.decide(Add(RepoPath("x/y/a.txt"), source)) is LocalDecision.UNCLEAR


def test_too_many_rules_are_left_to_the_hub(uploader: Uploader) -> None:
    target = CommitTarget(uploader.repo())
    adds = [Add(RepoPath(f"{number}/.gitattributes"), BytesSource(b"*.a -filter\n")) for number in range(20)]
    publish(uploader.hub, target, adds, CommitMessage("rules"))
    found = find_entries(uploader.hub, target, [RepoPath("a")])
    assert read_rules(uploader.hub, target, found.folder, found.entries, None) is None
