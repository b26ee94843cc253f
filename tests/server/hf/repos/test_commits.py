from __future__ import annotations

import base64
import hashlib
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError, RepositoryNotFoundError

from entrepot.names import RepoType
from entrepot.server.hf.repos.commits import max_line
from entrepot.settings import Settings
from tests.support.site import Committer, Site
from tests.support.work import ends_within_processor_seconds

MIB = 1024 * 1024
UNKNOWN = "ab" * 32


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    repo: str = site.new_repo()
    committer.write(repo, {"a.txt": b"one", "dir/b.txt": b"two"})
    return repo


@pytest.fixture
def api(site: Site, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return site.api()


def content(client: httpx2.Client, repo: str, path: str, rev: str = "main") -> bytes | None:
    answer = client.get(f"/{repo}/resolve/{rev}/{path}")
    return answer.content if answer.status_code == 200 else None


def head(client: httpx2.Client, repo: str, rev: str = "main") -> str:
    oid: str = client.get(f"/api/models/{repo}/commits/{rev}?limit=1").json()[0]["id"]
    return oid


def titles(client: httpx2.Client, repo: str) -> list[str]:
    return [entry["title"] for entry in client.get(f"/api/models/{repo}/commits/main").json()]


def files(client: httpx2.Client, repo: str) -> set[str]:
    tree = client.get(f"/api/models/{repo}/tree/main?recursive=true").json()
    return {entry["path"] for entry in tree if entry["type"] == "file"} - {".gitattributes"}


# --- what a commit can do ---


def test_a_commit_does_all_its_lines_say(site: Site, alice: httpx2.Client, committer: Committer, repo: str) -> None:
    answer = committer.send(
        repo,
        ("file", {"path": "new.txt", "content": "größe"}),
        ("file", {"path": "moved.txt", "content": "one", "oldPath": "a.txt"}),
        ("copyFile", {"path": "copied", "sourcePath": "dir"}),
        ("deletedFile", {"path": "dir/b.txt"}),
        description="why",
    )
    oid = head(alice, repo)
    assert answer.json() == {
        "success": True,
        "commitOid": oid,
        "commitUrl": f"{site.url}/{repo}/commit/{oid}",
        "hookOutput": "",
    }
    assert files(alice, repo) == {"new.txt", "moved.txt", "copied/b.txt"}
    assert content(alice, repo, "new.txt") == "größe".encode()
    assert alice.get(f"/api/models/{repo}/commits/main").json()[0]["message"] == "why"


def test_the_url_of_a_commit_names_the_type(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo(RepoType.DATASET)
    body = b'{"key":"header","value":{"summary":"s"}}\n'
    answer = alice.post(f"/api/datasets/{repo}/commit/main", content=body)
    assert answer.json()["commitUrl"].startswith(f"{site.url}/datasets/{repo}/commit/")


def test_a_commit_without_operations_is_a_commit(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    assert committer.send(repo, summary="nothing").status_code == 200
    assert titles(alice, repo) == ["nothing", "change", "initial commit"]


def test_lines_may_end_like_on_windows_and_be_empty(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    body = (
        b'{"key":"header","value":{"summary":"s"}}\r\n\r\n\n{"key":"file","value":{"path":"w","content":"1"}}\r\n\r\n'
    )
    assert committer.raw(repo, body).status_code == 200
    assert content(alice, repo, "w") == b"1"


@pytest.mark.parametrize("rev", ["dev%2Fone", "dev/one", "refs%2Fheads%2Fdev%2Fone"])
def test_a_branch_may_have_a_slash(alice: httpx2.Client, committer: Committer, repo: str, rev: str) -> None:
    alice.post(f"/api/models/{repo}/branch/dev%2Fone")
    assert committer.send(repo, ("file", {"path": "d", "content": "1"}), rev=rev).status_code == 200
    assert content(alice, repo, "d", "dev%2Fone") == b"1"
    assert content(alice, repo, "d") is None


def test_one_json_object_is_a_commit_too(alice: httpx2.Client, repo: str) -> None:
    body = {"summary": "s", "files": [{"path": "w", "content": "1"}], "deletedEntries": [{"path": "dir"}]}
    assert alice.post(f"/api/models/{repo}/commit/main", json=body).status_code == 200
    assert files(alice, repo) == {"a.txt", "w"}
    bad = alice.post(f"/api/models/{repo}/commit/main", json={"summary": " "})
    assert bad.status_code == 400


def test_a_large_file_may_come_without_its_size(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    digest = committer.write_large(repo, {"m.bin": b"\0" * 1000})["m.bin"]
    assert committer.send(repo, ("lfsFile", {"path": "again.bin", "oid": digest})).status_code == 200
    assert content(alice, repo, "again.bin") == b"\0" * 1000
    wrong = committer.send(repo, ("lfsFile", {"path": "x.bin", "oid": digest, "size": 1}))
    assert wrong.status_code == 400


def test_an_unknown_large_file_is_refused_with_the_words_people_search_for(committer: Committer, repo: str) -> None:
    answer = committer.send(repo, ("lfsFile", {"path": "m.bin", "oid": UNKNOWN, "size": 3}))
    assert answer.status_code == 400
    assert "an LFS pointer pointed to a file that does not exist" in answer.headers["x-error-message"]
    assert "m.bin" in answer.headers["x-error-message"]


def test_the_large_file_of_a_hidden_repository_is_unknown(
    site: Site, committer: Committer, stranger: httpx2.Client
) -> None:
    hidden, own = site.new_repo(visibility="private"), site.new_repo(owner="bob")
    digest = committer.write_large(hidden, {"m.bin": b"\0secret"})["m.bin"]
    answer = type(committer)(stranger).send(own, ("lfsFile", {"path": "m.bin", "oid": digest}))
    assert answer.status_code == 400


def test_absent_files_cannot_be_deleted(committer: Committer, alice: httpx2.Client, repo: str) -> None:
    for key in ("deletedFile", "deletedFolder", "deletedEntry"):
        answer = committer.send(repo, ("file", {"path": "x", "content": ""}), (key, {"path": "nope"}))
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")
        assert answer.headers["x-error-message"] == "A file with this name doesn't exist"
    assert files(alice, repo) == {"a.txt", "dir/b.txt"}


# --- parents, races ---


def test_a_pinned_parent_that_is_no_head_is_refused(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    old = head(alice, repo)
    line = ("file", {"path": "x", "content": "1"})
    assert committer.send(repo, line, parentCommit=old[:7]).status_code == 200
    answer = committer.send(repo, line, parentCommit=old)
    assert answer.status_code == 412
    message = answer.headers["x-error-message"]
    assert "The branch was updated since you opened this page. Please refresh and try again." in message
    assert "A commit has happened since. Please refresh and try again." in message


@pytest.mark.parametrize("way", ["header", "query"])
def test_a_disjoint_commit_may_follow_a_later_head(
    alice: httpx2.Client, committer: Committer, repo: str, way: str
) -> None:
    old = head(alice, repo)
    committer.write(repo, {"other.txt": b"1"})
    rev, header = ("main?merge=disjoint", {}) if way == "query" else ("main", {"merge": "disjoint"})
    fine = committer.send(repo, ("file", {"path": "x", "content": "1"}), rev=rev, parentCommit=old, **header)
    clash = committer.send(repo, ("file", {"path": "other.txt", "content": "2"}), rev=rev, parentCommit=old, **header)
    assert (fine.status_code, clash.status_code) == (200, 412)
    assert "other.txt" in clash.headers["x-error-message"]


def test_an_unknown_way_to_merge_is_a_bad_request(committer: Committer, repo: str) -> None:
    assert committer.send(repo, rev="main?merge=ours").status_code == 400
    assert committer.send(repo, merge="ours").status_code == 400


def test_many_writers_of_one_branch_all_succeed(
    site: Site, alice: httpx2.Client, committer: Committer, repo: str
) -> None:
    def write(number: int) -> int:
        code: int = committer.send(repo, ("file", {"path": f"n/{number}", "content": "x"})).status_code
        return code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(16))) == {200}
    assert len([path for path in files(alice, repo) if path.startswith("n/")]) == 16
    assert len(titles(alice, repo)) == 18


# --- who may ---


def test_only_writers_commit(site: Site, committer: Committer, repo: str) -> None:
    codes = []
    for token in (site.reader, site.bob, None):
        with site.client(token) as client:
            codes.append(type(committer)(client).send(repo).status_code)
    assert codes == [403, 403, 401]


def test_a_private_repository_is_hidden(
    site: Site, committer: Committer, stranger: httpx2.Client, anonymous: httpx2.Client
) -> None:
    repo = site.new_repo(visibility="private")
    for client, status in ((stranger, 404), (anonymous, 401)):
        answer = type(committer)(client).send(repo, ("file", {"path": "../x", "content": ""}))
        assert (answer.status_code, answer.headers["x-error-code"]) == (status, "RepoNotFound")


def test_a_reader_opens_a_pull_request_with_a_commit(
    site: Site, committer: Committer, stranger: httpx2.Client, repo: str
) -> None:
    line = ("file", {"path": "x", "content": "x"})
    answer = type(committer)(stranger).send(repo, line, rev="main?create_pr=1", summary="Add x", description="why")
    assert answer.json()["pullRequestUrl"] == f"{site.url}/{repo}/discussions/1"
    seen = stranger.get(f"/api/models/{repo}/discussions/1?diff=1").json()
    assert (seen["title"], seen["status"], seen["changes"]) == ("Add x", "open", {"base": "refs/heads/main"})
    assert [event["data"].get("oid") for event in seen["events"]] == [None, answer.json()["commitOid"]]
    assert head(stranger, repo) != answer.json()["commitOid"]


@pytest.mark.parametrize("rev", ["nope", "refs%2Fpr%2F1", "v1"])
def test_a_pull_request_asks_to_change_a_branch(
    alice: httpx2.Client, committer: Committer, repo: str, rev: str
) -> None:
    alice.post(f"/api/models/{repo}/tag/main", json={"tag": "v1"})
    alice.post(f"/api/models/{repo}/discussions", json={"title": "One", "pullRequest": True})
    answer = committer.send(repo, ("file", {"path": "x", "content": "x"}), rev=f"{rev}?create_pr=1")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


@pytest.mark.parametrize("kind", ["unknown", "commit", "tag"])
def test_a_revision_must_be_a_branch(alice: httpx2.Client, committer: Committer, repo: str, kind: str) -> None:
    alice.post(f"/api/models/{repo}/tag/main", json={"tag": "v1"})
    rev = {"unknown": "nope", "commit": head(alice, repo), "tag": "v1"}[kind]
    answer = committer.send(repo, rev=rev)
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


# --- bad input ---

BAD_PATHS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a/./x",
    "a//x",
    ".git/config",
    "a/.GiT/x",
    ".git. /x",
    "..\\x",
    "a\\..\\..\\x",
    "C:\\x",
    "C:x",
    "a\0x",
    "a\nx",
    "x" * 300,
    "x" * 1_000_000,
    "d/" * 1000 + "x",
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: repr(path[:12]))
def test_a_path_that_leads_elsewhere_is_refused(
    alice: httpx2.Client, committer: Committer, repo: str, path: str
) -> None:
    before = head(alice, repo)
    lines = [
        ("file", {"path": path, "content": ""}),
        ("file", {"path": "ok", "content": "", "oldPath": path}),
        ("lfsFile", {"path": path, "oid": UNKNOWN}),
        ("copyFile", {"path": path, "sourcePath": "a.txt"}),
        ("copyFile", {"path": "ok", "sourcePath": path}),
        ("deletedEntry", {"path": path}),
    ]
    assert {committer.send(repo, line).status_code for line in lines} == {422}
    assert head(alice, repo) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"{",
        b"[]",
        b"null",
        b'{"key":"file","value":{"path":"a","content":""}}',
        b'{"key":"header","value":{"summary":""}}',
        b'{"key":"header","value":{"summary":" \\n"}}',
        b'{"key":"header","value":{}}',
        b'{"key":"header","value":{"summary":"s","parentCommit":"main"}}',
        b'{"key":"header","value":{"summary":"s"}}\n{"key":"header","value":{"summary":"s"}}',
        b'{"key":"header","value":{"summary":"s"}}\n{"key":"magic","value":{}}',
        b'{"key":"header","value":{"summary":"s"}}\n{"key":"file","value":{"path":"a","content":"\xff\xfe"}}',
        b'{"key":"header","value":{"summary":"s"}}\n{"key":"file","value":{"path":"\\ud800","content":""}}',
        b'{"key":"header","value":{"summary":"s"}}\n{"key":"file","value":{"path":"a","content":"","encoding":"hex"}}',
        b'{"key":"header","value":{"summary":"s"}}\n{"key":"lfsFile","value":{"path":"a","oid":"../../x"}}',
        b'{"key":"header","value":{"summary":"s"}}\n' + b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_commit_changes_nothing(
    alice: httpx2.Client, committer: Committer, repo: str, body: bytes
) -> None:
    before = head(alice, repo)
    answer = committer.raw(repo, body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert head(alice, repo) == before


def test_invalid_base64_names_the_path_and_the_line(committer: Committer, repo: str) -> None:
    good = ("file", {"path": "ok", "content": "aGk=", "encoding": "base64"})
    answer = committer.send(repo, good, ("file", {"path": "bad.bin", "content": "a*b=", "encoding": "base64"}))
    assert answer.status_code == 400
    assert "line 3" in answer.headers["x-error-message"]
    assert "bad.bin" in answer.headers["x-error-message"]


def test_a_file_stands_where_a_folder_is_needed(committer: Committer, repo: str) -> None:
    assert committer.send(repo, ("file", {"path": "a.txt/x", "content": ""})).status_code == 400
    assert committer.send(repo, ("file", {"path": "dir", "content": ""})).status_code == 400


def test_a_regular_file_may_be_as_large_as_the_limit_and_no_larger(
    alice: httpx2.Client, committer: Committer, repo: str
) -> None:
    largest = b"\1" * (10 * MIB)
    committer.write(repo, {"large": largest})
    assert content(alice, repo, "large") == largest
    line = {"path": "larger", "content": base64.b64encode(largest + b"\1").decode(), "encoding": "base64"}
    answer = committer.send(repo, ("file", line))
    assert answer.status_code == 413
    assert "LFS" in answer.headers["x-error-message"]


def endless(site: Site, token: str | None, repo: str, chunk: bytes, most: int) -> tuple[int, int]:
    """Send a commit whose body does not end, until the response arrives; return (status, bytes sent)."""
    host, port = site.url.removeprefix("http://").split(":")
    login = f"Authorization: Bearer {token}\r\n" if token else ""
    with socket.create_connection((host, int(port)), timeout=240) as raw:
        start = f"POST /api/models/{repo}/commit/main HTTP/1.1\r\nHost: {host}:{port}\r\n{login}"
        raw.sendall(f"{start}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        framed = f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
        while sent < most and not select.select([raw], [], [], 0)[0]:
            raw.sendall(framed)
            sent += len(chunk)
        status = int(raw.makefile("rb").readline().split()[1])
    return status, sent


def test_a_line_of_a_hundred_megabytes_is_refused_early_in_little_memory(site: Site, repo: str) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    status, sent = endless(site, site.alice, repo, b"x" * MIB, 100 * MIB)
    assert status == 413
    assert sent < 40 * MIB
    assert process.memory_info().rss - before < 80 * MIB


def test_strangers_are_refused_before_their_body_is_taken_in(site: Site, repo: str) -> None:
    for token, expected in ((None, 401), (site.bob, 403), ("hf_wrong", 401)):
        status, sent = endless(site, token, repo, b"x" * (MIB - 1) + b"\n", 100 * MIB)
        assert status == expected
        assert sent < 40 * MIB


@pytest.mark.parametrize("body", [b"", b"{}\n", b"no json\n", b'{"key": "header", "value": {"summary": " "}}\n'])
@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json"])
def test_strangers_hear_nothing_of_the_faults_of_a_short_body(
    site: Site, anonymous: httpx2.Client, repo: str, body: bytes, kind: str
) -> None:
    for token, expected in ((None, 401), (site.bob, 403), ("hf_wrong", 401), (site.alice, 400)):
        headers = {"content-type": kind} | ({} if token is None else {"authorization": f"Bearer {token}"})
        answer = anonymous.post(f"/api/models/{repo}/commit/main", content=body, headers=headers)
        assert answer.status_code == expected


def test_the_longest_line_holds_the_largest_regular_file() -> None:
    settings = Settings(data=Path("unused"))
    encoded = len(base64.b64encode(b"x" * settings.max_inline_file))
    assert encoded + 6 * 4096 < max_line(settings) < encoded + 100_000


def test_a_card_that_is_a_bomb_is_committed_and_the_hub_stays_fast(
    alice: httpx2.Client, committer: Committer, repo: str
) -> None:
    bomb = "---\na: &a [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9))
    with ends_within_processor_seconds():  # reading out its ten billion values would take an hour
        committer.write(repo, {"README.md": f"{bomb}---\n".encode()})
        assert alice.get(f"/api/models/{repo}/tree/main").status_code == 200


def test_a_tree_of_a_hundred_levels_works(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    path = "d/" * 100 + "x"
    committer.write(repo, {path: b"deep"})
    assert content(alice, repo, path) == b"deep"
    tree = alice.get(f"/api/models/{repo}/tree/main?recursive=true").json()
    assert len(tree) == 100 + 1 + 4


def test_ten_thousand_files_fit_into_one_commit(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    def lines() -> Iterator[bytes]:
        yield b'{"key":"header","value":{"summary":"many"}}\n'
        for number in range(10_000):
            yield b'{"key":"file","value":{"path":"f/%05d","content":"%d"}}\n' % (number, number % 7)

    assert committer.raw(repo, b"".join(lines())).status_code == 200
    assert content(alice, repo, "f/09999") == b"3"


# --- the client of the public hub ---


def test_the_client_commits_with_every_operation(alice: httpx2.Client, api: HfApi, repo: str) -> None:
    info = api.create_commit(
        repo,
        [
            CommitOperationAdd("new.txt", b"hello"),
            CommitOperationAdd("large.bin", b"\0" * 5000),
            CommitOperationCopy("a.txt", "copy.txt"),
            CommitOperationDelete("dir/", is_folder=True),
        ],
        commit_message="all",
        commit_description="kinds",
    )
    assert info.oid == head(alice, repo)
    assert info.commit_url.endswith(f"/{repo}/commit/{info.oid}")
    assert files(alice, repo) == {"a.txt", "new.txt", "large.bin", "copy.txt"}
    assert content(alice, repo, "large.bin") == b"\0" * 5000
    second = api.create_commit(
        repo,
        [CommitOperationCopy("large.bin", "large2.bin"), CommitOperationDelete("a.txt")],
        commit_message="more",
    )
    assert second.oid == head(alice, repo)
    digest = hashlib.sha256(b"\0" * 5000).hexdigest()
    assert [file.lfs.sha256 for file in api.get_paths_info(repo, ["large.bin", "large2.bin"])] == [digest] * 2


def test_the_client_uploads_a_folder_once(alice: httpx2.Client, api: HfApi, repo: str, tmp_path: Path) -> None:
    for path, data in {"x.txt": b"x", "sub/y.json": b"{}", "sub/z.bin": b"\0z" * 50, "skip.tmp": b""}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    api.upload_folder(repo_id=repo, folder_path=tmp_path, path_in_repo="up", ignore_patterns="*.tmp")
    assert {"up/x.txt", "up/sub/y.json", "up/sub/z.bin"} <= files(alice, repo)
    assert content(alice, repo, "up/sub/z.bin") == b"\0z" * 50
    before = titles(alice, repo)
    api.upload_folder(repo_id=repo, folder_path=tmp_path, path_in_repo="up", ignore_patterns="*.tmp")
    assert titles(alice, repo) == before


def test_the_client_deletes_files_and_folders(alice: httpx2.Client, api: HfApi, repo: str) -> None:
    api.delete_file("a.txt", repo)
    api.delete_folder("dir", repo)
    assert files(alice, repo) == set()
    with pytest.raises(RemoteEntryNotFoundError, match="A file with this name doesn't exist"):
        api.delete_file("a.txt", repo)


def test_the_client_learns_of_a_moved_branch(alice: httpx2.Client, api: HfApi, repo: str) -> None:
    old = head(alice, repo)
    api.upload_file(path_or_fileobj=b"1", path_in_repo="x", repo_id=repo, parent_commit=old)
    with pytest.raises(HfHubHTTPError, match="The branch was updated since you opened this page") as caught:
        api.upload_file(path_or_fileobj=b"2", path_in_repo="x", repo_id=repo, parent_commit=old)
    assert caught.value.response.status_code == 412


def test_the_client_updates_metadata(
    site: Site, alice: httpx2.Client, committer: Committer, repo: str, tmp_path: Path
) -> None:
    committer.write(repo, {"README.md": b"---\nlicense: mit\n---\n# Hi\n"})
    script = f"from huggingface_hub import metadata_update; metadata_update({repo!r}, {{'tags': ['nice']}})"
    environ = {
        "HF_ENDPOINT": site.url,
        "HF_TOKEN": site.alice,
        "HF_HOME": str(tmp_path),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert b"license: mit\ntags:\n- nice" in (content(alice, repo, "README.md") or b"")


def test_the_client_makes_no_commit_when_nothing_changes(alice: httpx2.Client, api: HfApi, repo: str) -> None:
    for _ in range(2):
        api.upload_file(path_or_fileobj=b"same", path_in_repo="same.txt", repo_id=repo)
        api.upload_file(path_or_fileobj=b"\0same", path_in_repo="same.bin", repo_id=repo)
    assert len(titles(alice, repo)) == 4


def test_the_client_cannot_write_where_it_may_not(site: Site, api: HfApi, repo: str) -> None:
    hidden = site.new_repo(visibility="private")
    foreign = site.api(site.bob)
    with pytest.raises(HfHubHTTPError, match="You don't have the rights to write"):
        foreign.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    with pytest.raises(RepositoryNotFoundError):
        foreign.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=hidden)
    with pytest.raises(HfHubHTTPError, match="token"):
        site.api(site.reader).upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)


def test_the_lines_of_a_message_are_kept(site: Site, committer: Committer) -> None:
    api, repo = site.api(), site.new_repo()
    messages: list[tuple[dict[str, Any], str]] = [
        ({"commit_message": "Title\n\n* one\n* two"}, "* one\n* two"),
        ({"commit_message": "Title\r\nbody"}, "body"),
        ({"commit_message": "Title\nbody", "commit_description": "more\n\nlines"}, "body\n\nmore\n\nlines"),
        ({"commit_message": "Title", "commit_description": "one\ntwo"}, "one\ntwo"),
    ]
    for number, (words, body) in enumerate(messages):
        api.create_commit(repo, [CommitOperationAdd("f", b"%d" % number)], **words)
        commit = api.list_repo_commits(repo)[0]
        assert (commit.title, commit.message) == ("Title", body)
    opened = api.create_commit(
        repo, [CommitOperationAdd("g", b"x")], commit_message="Title\n\n* one\n* two", create_pr=True
    )
    assert opened.pr_num is not None
    details = api.get_discussion_details(repo, opened.pr_num)
    assert details.title == "Title"
    assert vars(details.events[0])["content"] == "* one\n* two"


def test_a_short_commit_begins_one_transaction_to_read(
    site: Site, repo: str, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, begun = site.hub.catalog, list[str]()
    for holder, name in ((catalog, "_read"), (catalog._shared, "_begin")):
        begin = getattr(holder, name)

        def counted(begin: Any = begin, name: str = name) -> Any:
            begun.append(name)
            return begin()

        monkeypatch.setattr(holder, name, counted)
    committer.write(repo, {"notes.txt": b"short"})
    assert begun.count("_begin") == 1
    assert "_read" not in begun, "a transaction of its own for one read"
