from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitTarget
from entrepot.client.uploads import large_folders
from entrepot.client.uploads.large_folders import upload_large_folder
from entrepot.client.uploads.upload_state import NAME
from entrepot.errors import Forbidden, RepoNotFound, SourceMissing, Unavailable
from entrepot.names import RepoRef, RepoType, parse_repo_id

if TYPE_CHECKING:
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def fill(uploader: Uploader, texts: int = 25, larges: int = 5) -> dict[str, int]:
    contents = {f"texts__{number:03}.txt": f"text {number}".encode() for number in range(texts)}
    contents |= {f"large__{number}.bin": os.urandom(100_000 + number) for number in range(larges)}
    uploader.write(**contents)
    return {name.replace("__", "/"): len(content) for name, content in contents.items()}


def sent(relay: Relay) -> int:
    return sum(len(asked.body) for asked in relay.seen)


def test_a_folder_is_uploaded_in_portions_with_one_commit_each(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_folders, "_MAX_FILES", 10)
    expected, repo = fill(uploader), uploader.repo()
    made = upload_large_folder(uploader.hub, CommitTarget(repo), uploader.folder, message="Upload")
    assert uploader.listing(repo) == expected
    assert sorted(uploader.commits(repo)) == ["Upload", "Upload (part 2)", "Upload (part 3)"]
    assert len(made) == 3


def test_a_repetition_sends_and_commits_nothing(uploader: Uploader, relay: Relay) -> None:
    fill(uploader, texts=300)
    hub, repo = uploader.through(relay.url), uploader.repo()
    upload_large_folder(hub, CommitTarget(repo), uploader.folder)
    relay.forget()
    assert upload_large_folder(uploader.through(relay.url), CommitTarget(repo), uploader.folder) == []
    assert relay.count("POST", "/commit/") == 0
    assert sent(relay) < 20_000


def test_the_state_file_avoids_reading_uploaded_files_again(uploader: Uploader, relay: Relay) -> None:
    expected, repo = fill(uploader), uploader.repo()

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = go_on(asked) if "/commit/" not in asked.path else go_on(type(asked)("GET", "/healthz", {}, b""))
        return type(told)(503) if "/commit/" in asked.path else told

    relay.rule = rule
    with pytest.raises(Unavailable):
        upload_large_folder(uploader.through(relay.url), CommitTarget(repo), uploader.folder)
    assert sent(relay) > 500_000
    assert len((uploader.folder / NAME).read_bytes().split(b"\n")) >= 5
    relay.forget()
    relay.rule = lambda asked, go_on: go_on(asked)
    upload_large_folder(uploader.through(relay.url), CommitTarget(repo), uploader.folder)
    assert sent(relay) < 20_000
    assert uploader.listing(repo) == expected


def test_the_state_file_is_not_uploaded(uploader: Uploader) -> None:
    expected, repo = fill(uploader, texts=2, larges=1), uploader.repo()
    for _ in range(2):
        upload_large_folder(uploader.hub, CommitTarget(repo), uploader.folder)
    assert uploader.listing(repo) == expected


def test_the_repository_is_made_and_found_again(uploader: Uploader) -> None:
    fill(uploader, texts=1, larges=0)
    repo = RepoRef(RepoType.DATASET, parse_repo_id(f"tester/made-{os.getpid()}"))
    assert len(upload_large_folder(uploader.hub, CommitTarget(repo), uploader.folder, "sub", is_private=True)) == 1
    assert upload_large_folder(uploader.hub, CommitTarget(repo), uploader.folder, "sub") == []
    assert uploader.listing(repo) == {"sub/texts/000.txt": 6}
    stranger = uploader.through(uploader.server.url, ENTREPOT_TOKEN=uploader.server.user("stranger").token)
    with pytest.raises(RepoNotFound):
        upload_large_folder(stranger, CommitTarget(repo), uploader.folder)


def test_patterns_select(uploader: Uploader) -> None:
    fill(uploader, texts=2, larges=1)
    repo = uploader.repo()
    upload_large_folder(uploader.hub, CommitTarget(repo), uploader.folder, allow="*.txt", ignore="*1.txt")
    assert uploader.listing(repo) == {"texts/000.txt": 6}


def test_a_missing_folder_is_named_before_a_repository_is_made(uploader: Uploader) -> None:
    repo = RepoRef(RepoType.MODEL, parse_repo_id(f"tester/never-made-{os.getpid()}"))
    with pytest.raises(SourceMissing):
        upload_large_folder(uploader.hub, CommitTarget(repo), uploader.folder / "none")


def test_a_read_token_is_refused_with_a_reason(uploader: Uploader) -> None:
    fill(uploader, texts=1, larges=0)
    reader = uploader.through(uploader.server.url, ENTREPOT_TOKEN=uploader.server.user("tester", "read").token)
    with pytest.raises(Forbidden):
        upload_large_folder(reader, CommitTarget(uploader.repo()), uploader.folder)


def test_portions_are_limited_in_number_size_and_what_a_commit_carries() -> None:
    from entrepot.client.operations import Add
    from entrepot.client.sources import PathSource, Stamp
    from entrepot.names import RepoPath

    def add(size: int) -> Add:
        return Add(RepoPath("a"), PathSource(__file__, Stamp(size, 0, 0)))

    def lengths(*sizes: int) -> list[int]:
        return [len(portion) for portion in large_folders._portions(map(add, sizes))]

    assert lengths(*[1] * 2500) == [1000, 1000, 500]
    assert lengths(*[9 << 20] * 100) == [56, 44]
    assert lengths(20 << 30, 1, 10 << 30, 10 << 30) == [1, 2, 1]
    assert lengths() == []
