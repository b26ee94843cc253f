from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget, PublishedCommit
from entrepot.client.operations import Add, AddStored, Delete, DeleteFolder, Operation
from entrepot.client.sources import BytesSource, PathSource
from entrepot.client.uploads.publishing import publish, stage, upload_large_files
from entrepot.client.uploads.upload_plan import UploadDecision
from entrepot.errors import (
    BranchMoved,
    CommitCanceled,
    EntryNotFound,
    Forbidden,
    HubUnreachable,
    InvalidArgument,
    SourceChanged,
    Unavailable,
)
from entrepot.names import RepoPath

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from entrepot.names import RepoRef
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def add(path: str, content: bytes = b"text") -> Add:
    return Add(RepoPath(path), BytesSource(content))


def push(
    hub: Hub, repo: RepoRef, *operations: Operation, title: str = "title", parent: str | None = None
) -> PublishedCommit:
    return publish(hub, CommitTarget(repo, parent=parent), operations, CommitMessage(title, "why"))


def test_one_commit_does_everything(uploader: Uploader) -> None:
    repo, large = uploader.repo(), os.urandom(300_000)
    push(uploader.hub, repo, add("old.txt"), add("old/a.txt"), add("old/b.txt"), title="first")
    made = push(
        uploader.hub, repo, Delete(RepoPath("old.txt")), DeleteFolder(RepoPath("old")), add("a"), add("b.bin", large)
    )
    assert made.is_new
    assert made.url == f"{uploader.hub.endpoint}/{repo.path}/commit/{made.oid}"
    assert uploader.listing(repo) == {"a": 4, "b.bin": 300_000}
    assert uploader.content(repo, "b.bin") == large
    assert uploader.commits(repo) == ["title", "first"]


def test_existing_files_are_neither_sent_nor_committed(uploader: Uploader, relay: Relay) -> None:
    repo, hub, large = uploader.repo(), uploader.through(relay.url), os.urandom(300_000)
    first = push(hub, repo, add("a.txt"), add("b.bin", large))
    relay.forget()
    second = push(hub, repo, add("a.txt"), add("b.bin", large))
    assert (second.oid, second.url, second.is_new) == (first.oid, first.url, False)
    assert relay.count("POST", "/commit/") == 0
    assert sum(len(asked.body) for asked in relay.seen) < 5_000


def test_only_the_changed_file_of_several_is_committed(uploader: Uploader, relay: Relay) -> None:
    repo, hub = uploader.repo(), uploader.through(relay.url)
    push(hub, repo, *(add(f"{number}.txt", f"{number}".encode()) for number in range(10)))
    relay.forget()
    push(hub, repo, *(add(f"{number}.txt", f"{number % 9}".encode()) for number in range(10)))
    (commit,) = [asked for asked in relay.seen if "/commit/" in asked.path]
    assert [json.loads(line)["value"].get("path") for line in commit.body.splitlines()] == [None, "9.txt"]


def test_no_operations_return_the_head(uploader: Uploader) -> None:
    repo = uploader.repo()
    head = push(uploader.hub, repo, add("a")).oid
    assert push(uploader.hub, repo) == PublishedCommit(
        head, f"{uploader.hub.endpoint}/{repo.path}/commit/{head}", is_new=False
    )


def test_a_pinned_parent_must_be_the_head(uploader: Uploader) -> None:
    repo = uploader.repo()
    first = push(uploader.hub, repo, add("a")).oid
    push(uploader.hub, repo, add("b"), parent=first)
    with pytest.raises(BranchMoved):
        push(uploader.hub, repo, add("c"), parent=first)
    assert uploader.listing(repo) == {"a": 4, "b": 4}


def test_a_missing_path_cannot_be_deleted(uploader: Uploader) -> None:
    with pytest.raises(EntryNotFound):
        push(uploader.hub, uploader.repo(), Delete(RepoPath("none")))


def test_a_file_that_changes_during_the_upload_leaves_no_commit(uploader: Uploader, relay: Relay) -> None:
    uploader.write(**{"a.txt": "before", "b.txt": "before"})
    adds = [Add(RepoPath(name), PathSource.at(uploader.folder / name)) for name in ("a.txt", "b.txt")]

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = go_on(asked)
        if "preupload" in asked.path:
            uploader.write(**{"b.txt": "after, and longer"})
        return told

    relay.rule = rule
    repo = uploader.repo()
    with pytest.raises(SourceChanged, match=r"b\.txt"):
        push(uploader.through(relay.url), repo, *adds)
    assert uploader.commits(repo) == []


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_lost_response_does_not_create_a_second_commit(uploader: Uploader, relay: Relay, is_recorded: bool) -> None:
    lost = [True]

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if "/commit/" in asked.path and lost and lost.pop():
            told = go_on(asked) if is_recorded else go_on(type(asked)("GET", "/healthz", {}, b""))
            return type(told)(200, is_lost=True)
        return go_on(asked)

    repo, large = uploader.repo(), os.urandom(300_000)
    push(uploader.hub, repo, add("old"), title="first")
    relay.rule = rule
    made = push(uploader.through(relay.url), repo, Delete(RepoPath("old")), add("a"), add("b.bin", large))
    assert uploader.commits(repo) == ["title", "first"]
    assert push(uploader.hub, repo).oid == made.oid
    assert uploader.listing(repo) == {"a": 4, "b.bin": 300_000}


