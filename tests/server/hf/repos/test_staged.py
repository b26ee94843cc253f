from __future__ import annotations

import json
import subprocess
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi, HfFileSystem

from entrepot.names import RepoType
from tests.support.site import Committer, Site
from tests.support.worlds import GIT_ENV

MISSING = "0" * 64


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    repo: str = site.new_repo()
    committer.write(repo, {"a.txt": b"one", "dir/b.txt": b"two"})
    return repo


def ndjson(*lines: tuple[str, dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps({"key": key, "value": value}) for key, value in lines).encode()


def stage(
    client: httpx2.Client, repo: str, *lines: tuple[str, dict[str, Any]], branch: str = "main"
) -> httpx2.Response:
    headers = {"Content-Type": "application/x-ndjson"}
    return client.post(f"/api/models/{repo}/staged/{branch}", content=ndjson(*lines), headers=headers)


def listed(client: httpx2.Client, repo: str, branch: str = "main") -> list[dict[str, Any]]:
    answer = client.get(f"/api/models/{repo}/staged/{branch}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def everything_seen(site: Site, repo: str) -> tuple[Any, ...]:
    """Return what clients of the public hub and git see of a repository."""
    api = HfApi(endpoint=site.url, token=site.alice)
    info = api.model_info(repo, files_metadata=True)
    files = HfFileSystem(endpoint=site.url, token=site.alice, skip_instance_cache=True).find(repo)
    refs = api.list_repo_refs(repo, include_pull_requests=True)
    listed = subprocess.run(["git", "ls-remote", f"{site.url}/{repo}"], capture_output=True, check=True, env=GIT_ENV)
    return info.sha, info.siblings, info.last_modified, files, refs, len(api.list_repo_commits(repo)), listed.stdout


def test_changes_are_staged_listed_and_dropped(alice: httpx2.Client, repo: str) -> None:
    lines = [
        ("file", {"path": "new.txt", "content": "größe"}),
        ("deletedFile", {"path": "a.txt"}),
        ("deletedFolder", {"path": "dir/"}),
    ]
    assert stage(alice, repo, *lines).json() == {"staged": 3}
    new, file, folder = listed(alice, repo)
    times = [row.pop("stagedAt") for row in (new, file, folder)]
    assert all(time.endswith("Z") for time in times)
    assert len(new.pop("oid")) == 40
    assert new == {"path": "new.txt", "op": "add", "size": 7, "user": "alice"}
    assert file == {"path": "a.txt", "op": "delete", "size": 0, "user": "alice"}
    assert folder == {"path": "dir/", "op": "delete", "size": 0, "user": "alice"}
    assert alice.delete(f"/api/models/{repo}/staged/main").json() == {"dropped": 3}
    assert alice.delete(f"/api/models/{repo}/staged/main").json() == {"dropped": 0}
    assert listed(alice, repo) == []


def test_a_header_may_come_first_and_empty_bodies_stage_nothing(alice: httpx2.Client, repo: str) -> None:
    header = ("header", {"summary": "counts for nothing"})
    assert stage(alice, repo, header, ("file", {"path": "x", "content": ""})).json() == {"staged": 1}
    assert stage(alice, repo).json() == {"staged": 1}
    late = stage(alice, repo, ("file", {"path": "y", "content": ""}), header)
    assert (late.status_code, len(listed(alice, repo))) == (400, 1)


def test_a_large_file_shows_its_digest(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    digest = committer.write_large(repo, {"w.bin": b"\0" * 1000})["w.bin"]
    assert stage(alice, repo, ("lfsFile", {"path": "again.bin", "oid": digest, "size": 1000})).status_code == 200
    [row] = listed(alice, repo)
    assert (row["path"], row["size"], row["sha256"]) == ("again.bin", 1000, digest)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (("lfsFile", {"path": "w", "oid": MISSING}), 400),
        (("copyFile", {"path": "b", "sourcePath": "a.txt"}), 400),
        (("file", {"path": "../x", "content": ""}), 422),
        (("file", {"path": ".git/x", "content": ""}), 422),
        (("unknown", {"path": "x"}), 400),
    ],
)
def test_a_bad_line_stages_nothing(
    alice: httpx2.Client, repo: str, line: tuple[str, dict[str, Any]], status: int
) -> None:
    answer = stage(alice, repo, ("file", {"path": "fine", "content": "1"}), line)
    assert (answer.status_code, listed(alice, repo)) == (status, [])


def test_pages_follow_the_link(alice: httpx2.Client, repo: str) -> None:
    stage(alice, repo, *(("file", {"path": f"f{n}", "content": ""}) for n in range(3)))
    first = alice.get(f"/api/models/{repo}/staged/main?limit=2")
    rest = alice.get(first.links["next"]["url"])
    assert [row["path"] for row in (*first.json(), *rest.json())] == ["f0", "f1", "f2"]
    assert "next" not in rest.links
    assert alice.get(f"/api/models/{repo}/staged/main?cursor=x").status_code == 400


def test_a_branch_with_a_slash_and_other_types_have_staged_changes(site: Site, alice: httpx2.Client, repo: str) -> None:
    alice.post(f"/api/models/{repo}/branch/feat%2Fx")
    assert stage(alice, repo, ("file", {"path": "x", "content": ""}), branch="feat%2Fx").status_code == 200
    assert [row["path"] for row in listed(alice, repo, "feat/x")] == ["x"]
    dataset = site.new_repo(RepoType.DATASET)
    body = ndjson(("file", {"path": "x", "content": ""}))
    assert alice.post(f"/api/datasets/{dataset}/staged/main", content=body).json() == {"staged": 1}


def test_nothing_of_it_is_seen_by_clients_of_the_public_hub_and_git(
    site: Site, alice: httpx2.Client, committer: Committer, repo: str
) -> None:
    before = everything_seen(site, repo)
    stage(alice, repo, ("file", {"path": "secret", "content": "1"}), ("deletedFile", {"path": "a.txt"}))
    assert everything_seen(site, repo) == before
    assert alice.get(f"/{repo}/resolve/main/secret").status_code == 404
    HfApi(endpoint=site.url, token=site.alice).upload_file(
        path_or_fileobj=b"2", path_in_repo="other", repo_id=repo, commit_message="of another client"
    )
    assert [row["path"] for row in listed(alice, repo)] == ["secret", "a.txt"]
    answer = committer.send(repo, staged={"force": True}, summary="all of it")
    assert answer.status_code == 200
    tree = {entry.path for entry in HfApi(endpoint=site.url, token=site.alice).list_repo_tree(repo, recursive=True)}
    assert tree == {".gitattributes", "dir", "dir/b.txt", "other", "secret"}
    assert listed(alice, repo) == []


def test_other_users_see_none(site: Site, alice: httpx2.Client, stranger: httpx2.Client, repo: str) -> None:
    stage(alice, repo, ("file", {"path": "x", "content": ""}))
    assert stranger.get(f"/api/models/{repo}/staged/main").status_code == 403
    assert stranger.get(f"/api/models/{repo}/staged/main?all=true").status_code == 403
    [row] = alice.get(f"/api/models/{repo}/staged/main?all=true").json()
    assert row["user"] == "alice"


def test_a_canceled_commit_names_paths_kinds_and_reasons(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    stage(alice, repo, ("file", {"path": "x", "content": "1"}), ("deletedFolder", {"path": "dir"}))
    answer = committer.send(repo, ("file", {"path": "x", "content": "2"}), staged={})
    assert (answer.status_code, answer.headers["x-error-code"]) == (409, "CommitCanceled")
    body = answer.json()
    assert body["error"].startswith("Commit canceled for unknown or unimplemented changes: 'dir/': ")
    assert body["total"] == 2
    assert body["changes"] == [
        {"path": "dir/", "kind": "unknown", "reason": "you have staged it, and this commit does not make this change"},
        {"path": "x", "kind": "unknown", "reason": "you have staged another content of it"},
    ]
    assert len(listed(alice, repo)) == 2


def test_a_canceled_commit_names_a_hundred_paths_at_most(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    stage(alice, repo, *(("file", {"path": f"f{n:03}", "content": ""}) for n in range(120)))
    body = committer.send(repo, staged={}).json()
    assert (len(body["changes"]), body["total"]) == (100, 120)
    assert body["error"].endswith("; and 115 more")


def test_a_change_since_the_parent_is_unknown_and_an_impossible_one_unimplemented(
    alice: httpx2.Client, committer: Committer, repo: str
) -> None:
    parent = committer.write(repo, {"x": b"1"})
    committer.write(repo, {"x": b"2"})
    line = ("file", {"path": "x", "content": "3"})
    moved = committer.send(repo, line, staged={}, parentCommit=parent)
    gone = committer.send(repo, ("deletedFile", {"path": "nothing"}), staged={})
    assert [change["kind"] for answer in (moved, gone) for change in answer.json()["changes"]] == [
        "unknown",
        "unimplemented",
    ]
    assert committer.send(repo, line, staged={"force": True}, parentCommit=parent).status_code == 200


def test_a_commit_that_changes_nothing_says_so(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    line = ("file", {"path": "a.txt", "content": "one"})
    answer = committer.send(repo, line, staged={}).json()
    head = alice.get(f"/api/models/{repo}/commits/main?limit=1").json()[0]["id"]
    assert (answer["unchanged"], answer["commitOid"]) == (True, head)
    assert "unchanged" not in committer.send(repo, line).json()


def test_gitignore_hides_nothing_from_a_commit(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    committer.write(repo, {".gitignore": b"*.log\n"})
    answer = committer.send(repo, ("file", {"path": "x.log", "content": "1"}), staged={}, ignoreRules=True)
    assert answer.status_code == 200
    files = {"files": [{"path": "y.log", "size": 1, "sample": ""}]}
    plans = [alice.post(f"/api/models/{repo}/preupload/main", json=files | more) for more in ({}, {"gitIgnore": ""})]
    assert [plan.json()["files"][0]["shouldIgnore"] for plan in plans] == [True, False]


def test_a_pull_request_takes_no_staged_changes(committer: Committer, repo: str) -> None:
    line = ("file", {"path": "x", "content": "1"})
    assert committer.send(repo, line, rev="main?create_pr=1", staged={}).status_code == 400
