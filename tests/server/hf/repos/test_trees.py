from __future__ import annotations

import base64
import socket

import httpx2
import pytest

from entrepot.catalog.repos import refs, repositories
from entrepot.git import Kind, Mode, TreeEditor
from entrepot.hub.repos.contents import DescribedEntry
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.names import MAIN, Oid, RepoPath, RepoRef, RepoType, parse_repo_id
from entrepot.server.hf.repos.trees import entry_of
from entrepot.storage import objects as stored
from entrepot.storage.trees import ListedEntry, Trees
from tests.support.site import Committer, Site

FILES = {"z.txt": b"last", "a.txt": b"hello", "dir/one.txt": b"1", "dir/sub/two.txt": b"22"}
EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git hash-object /dev/null


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    repo: str = site.new_repo()
    committer.write(repo, FILES)
    return repo


def paths(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["path"] for entry in answer.json()]


def test_a_tree_lists_one_level_folders_first(anonymous: httpx2.Client, repo: str) -> None:
    answer = anonymous.get(f"/api/models/{repo}/tree/main")
    assert paths(answer) == ["dir", ".gitattributes", "a.txt", "z.txt"]
    folder, _, file, _ = answer.json()
    assert (folder["type"], folder["size"]) == ("directory", 0)
    # git hash-object of "hello"
    assert file == {"type": "file", "oid": "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0", "size": 5, "path": "a.txt"}


def test_a_tree_names_its_commit(anonymous: httpx2.Client, repo: str) -> None:
    head = anonymous.get(f"/api/models/{repo}").json()["sha"]
    assert anonymous.get(f"/api/models/{repo}/tree/main").headers["x-repo-commit"] == head


def test_a_deep_tree_goes_into_every_folder(anonymous: httpx2.Client, repo: str) -> None:
    for spelling in ("true", "True", "1"):
        answer = anonymous.get(f"/api/models/{repo}/tree/main", params={"recursive": spelling})
        assert paths(answer) == [
            "dir",
            "dir/sub",
            "dir/sub/two.txt",
            "dir/one.txt",
            ".gitattributes",
            "a.txt",
            "z.txt",
        ]


@pytest.mark.parametrize("path", ["dir/sub", "dir%2Fsub", "dir/sub/"])
def test_a_folder_may_be_named_with_encoded_slashes(anonymous: httpx2.Client, repo: str, path: str) -> None:
    assert paths(anonymous.get(f"/api/models/{repo}/tree/main/{path}")) == ["dir/sub/two.txt"]


def test_a_large_file_shows_what_its_pointer_points_at(
    anonymous: httpx2.Client, committer: Committer, site: Site
) -> None:
    repo = site.new_repo()
    data = b"\0" * 2000
    digest = committer.write_large(repo, {"m.bin": data})["m.bin"]
    entry = anonymous.get(f"/api/models/{repo}/tree/main").json()[1]
    assert (entry["path"], entry["size"]) == ("m.bin", 2000)
    assert entry["lfs"] == {"oid": digest, "size": 2000, "pointerSize": 129}
    assert entry["oid"] != digest


@pytest.mark.parametrize(
    "path", ["nothing", "a.txt", "dir/nothing", "..%2Fx", "%2Fetc", "dir//sub", "a%00b", "x" * 5000]
)
def test_no_folder_at_a_path_is_no_entry(anonymous: httpx2.Client, repo: str, path: str) -> None:
    answer = anonymous.get(f"/api/models/{repo}/tree/main/{path}")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")
    assert len(answer.headers["x-repo-commit"]) == 40


@pytest.mark.parametrize("revision", ["nope", "refs%2Fpr%2F7", "refs/pr/7", "0" * 40, "a%20b", "%2D%2Dx"])
def test_an_unknown_revision_is_distinguished_from_an_unknown_path(
    anonymous: httpx2.Client, repo: str, revision: str
) -> None:
    answer = anonymous.get(f"/api/models/{repo}/tree/{revision}")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert answer.headers["x-error-message"].startswith("Invalid rev id: ")