def test_a_busy_hub_is_asked_five_times(uploader: Uploader, relay: Relay) -> None:
    busy = [503] * 4

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if "/commit/" in asked.path and busy:
            told = go_on(type(asked)("GET", "/healthz", {}, b""))
            return type(told)(busy.pop())
        return go_on(asked)

    relay.rule = rule
    hub, repo = uploader.through(relay.url), uploader.repo()
    assert push(hub, repo, add("a")).is_new
    assert relay.count("POST", "/commit/") == 5
    busy += [503] * 9
    with pytest.raises(Unavailable):
        push(hub, repo, add("b"))
    assert relay.count("POST", "/commit/") == 10


def test_a_repository_that_was_renamed_is_followed(uploader: Uploader) -> None:
    from entrepot.client.calls import repos
    from entrepot.names import RepoRef, RepoType, parse_repo_id

    old = uploader.repo()
    new = RepoRef(RepoType.MODEL, parse_repo_id(f"{old.id}-renamed"))
    uploader.hub.send(repos.move(old, new))
    push(uploader.hub, old, add("a"), add("b.bin", os.urandom(1000)))
    assert uploader.listing(new) == {"a": 4, "b.bin": 1000}


def test_errors_in_metadata_prevent_the_upload_and_remarks_do_not(uploader: Uploader) -> None:
    repo = uploader.repo()
    with pytest.raises(InvalidArgument, match=r"invalid metadata in README\.md: .*license"):
        push(uploader.hub, repo, add("README.md", b"---\nlicense: of my own\n---\n"), add("b.bin", os.urandom(1000)))
    assert uploader.commits(repo) == []
    made = push(uploader.hub, repo, add("README.md", b"# nothing about it\n"))
    assert ["README.md" in remark for remark in made.warnings] == [True]


def test_ignored_files_are_left_out_with_a_warning(uploader: Uploader) -> None:
    repo = uploader.repo()
    push(uploader.hub, repo, add(".gitignore", b"*.log\n"))
    made = push(uploader.hub, repo, add("a.log"), add("a.txt"))
    assert uploader.listing(repo) == {".gitignore": 6, "a.txt": 4}
    assert made.warnings == ("left out 1 file(s) because of the repository's .gitignore: a.log",)


def test_readers_and_anonymous_callers_get_helpful_errors(uploader: Uploader) -> None:
    repo = uploader.repo()
    reader = uploader.through(uploader.server.url, ENTREPOT_TOKEN=uploader.server.user("tester", "read").token)
    with pytest.raises(Forbidden, match="a token with role 'write' is needed"):
        push(reader, repo, add("a"))
    with pytest.raises(HubUnreachable, match="cannot reach the hub"):
        push(uploader.through("http://127.0.0.1:9"), repo, add("a"))


def test_large_files_can_be_sent_ahead(uploader: Uploader, relay: Relay) -> None:
    repo, hub, large = uploader.repo(), uploader.through(relay.url), os.urandom(300_000)
    push(hub, repo, add("there.bin", b"\0there"))
    sent = upload_large_files(
        hub, CommitTarget(repo), [add("a.txt"), add("b.bin", large), add("there.bin", b"\0there")]
    )
    assert {path: decision for path, (decision, _) in sent.items()} == {
        "a.txt": UploadDecision.REGULAR,
        "b.bin": UploadDecision.LARGE,
        "there.bin": UploadDecision.SAME,
    }
    stored = sent["b.bin"][1]
    assert isinstance(stored, AddStored)
    assert sent["a.txt"][1] is None
    assert isinstance(sent["there.bin"][1], AddStored)
    assert uploader.listing(repo) == {"there.bin": 6}
    relay.forget()
    push(hub, repo, stored)
    assert uploader.content(repo, "b.bin") == large
    assert sum(len(asked.body) for asked in relay.seen) < 5_000


def test_a_gitignore_of_the_same_commit_is_respected(uploader: Uploader) -> None:
    rules = add(".gitignore", b"*.tmp\n")
    sent = upload_large_files(uploader.hub, CommitTarget(uploader.repo()), [add("a.tmp")], ignores=rules)
    assert sent == {"a.tmp": (UploadDecision.IGNORED, None)}


