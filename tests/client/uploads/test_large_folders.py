from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitTarget
from entrepot.client.uploads import large_folders, lfs_uploads
from entrepot.client.uploads.large_folders import upload_large_folder
from entrepot.client.uploads.upload_state import NAME
from entrepot.errors import Forbidden, RepoNotFound, SourceMissing, Unavailable
from entrepot.names import RepoRef, RepoType, parse_repo_id

if TYPE_CHECKING:
    from conftest import Asked, PassOn, Quay, Relay, Told


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lfs_uploads.time, "sleep", lambda _seconds: None)


def fill(quay: Quay, texts: int = 25, larges: int = 5) -> dict[str, int]:
    contents = {f"texts__{number:03}.txt": f"text {number}".encode() for number in range(texts)}
    contents |= {f"large__{number}.bin": os.urandom(100_000 + number) for number in range(larges)}
    quay.write(**contents)
    return {name.replace("__", "/"): len(content) for name, content in contents.items()}


def sent(relay: Relay) -> int:
    return sum(len(asked.body) for asked in relay.seen)


def test_a_folder_is_uploaded_in_portions_with_one_commit_each(quay: Quay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_folders, "_MOST_FILES", 10)
    expected, repo = fill(quay), quay.repo()
    made = upload_large_folder(quay.hub, CommitTarget(repo), quay.folder, message="Upload")
    assert quay.listing(repo) == expected
    assert sorted(quay.commits(repo)) == ["Upload", "Upload (part 2)", "Upload (part 3)"]
    assert len(made) == 3


def test_a_repetition_sends_and_commits_nothing(quay: Quay, relay: Relay) -> None:
    fill(quay, texts=300)
    hub, repo = quay.through(relay.url), quay.repo()
    upload_large_folder(hub, CommitTarget(repo), quay.folder)
    relay.forget()
    assert upload_large_folder(quay.through(relay.url), CommitTarget(repo), quay.folder) == []
    assert relay.count("POST", "/commit/") == 0
    assert sent(relay) < 20_000


def test_the_state_file_avoids_reading_uploaded_files_again(quay: Quay, relay: Relay) -> None:
    expected, repo = fill(quay), quay.repo()

    def rule(asked: Asked, go_on: PassOn) -> Told:
        told = go_on(asked) if "/commit/" not in asked.path else go_on(type(asked)("GET", "/healthz", {}, b""))
        return type(told)(503) if "/commit/" in asked.path else told

    relay.rule = rule
    with pytest.raises(Unavailable):
        upload_large_folder(quay.through(relay.url), CommitTarget(repo), quay.folder)
    assert sent(relay) > 500_000
    assert len((quay.folder / NAME).read_bytes().split(b"\n")) >= 5
    relay.forget()
    relay.rule = lambda asked, go_on: go_on(asked)
    upload_large_folder(quay.through(relay.url), CommitTarget(repo), quay.folder)
    assert sent(relay) < 20_000
    assert quay.listing(repo) == expected


def test_the_state_file_is_not_uploaded(quay: Quay) -> None:
    expected, repo = fill(quay, texts=2, larges=1), quay.repo()
    for _ in range(2):
        upload_large_folder(quay.hub, CommitTarget(repo), quay.folder)
    assert quay.listing(repo) == expected


def test_the_repository_is_made_and_found_again(quay: Quay) -> None:
    fill(quay, texts=1, larges=0)
    repo = RepoRef(RepoType.DATASET, parse_repo_id(f"tester/made-{os.getpid()}"))
    assert len(upload_large_folder(quay.hub, CommitTarget(repo), quay.folder, "sub", is_private=True)) == 1
    assert upload_large_folder(quay.hub, CommitTarget(repo), quay.folder, "sub") == []
    assert quay.listing(repo) == {"sub/texts/000.txt": 6}
    stranger = quay.through(quay.server.url, ENTREPOT_TOKEN=quay.server.user("stranger").token)
    with pytest.raises(RepoNotFound):
        upload_large_folder(stranger, CommitTarget(repo), quay.folder)


def test_patterns_select(quay: Quay) -> None:
    fill(quay, texts=2, larges=1)
    repo = quay.repo()
    upload_large_folder(quay.hub, CommitTarget(repo), quay.folder, allow="*.txt", ignore="*1.txt")
    assert quay.listing(repo) == {"texts/000.txt": 6}


def test_a_missing_folder_is_named_before_a_repository_is_made(quay: Quay) -> None:
    repo = RepoRef(RepoType.MODEL, parse_repo_id(f"tester/never-made-{os.getpid()}"))
    with pytest.raises(SourceMissing):
        upload_large_folder(quay.hub, CommitTarget(repo), quay.folder / "none")


def test_a_read_token_is_refused_with_a_reason(quay: Quay) -> None:
    fill(quay, texts=1, larges=0)
    reader = quay.through(quay.server.url, ENTREPOT_TOKEN=quay.server.user("tester", "read").token)
    with pytest.raises(Forbidden):
        upload_large_folder(reader, CommitTarget(quay.repo()), quay.folder)


def test_portions_are_limited_in_number_size_and_what_a_commit_carries() -> None:
    from entrepot.client.operations import Add
    from entrepot.client.sources import PathSource, Stamp
    from entrepot.names import RepoPath

    def add(size: int) -> Add:
        return Add(RepoPath("a"), PathSource(__file__, Stamp(size, 0, 0)))  # type: ignore[arg-type]

    def lengths(*sizes: int) -> list[int]:
        return [len(portion) for portion in large_folders._portions(map(add, sizes))]

    assert lengths(*[1] * 2500) == [1000, 1000, 500]
    assert lengths(*[9 << 20] * 100) == [56, 44]
    assert lengths(20 << 30, 1, 10 << 30, 10 << 30) == [1, 2, 1]
    assert lengths() == []