def test_an_unknown_revision_comes_before_an_impossible_path(anonymous: httpx2.Client, repo: str) -> None:
    answer = anonymous.get(f"/api/models/{repo}/tree/nope/a//b")
    assert answer.headers["x-error-code"] == "RevisionNotFound"


def test_a_path_with_a_broken_encoding_is_a_bad_request(site: Site, repo: str) -> None:
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(f"GET /api/models/{repo}/tree/main/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert raw.makefile("rb").readline().split()[1] == b"400"


def test_every_page_follows_the_commit_of_the_first(anonymous: httpx2.Client, committer: Committer, repo: str) -> None:
    first = anonymous.get(f"/api/models/{repo}/tree/main", params={"recursive": "true", "limit": 3})
    committer.write(repo, {"dir/sub/zz.txt": b"later", "b.txt": b"later"})
    seen, answer = paths(first), first
    while "next" in answer.links:
        answer = anonymous.get(answer.links["next"]["url"])
        seen += paths(answer)
    assert seen == ["dir", "dir/sub", "dir/sub/two.txt", "dir/one.txt", ".gitattributes", "a.txt", "z.txt"]
    assert 'rel="next"' in first.headers["link"]
    assert "recursive=true" in first.links["next"]["url"]


def test_a_cursor_that_clients_build_continues_at_the_revision(anonymous: httpx2.Client, repo: str) -> None:
    inner = base64.b64encode(b'{"file_name":"dir/one.txt"}')
    for cursor in (inner, base64.b64encode(inner + b":50")):
        answer = anonymous.get(f"/api/models/{repo}/tree/main", params={"recursive": "true", "cursor": cursor.decode()})
        assert paths(answer) == [".gitattributes", "a.txt", "z.txt"]


def test_a_cursor_that_is_none_is_a_bad_request(anonymous: httpx2.Client, repo: str) -> None:
    assert anonymous.get(f"/api/models/{repo}/tree/main?cursor=!!").status_code == 400


def test_pages_hold_a_thousand_entries_or_fifty_with_commits(
    anonymous: httpx2.Client, committer: Committer, site: Site
) -> None:
    repo = site.new_repo()
    commit = committer.write(repo, {f"f{number:04}": b"" for number in range(1100)}, summary="many")
    plain = anonymous.get(f"/api/models/{repo}/tree/main?limit=99999")
    expanded = anonymous.get(f"/api/models/{repo}/tree/main?expand=true&limit=99999")
    assert (len(plain.json()), len(expanded.json())) == (1000, 50)
    assert expanded.json()[5]["lastCommit"]["id"] == commit
    assert expanded.json()[5]["lastCommit"]["title"] == "many"
    assert expanded.json()[5]["lastCommit"]["date"].endswith("Z")
    assert len(anonymous.get(plain.links["next"]["url"]).json()) == 101


def test_paths_are_described_in_the_order_of_the_request(anonymous: httpx2.Client, repo: str) -> None:
    wanted = ["z.txt", "nothing", "dir/", "dir/one.txt", "..", "a\\..\\b", "/etc/passwd"]
    url = f"/api/models/{repo}/paths-info/main"
    form = anonymous.post(url, data={"paths": wanted, "expand": False})
    document = anonymous.post(url, json={"paths": wanted, "expand": False})
    assert paths(form) == ["z.txt", "dir", "dir/one.txt"]
    assert form.json() == document.json()
    assert "lastCommit" not in form.json()[0]


@pytest.mark.parametrize("spelling", ["true", "True"])
def test_paths_come_with_their_last_commit_when_asked(anonymous: httpx2.Client, repo: str, spelling: str) -> None:
    answer = anonymous.post(f"/api/models/{repo}/paths-info/main", data={"paths": "a.txt", "expand": spelling})
    assert answer.json()[0]["lastCommit"]["title"] == "change"


def test_an_empty_path_is_a_bad_request(anonymous: httpx2.Client, repo: str) -> None:
    url = f"/api/models/{repo}/paths-info/main"
    assert anonymous.post(url, data={"paths": ""}).status_code == 400
    assert anonymous.post(url, json={"paths": ["a", ""]}).status_code == 400


@pytest.mark.parametrize("count", [1001, 5000])
def test_more_than_a_thousand_paths_are_too_many(anonymous: httpx2.Client, repo: str, count: int) -> None:
    answer = anonymous.post(f"/api/models/{repo}/paths-info/main", data={"paths": [f"f{n}" for n in range(count)]})
    assert answer.status_code == 413
    assert "too many parameters" in answer.headers["x-error-message"]


def test_a_body_that_cannot_be_read_is_a_bad_request(anonymous: httpx2.Client, repo: str) -> None:
    url = f"/api/models/{repo}/paths-info/main"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert anonymous.post(url, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert anonymous.post(url, content=b"paths=\xff", headers=form).status_code == 400
    assert anonymous.post(url, content=b"paths=%ff", headers=form).status_code == 400


def test_a_path_of_a_megabyte_is_just_missing(anonymous: httpx2.Client, repo: str) -> None:
    answer = anonymous.post(f"/api/models/{repo}/paths-info/main", json={"paths": ["x" * 1_000_000, "a.txt"]})
    assert paths(answer) == ["a.txt"]


def test_the_size_of_a_folder_counts_everything_below(anonymous: httpx2.Client, repo: str) -> None:
    assert anonymous.get(f"/api/models/{repo}/treesize/main/dir").json() == {"path": "dir", "size": 3}
    answer = anonymous.get(f"/api/models/{repo}/treesize/main/nothing")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")


def test_a_private_repository_is_hidden(
    site: Site, alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client
) -> None:
    repo = site.new_repo(RepoType.DATASET, visibility="private")
    url = f"/api/datasets/{repo}/tree/main"
    hidden, unknown = stranger.get(url), anonymous.get(url)
    assert paths(alice.get(url)) == [".gitattributes"]
    assert (hidden.status_code, hidden.headers["x-error-code"]) == (404, "RepoNotFound")
    assert (unknown.status_code, unknown.headers["x-error-code"]) == (401, "RepoNotFound")
    assert unknown.headers["x-error-message"] == "Invalid username or password."


def test_a_wrong_token_is_refused_even_on_a_public_repository(site: Site, repo: str) -> None:
    with site.client("hf_wrong") as client:
        answer = client.get(f"/api/models/{repo}/tree/main")
    assert answer.status_code == 401
    assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"
    assert "x-error-code" not in answer.headers


def test_the_client_lists_a_tree_and_describes_paths(site: Site, repo: str) -> None:
    api = site.api()
    tree = list(api.list_repo_tree(repo, recursive=True, expand=True))
    assert [item.path for item in tree][:3] == ["dir", "dir/sub", "dir/sub/two.txt"]
    assert all(item.last_commit.title for item in tree)
    assert [item.path for item in api.get_paths_info(repo, ["z.txt", "dir", "nope"])] == ["z.txt", "dir"]
    assert set(api.list_repo_files(repo)) == {*FILES, ".gitattributes"}


def test_an_empty_file_has_the_id_that_git_gives_it(anonymous: httpx2.Client, committer: Committer, repo: str) -> None:
    committer.write(repo, {"empty": b""})
    answer = anonymous.post(f"/api/models/{repo}/paths-info/main", json={"paths": ["empty"]})
    assert answer.json() == [{"type": "file", "oid": EMPTY_BLOB, "size": 0, "path": "empty"}]


def test_a_name_that_is_no_utf8_is_shown_as_far_as_it_can_be() -> None:
    path = RepoPath(b"caf\xe9".decode("utf-8", "surrogateescape"))
    entry = entry_of(DescribedEntry(ListedEntry(path, Oid(EMPTY_BLOB), False, 0, 0, None)))
    assert entry.path == "caf\ufffd"


def plant(site: Site, repo: str, names: list[str]) -> None:
    """Create a commit with entries that no interface accepts today, as earlier versions allowed."""
    ref = RepoRef(RepoType.MODEL, parse_repo_id(repo))
    author = site.hub.identify(site.alice)
    assert author is not None
    with site.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        head = refs.find(tx, row.id, MAIN)
        assert head is not None
        editor = TreeEditor(stored.root_of(site.hub.store, tx, row.id, head), Trees(site.hub.store, tx, row.id).read)
        blob = stored.of(Kind.BLOB, b"data")
        for name in names:
            editor.put(RepoPath(name), Mode.FILE, blob.oid)
        root, fresh = editor.write()
    commit = commit_object(site.hub, author, root, (head,), "planted")
    made = [blob, *(stored.GitObject(oid, Kind.TREE, content) for oid, content in fresh.items()), commit]
    rows = [stored.row_of(item) for item in made]
    move = Move(MAIN, head, commit.oid)
    with site.hub.write() as tx:
        assert publish(site.hub, tx, row, Publication(row.id, move, (head,), rows, (), (), author.account.id))


def test_paths_that_no_client_can_use_are_reported_in_a_header_and_can_be_deleted(
    anonymous: httpx2.Client, site: Site, repo: str, committer: Committer
) -> None:
    plant(site, repo, ["Icon\r", "caf\udce9.txt", "d/tab\t", "a:b", "bad\n/x", "..\\x"])
    shown = {"dir", "dir/sub", "dir/sub/two.txt", "dir/one.txt", "d", ".gitattributes", "a.txt", "z.txt"}
    listing = anonymous.get(f"/api/models/{repo}/tree/main?recursive=1")
    assert set(paths(listing)) == shown
    info = anonymous.get(f"/api/models/{repo}")
    assert {file["rfilename"] for file in info.json()["siblings"]} == {".gitattributes", *FILES}
    for answer in (listing, info):
        topic, _, text = answer.headers["X-HF-Warning"].partition("; ")
        assert topic == "unreadable-paths"
        assert "left out" in text
        assert text.isascii()
    refused = committer.send(repo, ("deletedFile", {"path": "caf?.txt"}))
    assert refused.status_code == 404
    for path in ("Icon\r", '"caf\\351.txt"', "d/tab\t", "a:b", "..\\x"):
        assert committer.send(repo, ("deletedFile", {"path": path})).status_code == 200, path
    assert committer.send(repo, ("deletedFolder", {"path": "bad\n/"})).status_code == 200
    listing = anonymous.get(f"/api/models/{repo}/tree/main?recursive=1")
    assert "X-HF-Warning" not in listing.headers
    assert set(paths(listing)) == shown - {"d"}


def test_files_are_found_by_words_of_their_paths(anonymous: httpx2.Client, repo: str) -> None:
    found = anonymous.get(f"/api/models/{repo}/find/main?q=dir+TXT")
    assert found.status_code == 200
    assert [(item["path"], item["size"]) for item in found.json()["files"]] == [
        ("dir/one.txt", 1),
        ("dir/sub/two.txt", 2),
    ]
    assert found.json()["isComplete"] is True
    assert len(found.headers["x-repo-commit"]) == 40
    below = anonymous.get(f"/api/models/{repo}/find/main/dir/sub?q=txt&limit=1").json()
    assert [item["path"] for item in below["files"]] == ["dir/sub/two.txt"]
    assert anonymous.get(f"/api/models/{repo}/find/main?q=txt&limit=1").json()["isComplete"] is False
    assert anonymous.get(f"/api/models/{repo}/find/main/none?q=txt").status_code == 404
    assert anonymous.get(f"/api/models/{repo}/find/main?q={'x' * 201}").status_code in (400, 413, 422)