def opening_pulls(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
    """Act as a hub whose commits open pull request 7, although they go to main."""
    opens = asked.path.endswith("?create_pr=1")
    asked.path = asked.path.removesuffix("?create_pr=1")
    told = go_on(asked)
    if not opens or "/commit/" not in asked.path:
        return told
    answer = {**json.loads(told.body), "pullRequestUrl": "http://hub/tester/x/discussions/7"}
    return type(told)(told.status, told.headers, json.dumps(answer).encode())


def test_a_commit_can_open_a_pull_request(uploader: Uploader, relay: Relay) -> None:
    relay.rule = opening_pulls
    target = CommitTarget(uploader.repo(), opens_pull=True)
    made = publish(
        uploader.through(relay.url), target, [add("a"), add("b.bin", os.urandom(300_000))], CommitMessage("title")
    )
    assert made.pull_url == "http://hub/tester/x/discussions/7"
    asked = ("preupload", "xet-write-token", "commit")
    assert [relay.count("GET" if "xet" in word else "POST", f"/{word}/main") > 0 for word in asked] == [True] * 3


def test_a_pull_request_is_not_opened_twice(uploader: Uploader, relay: Relay) -> None:
    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        told = opening_pulls(asked, go_on)
        return type(told)(200, is_lost=True) if "/commit/" in asked.path else told

    relay.rule = rule
    with pytest.raises(HubUnreachable):
        publish(
            uploader.through(relay.url),
            CommitTarget(uploader.repo(), opens_pull=True),
            [add("a")],
            CommitMessage("title"),
        )
    assert relay.count("POST", "/commit/") == 1


# --- staged changes ------------------------------------------------------------------


def header(asked: RelayedRequest) -> dict[str, object]:
    """Return the header of a commit."""
    value: dict[str, object] = json.loads(asked.body.split(b"\n")[0])["value"]
    return value


def commits_seen(relay: Relay) -> list[RelayedRequest]:
    return [asked for asked in relay.seen if "/commit/" in asked.path]


@pytest.mark.parametrize("number", [1, 300])
def test_the_surveyed_commit_becomes_the_parent(uploader: Uploader, relay: Relay, number: int) -> None:
    repo = uploader.repo()
    head = push(uploader.hub, repo, add("old"), title="first").oid
    target = CommitTarget(repo, pins_survey=True, forces_staged=False, ignores_rules=True)
    publish(uploader.through(relay.url), target, [add(f"f{n}") for n in range(number)], CommitMessage("m"))
    [commit] = commits_seen(relay)
    assert (header(commit)["parentCommit"], header(commit)["staged"]) == (head, {})
    preuploads = [asked for asked in relay.seen if "/preupload/" in asked.path]
    assert all(json.loads(asked.body)["gitIgnore"] == "" for asked in preuploads)


def test_without_asking_for_it_no_commit_meets_staged_changes(uploader: Uploader, relay: Relay) -> None:
    repo = uploader.repo()
    push(uploader.through(relay.url), repo, add("a"))
    assert not {"staged", "parentCommit"} & set(header(commits_seen(relay)[0]))


@pytest.mark.parametrize("is_recorded", [True, False])
@pytest.mark.parametrize("forces", [True, False])
def test_a_lost_response_of_such_a_commit_is_found_again(
    uploader: Uploader, relay: Relay, is_recorded: bool, forces: bool
) -> None:
    lost = [True]

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if "/commit/" in asked.path and lost and lost.pop():
            told = go_on(asked) if is_recorded else go_on(type(asked)("GET", "/healthz", {}, b""))
            return type(told)(200, is_lost=True)
        return go_on(asked)

    repo = uploader.repo()
    if forces:
        stage(uploader.hub, CommitTarget(repo), [add("staged")])
    relay.rule = rule
    target = CommitTarget(repo, pins_survey=not forces, forces_staged=forces)
    made = publish(uploader.through(relay.url), target, [add("a")], CommitMessage("title"))
    assert made.is_new
    assert uploader.commits(repo) == ["title"]
    assert push(uploader.hub, repo).oid == made.oid
    assert uploader.listing(repo) == ({"a": 4, "staged": 4} if forces else {"a": 4})


def test_staged_changes_of_the_caller_cancel_a_commit(uploader: Uploader) -> None:
    repo = uploader.repo()
    assert stage(uploader.hub, CommitTarget(repo), [add("a"), add("b.bin", os.urandom(300_000))]) == 2
    with pytest.raises(CommitCanceled):
        publish(uploader.hub, CommitTarget(repo, forces_staged=False), [add("c")], CommitMessage("m"))
    assert uploader.listing(repo) == {}
    made = publish(uploader.hub, CommitTarget(repo, forces_staged=True), [], CommitMessage("m"))
    assert made.is_new
    assert uploader.listing(repo) == {"a": 4, "b.bin": 300_000}
    again = publish(uploader.hub, CommitTarget(repo, forces_staged=True), [], CommitMessage("m"))
    assert (again.is_new, again.oid) == (False, made.oid)


def test_a_file_is_sent_although_it_is_there_if_the_caller_says_so(uploader: Uploader, relay: Relay) -> None:
    repo = uploader.repo()
    push(uploader.hub, repo, add("a"))
    hub = uploader.through(relay.url)
    publish(hub, CommitTarget(repo, forces_staged=True), [add("a")], CommitMessage("m"), always=[RepoPath("a")])
    assert b'"path":"a"' in commits_seen(relay)[0].body
