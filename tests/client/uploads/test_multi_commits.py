from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.operations import Add, Delete
from entrepot.client.sources import BytesSource
from entrepot.client.uploads.multi_commit_plan import MultiCommitPlan, plan
from entrepot.client.uploads.multi_commits import push
from entrepot.client.uploads.publishing import publish
from entrepot.errors import Conflict, Refused
from entrepot.names import RepoPath

if TYPE_CHECKING:
    from entrepot.names import RepoRef
    from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse
    from tests.support.uploader import Uploader

MESSAGE = CommitMessage("Upload everything", "In steps.")
EVENT = "0123456789abcdef01234567"


class Pulls:
    """Pull requests for a hub without any: their heads are branches of the hub, the rest is stored here."""

    def __init__(self, repo: RepoRef) -> None:
        self.base = f"/api/models/{repo.id}"
        self.pulls: list[dict[str, Any]] = []
        self.posted: list[str] = []
        self.merge_failure: str | None = None

    def rule(self, asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        made_told = lambda value: _told(go_on, asked, value)  # noqa: E731
        if not asked.path.startswith(f"{self.base}/discussions"):
            asked.path = asked.path.replace("refs%2Fpr%2F", "pull-")
            return go_on(asked)
        rest = asked.path.removeprefix(f"{self.base}/discussions").partition("?")[0].strip("/").split("/")
        body = json.loads(asked.body) if asked.body else {}
        if asked.method == "POST":
            self.posted.append("/".join(rest))
        if rest == [""]:
            if asked.method == "GET":
                listed = [self._thread(item) for item in reversed(self.pulls)]
                return made_told({"discussions": listed, "count": len(listed), "start": 0})
            number = len(self.pulls) + 1
            go_on(type(asked)("POST", f"{self.base}/branch/pull-{number}", asked.headers, b"{}"))
            self.pulls.append({"num": number, "title": body["title"], "status": "draft", "text": body["description"]})
            assert len(body["title"]) <= 200
            return made_told({"num": number, "pullRequest": True})
        pull = self.pulls[int(rest[0]) - 1]
        match rest[1:]:
            case []:
                event: dict[str, Any] = {"id": EVENT, "type": "comment", "createdAt": "2026-01-01T00:00:00.000Z"}
                event |= {"data": {"edited": False, "hidden": False, "latest": {"raw": pull["text"]}}}
                return made_told(self._thread(pull) | {"events": [event]})
            case ["comment", event_id, "edit"]:
                assert event_id == EVENT
                pull["text"] = body["content"]
            case ["title"]:
                pull["title"] = body["title"]
            case ["status"]:
                pull["status"] = body["status"]
            case ["merge"]:
                if self.merge_failure:
                    return _told(go_on, asked, {"error": self.merge_failure}, 400)
                assert pull["status"] == "open"
                pull["status"] = "merged"
        event = {"id": EVENT, "type": "x", "createdAt": "", "data": dict[str, Any]()}
        return made_told(dict.fromkeys(("newMessage", "updatedComment", "newTitle", "newStatus"), event))

    def _thread(self, pull: dict[str, Any]) -> dict[str, Any]:
        return {
            "num": pull["num"],
            "title": pull["title"],
            "status": pull["status"],
            "isPullRequest": True,
            "createdAt": "2026-01-01T00:00:00.000Z",
            "repo": {"name": "x/y", "type": "model"},
        }


def _told(go_on: PassOn, asked: RelayedRequest, value: object, status: int = 200) -> RelayedResponse:
    kind = type(go_on(type(asked)("GET", "/healthz", {}, b"")))
    told: RelayedResponse = kind(status, {"content-type": "application/json"}, json.dumps(value).encode())
    return told


def steps(count: int = 3, gone: str | None = "old.txt") -> MultiCommitPlan:
    additions = [[Add(RepoPath(f"{n}.txt"), BytesSource(f"{n}".encode()))] for n in range(count)]
    return plan([[Delete(RepoPath(gone))]] if gone else [], additions, Digests(None))


def run(
    uploader: Uploader, relay: Relay, repo: RepoRef, wanted: MultiCommitPlan, *, merge: bool = True
) -> tuple[str, list[str]]:
    said: list[str] = []
    url = push(
        uploader.through(relay.url),
        CommitTarget(repo),
        wanted,
        MESSAGE,
        merge=merge,
        digests=Digests(None),
        report=said.append,
    )
    return url.removeprefix(relay.url), said


@pytest.fixture
def repo(uploader: Uploader) -> RepoRef:
    made = uploader.repo()
    publish(uploader.hub, CommitTarget(made), [Add(RepoPath("old.txt"), BytesSource(b"old"))], CommitMessage("first"))
    return made


@pytest.fixture
def pulls(repo: RepoRef, relay: Relay) -> Pulls:
    state = Pulls(repo)
    relay.rule = state.rule
    return state


def test_all_steps_become_one_change_of_main(uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls) -> None:
    wanted = steps()
    url, said = run(uploader, relay, repo, wanted)
    assert url == f"/{repo.path}/discussions/1"
    assert uploader.listing(repo, "pull-1") == {"0.txt": 1, "1.txt": 1, "2.txt": 1}
    assert uploader.commits(repo, "pull-1") == [*reversed(list(wanted.steps)), "first"]
    (pull,) = pulls.pulls
    assert (pull["title"], pull["status"]) == ("Upload everything", "merged")
    assert pull["text"].count("- [x]") == 4
    assert said[0] == "opened pull request 1"
    assert said[-1] == "merged pull request 1"


def test_the_pull_request_stays_open_on_request(uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls) -> None:
    run(uploader, relay, repo, steps(), merge=False)
    assert pulls.pulls[0]["status"] == "open"


@pytest.mark.parametrize("calls", range(1, 14))
def test_an_upload_interrupted_anywhere_continues(
    uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls, calls: int
) -> None:
    """After this number of changing calls, no call gets a response."""
    wanted, left = steps(2), [calls]

    def rule(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        if asked.method == "POST" and ("/commit/" in asked.path or "/discussions" in asked.path):
            if left[0] == 0:
                return _told(go_on, asked, {"error": "nobody here"}, 409)
            left[0] -= 1
        return pulls.rule(asked, go_on)

    relay.rule = rule
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _seconds: None)
        try:
            run(uploader, relay, repo, wanted)
        except Conflict:
            left[0] = 1000
            run(uploader, relay, repo, wanted)
    assert uploader.listing(repo, "pull-1") == {"0.txt": 1, "1.txt": 1}
    assert len(pulls.pulls) == 1
    assert pulls.pulls[0]["status"] == "merged"
    assert sorted(uploader.commits(repo, "pull-1")) == sorted([*wanted.steps, "first"])


def test_another_plan_gets_another_pull_request(uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls) -> None:
    run(uploader, relay, repo, steps(1, None), merge=False)
    run(uploader, relay, repo, steps(2, None), merge=False)
    assert len(pulls.pulls) == 2


def test_a_modified_list_of_steps_is_refused(uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls) -> None:
    wanted = steps(1)
    run(uploader, relay, repo, wanted, merge=False)
    pulls.pulls[0]["text"] = f"- [x] I have done it all {wanted.id}"
    with pytest.raises(Refused, match="list of steps in pull request 1 was changed"):
        run(uploader, relay, repo, wanted)


def test_a_pull_request_without_changes_is_closed(
    uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls
) -> None:
    pulls.merge_failure = "This pull request has no associated changes"
    _, said = run(uploader, relay, repo, steps(1))
    assert pulls.pulls[0]["status"] == "closed"
    assert said[-1] == "nothing changed; the pull request is closed"


def test_a_failed_merge_is_commented_and_raised(uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls) -> None:
    pulls.merge_failure = "there are conflicts"
    with pytest.raises(Refused, match="there are conflicts"):
        run(uploader, relay, repo, steps(1))
    assert pulls.posted[-1] == "1/comment"


def test_a_long_title_is_shortened(uploader: Uploader, relay: Relay, repo: RepoRef, pulls: Pulls) -> None:
    said: list[str] = []
    long = CommitMessage("long " * 60)
    hub = uploader.through(relay.url)
    push(hub, CommitTarget(repo), steps(1), long, merge=False, digests=Digests(None), report=said.append)
    assert len(pulls.pulls[0]["title"]) == 200
