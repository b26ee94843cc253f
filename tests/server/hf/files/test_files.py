from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import pathlib
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import RemoteEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.repos import repositories as repos
from entrepot.errors import Malformed
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import Delete
from entrepot.hub.repos import branches, commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.names import ROOT, RepoId, RepoRef, RepoType, parse_path
from entrepot.server.app import make_app
from entrepot.server.handlers import AppState
from entrepot.server.hf.files.files import FilePath, parse_file_path, routes
from entrepot.server.metrics import Metrics
from entrepot.server.middleware import Middleware
from entrepot.server.threads import Threads
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

MIB = 1 << 20
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n"
ODD = ["a b.txt", "ünï/cödé ✓.txt", "100%.txt", "c#1?.txt", "a+b&c=d.txt", "%2F.txt", "x;y,z@.txt", "[q]'\"`^.txt"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_small_file_is_described_and_sent(world: ServedHub, kind: str) -> None:
    ref = world.repo(f"small-{kind}", kind)
    commit = world.commit(ref, {"config.json": b'{"a": 1}'})
    head, get = (world.client().request(verb, f"/{ref.path}/resolve/main/config.json") for verb in ("HEAD", "GET"))
    oid = hashlib.sha1(b'blob 8\0{"a": 1}').hexdigest()
    assert (get.status_code, get.content, head.content) == (200, b'{"a": 1}', b"")
    for answer in (head, get):
        assert answer.headers["x-repo-commit"] == commit
        assert answer.headers["etag"] == f'"{oid}"'
        assert answer.headers["content-length"] == "8"
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("inline;")
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert "x-linked-size" not in answer.headers


@pytest.mark.parametrize("size", [100, 9 * MIB + 11], ids=["small", "large"])
def test_a_large_file_travels_under_its_sha256(world: ServedHub, size: int) -> None:
    ref, data = world.repo(f"large-{size}"), os.urandom(size)
    world.commit_large(ref, "model.safetensors", data)
    client = world.client(**{"accept-encoding": "identity"})
    head, get = (client.request(verb, f"/{ref.path}/resolve/main/model.safetensors") for verb in ("HEAD", "GET"))
    assert get.content == data
    for answer in (head, get):
        assert answer.headers["etag"] == answer.headers["x-linked-etag"] == f'"{sha256(data)}"'
        assert answer.headers["content-length"] == answer.headers["x-linked-size"] == str(size)
        assert answer.headers["content-type"] == "application/octet-stream"


def test_raw_sends_pointers_as_text_and_other_files_as_they_are(world: ServedHub) -> None:
    ref, data = world.repo("raws"), os.urandom(5000)
    world.commit(ref, {"a.txt": b"text", "tiny.bin": b"\0\1"})
    world.commit_large(ref, "model.safetensors", data)
    pointer = POINTER % (sha256(data).encode(), 5000)
    client = world.client()
    head, get = (client.request(verb, f"/{ref.path}/raw/main/model.safetensors") for verb in ("HEAD", "GET"))
    assert get.content == pointer
    assert head.headers["content-type"] == get.headers["content-type"] == "text/plain; charset=utf-8"
    assert head.headers["content-length"] == str(len(pointer))
    oid = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()
    assert get.headers["etag"] == f'"{oid}"'
    assert "x-linked-size" not in get.headers
    assert client.get(f"/{ref.path}/raw/main/a.txt").content == b"text"
    assert client.get(f"/{ref.path}/raw/main/tiny.bin").headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("size", [100, 9 * MIB], ids=["small", "large"])
def test_links_that_download_make_browsers_save_the_file(world: ServedHub, size: int) -> None:
    ref = world.repo(f"saved-{size}")
    world.commit_large(ref, "é.bin", os.urandom(size))
    shown, saved = "inline; filename*=UTF-8''%C3%A9.bin", "attachment; filename*=UTF-8''%C3%A9.bin"
    for query, start in (("download=true", saved), ("", shown), ("download=1", saved), ("download=false", shown)):
        for verb in ("GET", "HEAD"):
            answer = world.client().request(verb, f"/{ref.path}/resolve/main/é.bin?{query}")
            assert answer.headers["content-disposition"].startswith(start), (verb, query)


@pytest.mark.parametrize("path", ODD)
def test_odd_paths_are_found(world: ServedHub, path: str) -> None:
    ref = world.repo(f"odd-{ODD.index(path)}")
    world.commit(ref, {path: path.encode()})
    client = world.client()
    by_segments = client.get(f"{world.url}/{ref.path}/resolve/main/{quote(path)}")
    as_one = client.get(f"{world.url}/{ref.path}/resolve/main/{quote(path, safe='')}")
    assert by_segments.content == as_one.content == path.encode()
    assert quote(path.rpartition("/")[2], safe="!#$&+^`|~") in as_one.headers["content-disposition"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("main/a/b.txt", FilePath("main", parse_path("a/b.txt"))),
        ("main/a%2Fb.txt", FilePath("main", parse_path("a/b.txt"))),
        ("feature%2Fx/a", FilePath("feature/x", parse_path("a"))),
        ("refs%2Fpr%2F1/a", FilePath("refs/pr/1", parse_path("a"))),
        ("refs/pr/1/a/b", FilePath("refs/pr/1", parse_path("a/b"))),
        ("refs/convert/parquet/a", FilePath("refs/convert/parquet", parse_path("a"))),
        ("refs/pr/1", FilePath("refs/pr/1", ROOT)),
        ("refs/pr", FilePath("refs/pr", ROOT)),
        ("main", FilePath("main", ROOT)),
        ("main/", FilePath("main", ROOT)),
        ("main/a/../b", FilePath("main", ROOT)),
        ("main/a//b", FilePath("main", ROOT)),
        ("", FilePath("", ROOT)),
    ],
)
def test_a_place_is_read_from_the_raw_path(raw: str, expected: FilePath) -> None:
    assert parse_file_path(raw) == expected


@pytest.mark.parametrize("raw", ["%zz/a", "main/%ff", "main/a%"])
def test_a_broken_encoding_is_no_place(raw: str) -> None:
    with pytest.raises(Malformed):
        parse_file_path(raw)


def test_revisions_are_found_under_all_their_names(world: ServedHub) -> None:
    ref = world.repo("revisions")
    first = world.commit(ref, {"a.txt": b"1"})
    branches.create_branch(world.hub, world.caller(), ref, "feature/x", start=None, is_empty=False, overwrites=False)
    world.commit(ref, {"a.txt": b"2"})
    client = world.client()
    found = {
        name: client.get(f"/{ref.path}/resolve/{name}/a.txt").content
        for name in (
            "main", "HEAD", "refs/heads/main", "refs%2Fheads%2Fmain", "feature%2Fx", "refs%2Fheads%2Ffeature%2Fx",
            first, first[:8],
        )
    }  # fmt: skip
    assert list(found.values()) == [b"2"] * 4 + [b"1"] * 4


def test_a_missing_file_names_the_commit_that_lacks_it(world: ServedHub) -> None:
    ref = world.repo("missing")
    commit = world.commit(ref, {"folder/a.txt": b"1"})
    client = world.client()
    for path in ("nope.txt", "folder", "folder/a.txt/b", "folder//a.txt", "", "folder/a%00"):
        for verb in ("HEAD", "GET"):
            answer = client.request(verb, f"/{ref.path}/resolve/main/{path}")
            assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound"), path
            assert answer.headers["x-repo-commit"] == commit


def test_a_missing_revision_and_a_missing_repository_are_distinguished(world: ServedHub) -> None:
    ref = world.repo("told-apart")
    client = world.client(world.bob)
    revision = client.get(f"/{ref.path}/resolve/nope/a")
    repo = client.get("/alice/nope/resolve/main/a")
    name = client.get("/alice/no--pe/resolve/main/a")
    assert (revision.status_code, revision.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert revision.headers["x-error-message"] == "Invalid rev id: nope"
    for answer in (repo, name):
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_a_private_repository_is_invisible(world: ServedHub) -> None:
    ref = world.repo("private", visibility="private")
    world.commit(ref, {"a.txt": b"secret"})
    url = f"/{ref.path}/resolve/main/a.txt"
    anonymous, stranger = world.client().get(url), world.client(world.bob).get(url)
    absent = world.client(world.bob).get("/alice/absent/resolve/main/a.txt")
    basic = base64.b64encode(f"x:{world.alice}".encode()).decode()
    owners = [world.client(world.alice_reads), world.client(authorization=f"Basic {basic}")]
    assert (anonymous.status_code, anonymous.headers["x-error-code"]) == (401, "RepoNotFound")
    assert anonymous.headers["x-error-message"] == "Invalid username or password."
    assert (stranger.status_code, stranger.content) == (404, absent.content)
    assert [owner.get(url).content for owner in owners] == [b"secret"] * 2


def test_a_dead_token_is_refused_even_for_public_files(world: ServedHub) -> None:
    ref = world.repo("dead")
    world.commit(ref, {"a.txt": b"1"})
    expired = accounts.create_token(world.hub, "alice", role="read")
    with world.hub.write() as tx:
        token_rows.update(tx, expired.token.uid, expires_ms=1)
    revoked = accounts.create_token(world.hub, "alice", role="read", name="gone").secret
    accounts.revoke_token(world.hub, "alice", "gone")
    for secret in (expired.secret, revoked, "hf_unknown"):
        answer = world.client(secret).head(f"/{ref.path}/resolve/main/a.txt")
        assert answer.status_code == 401
        assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"
        assert "x-error-code" not in answer.headers


def test_a_gated_repository_sends_files_to_its_members_only(world: ServedHub) -> None:
    ref = world.repo("gated")
    world.commit(ref, {"a.txt": b"1"})
    repositories.configure(world.hub, world.caller(), ref, RepoChanges(gated="manual"))
    url = f"/{ref.path}/resolve/main/a.txt"
    answers = [world.client(token).get(url) for token in (None, world.bob, world.alice_reads)]
    assert [answer.status_code for answer in answers] == [401, 403, 200]
    assert [answer.headers.get("x-error-code") for answer in answers] == ["GatedRepo", "GatedRepo", None]


def test_a_moved_repository_redirects_with_its_query(world: ServedHub) -> None:
    ref = world.repo("was")
    world.commit(ref, {"a b.txt": b"1"})
    repositories.move(world.hub, world.caller(), ref, RepoRef(ref.type, RepoId("alice", "is")))
    answer = world.client().get(f"/{ref.path}/resolve/main/a%20b.txt?download=true")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/alice/is/resolve/main/a%20b.txt?download=true"


@pytest.mark.parametrize("size", [1000, 12 * MIB], ids=["small", "large"])
def test_ranges_resume_and_select(world: ServedHub, size: int) -> None:
    ref, data = world.repo(f"ranges-{size}"), os.urandom(size)
    world.commit_large(ref, "a.bin", data)
    url = f"/{ref.path}/resolve/main/a.bin"
    resumed = world.client(range=f"bytes={size // 3}-").get(url)
    tail = world.client(range="bytes=-7").get(url)
    several = world.client(range="bytes=0-1,8-9").get(url)
    beyond = world.client(range=f"bytes={size}-").get(url)
    stale = world.client(**{"range": "bytes=5-", "if-range": '"other"'}).get(url)
    message = f"the requested range lies outside the file of {size} bytes"
    assert (resumed.status_code, resumed.content) == (206, data[size // 3 :])
    assert resumed.headers["content-range"] == f"bytes {size // 3}-{size - 1}/{size}"
    assert (tail.content, several.status_code) == (data[-7:], 206)
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert (stale.status_code, stale.content) == (200, data)
    assert (beyond.headers["x-error-message"], beyond.json()) == (message, {"error": message})
    assert "cache-control" not in beyond.headers
    for name in ("x-repo-commit", "etag", "x-linked-etag", "x-linked-size"):
        assert len({answer.headers[name] for answer in (resumed, tail, several, stale, beyond)}) == 1, name


def test_an_empty_file_can_be_probed(world: ServedHub) -> None:
    ref = world.repo("empty")
    world.commit(ref, {"empty.txt": b""})
    url = f"/{ref.path}/resolve/main/empty.txt"
    probe, head = world.client(range="bytes=0-0").get(url), world.client().head(url)
    assert (probe.status_code, probe.content, probe.headers["content-range"]) == (200, b"", "bytes */0")
    assert (head.status_code, head.headers["content-length"]) == (200, "0")


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_an_unchanged_file_is_not_sent_again(world: ServedHub, verb: str) -> None:
    ref = world.repo(f"unchanged-{verb.lower()}")
    commit = world.commit(ref, {"a.txt": b"1"})
    url = f"/{ref.path}/resolve/main/a.txt"
    etag = world.client().get(url).headers["etag"]
    same = world.client(**{"if-none-match": etag}).request(verb, url)
    world.commit(ref, {"a.txt": b"2"})
    changed = world.client(**{"if-none-match": etag}).request(verb, url)
    assert (same.status_code, same.content, same.headers["x-repo-commit"]) == (304, b"", commit)
    assert (same.headers["etag"], same.headers["cache-control"]) == (etag, "no-cache")
    assert changed.status_code == 200


def test_only_what_a_commit_names_may_be_kept_for_ever(world: ServedHub) -> None:
    ref = world.repo("caching")
    commit = world.commit(ref, {"a.txt": b"1"})
    kept = {
        name: world.client().get(f"/{ref.path}/resolve/{name}/a.txt").headers
        for name in (commit, commit[:10], "main", "HEAD")
    }
    assert "immutable" in kept[commit]["cache-control"]
    assert "private" in kept[commit]["cache-control"]
    assert {kept[name]["cache-control"] for name in (commit[:10], "main", "HEAD")} == {"no-cache"}
    assert all(headers["vary"] == "Authorization" for headers in kept.values())


@pytest.mark.parametrize("name", ["evil.html", "evil.xhtml", "evil.js", "evil.xml"])
def test_nothing_that_was_uploaded_runs_in_the_origin_of_the_hub(world: ServedHub, name: str) -> None:
    ref = world.repo(f"evil-{name.replace('.', '-')}")
    world.commit(ref, {name: b"<script>alert(1)</script>"})
    for word in ("resolve", "raw"):
        headers = world.client().get(f"/{ref.path}/{word}/main/{name}").headers
        assert headers["content-type"] == "text/plain; charset=utf-8"
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize("word", ["resolve", "raw"])
def test_an_svg_picture_is_an_image_of_pages_and_never_a_page(world: ServedHub, word: str) -> None:
    ref = world.repo(f"drawn-{word}")
    world.commit(ref, {"a.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"})
    for verb in ("GET", "HEAD"):
        headers = world.client().request(verb, f"/{ref.path}/{word}/main/a.svg").headers
        assert headers["content-type"] == "image/svg+xml"
        assert headers["content-disposition"].startswith("attachment;")
        assert headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert headers["x-content-type-options"] == "nosniff"


def test_a_deleted_file_stays_readable_at_its_commit(world: ServedHub) -> None:
    ref = world.repo("deleted")
    before = world.commit(ref, {"a.txt": b"1"})
    commits.create(world.hub, world.caller(), ref, "main", CommitDraft("rm", [Delete(parse_path("a.txt"))]))
    client = world.client()
    assert client.get(f"/{ref.path}/resolve/main/a.txt").status_code == 404
    assert client.get(f"/{ref.path}/resolve/{before}/a.txt").content == b"1"


@pytest.mark.parametrize(
    ("verb", "path", "headers", "expected"),
    [
        ("GET", "resolve/main/config.json", {}, 1),
        ("GET", "resolve/main/config.json", {"range": "bytes=0-"}, 1),
        ("GET", "resolve/main/config.json", {"range": "bytes=0-09"}, 1),
        ("HEAD", "resolve/main/config.json", {}, 0),
        ("GET", "resolve/main/config.json", {"range": "bytes=1-"}, 0),
        ("GET", "resolve/main/config.json", {"range": "bytes=0-0"}, 0),
        ("GET", "resolve/main/config.json", {"if-none-match": '"x"'}, 0),
        ("GET", "raw/main/config.json", {}, 0),
        ("GET", "resolve/main/.gitattributes", {}, 0),
        ("GET", "resolve/nope/config.json", {}, 0),
    ],
)
def test_a_download_is_counted_once_and_nothing_else_is(
    tmp_path: pathlib.Path, verb: str, path: str, headers: dict[str, str], expected: int
) -> None:
    hub, ref = hub_of_its_own(tmp_path)
    with running(make_app(hub)) as address:
        for _ in range(2):
            httpx2.request(verb, f"{address.url}/{ref.path}/{path}", headers=headers, trust_env=False)
    assert downloads_of(hub, ref) == expected


def test_people_behind_a_trusted_proxy_are_distinguished(tmp_path: pathlib.Path) -> None:
    hub, ref = hub_of_its_own(tmp_path)
    with running(make_app(hub)) as address:
        for person in ("10.0.0.1", "spoofed, 10.0.0.2", "other, 10.0.0.2"):
            url = f"{address.url}/{ref.path}/resolve/main/config.json"
            httpx2.get(url, headers={"x-forwarded-for": person}, trust_env=False)
    assert downloads_of(hub, ref) == 2


def hub_of_its_own(tmp_path: pathlib.Path) -> tuple[HubContext, RepoRef]:
    hub = open_hub(Settings(data=tmp_path / "data", trusted_proxies=("127.0.0.1",)), fsync=False)
    accounts.create_user(hub, "alice")
    caller = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
    new = repositories.NewRepo(RepoType.MODEL, "counted", "alice", files={"config.json": b'{"a": 12345}'})
    return hub, repositories.create(hub, caller, new).ref


def downloads_of(hub: HubContext, ref: RepoRef) -> int:
    """Return the download count in the catalog after the server has stopped; close the hub."""
    with hub.read() as tx:
        row = repos.find(tx, ref)
    hub.close()
    assert row is not None
    return row.downloads


def test_huggingface_hub_reads_the_headers(world: ServedHub) -> None:
    ref, data = world.repo("metadata"), os.urandom(3 * MIB)
    world.commit(ref, {"config.json": b"{}"})
    commit = world.commit_large(ref, "model.bin", data)
    small, large = (
        get_hf_file_metadata(hf_hub_url(str(ref.id), name, endpoint=world.url), endpoint=world.url)
        for name in ("config.json", "model.bin")
    )
    assert (small.commit_hash, small.size) == (commit, 2)
    assert (large.commit_hash, large.size, large.etag) == (commit, len(data), sha256(data))


def test_huggingface_hub_downloads_files_and_understands_what_is_missing(
    world: ServedHub, tmp_path: pathlib.Path
) -> None:
    ref, data = world.repo("downloads", "dataset", visibility="private"), os.urandom(2 * MIB)
    world.commit(ref, {"a/ü b#.txt": b"1"})
    commit = world.commit_large(ref, "model.bin", data)

    def download(name: str, **more: Any) -> pathlib.Path:
        options: dict[str, Any] = {
            "repo_type": "dataset",
            "token": world.alice,
            "endpoint": world.url,
            "cache_dir": tmp_path,
        } | more
        return pathlib.Path(hf_hub_download(str(ref.id), name, **options))

    assert download("model.bin").read_bytes() == data
    assert download("a/ü b#.txt", revision=commit).read_bytes() == b"1"
    with pytest.raises(RemoteEntryNotFoundError):
        download("nope.txt")
    with pytest.raises(RevisionNotFoundError):
        download("model.bin", revision="nope")
    with pytest.raises(RepositoryNotFoundError):
        download("model.bin", token=False, cache_dir=tmp_path / "fresh")  # else the cached file would be returned
    assert list(tmp_path.glob(f"*/.no_exist/{commit}/nope.txt"))


class CountingThreads(Threads):
    """The real pools, with a count of their calls."""

    hops = 0

    async def run_short(self, call: Any, *args: Any, line: bytes = b"") -> Any:  # type: ignore[override]
        self.hops += 1
        return await super().run_short(call, *args, line=line)

    async def run_transfer(self, call: Any, *args: Any) -> Any:  # type: ignore[override]
        self.hops += 1
        return await super().run_transfer(call, *args)


@pytest.mark.parametrize(("verb", "size", "expected"), [("GET", MIB, 1), ("HEAD", MIB, 1), ("HEAD", 2 * MIB, 1)])
def test_a_small_file_and_any_description_cost_at_most_one_hop_into_a_thread(
    world: ServedHub, verb: str, size: int, expected: int
) -> None:
    ref, data = world.repo(f"hops-{verb.lower()}-{size}"), os.urandom(size)
    world.commit_large(ref, "a.bin", data)
    threads = CountingThreads(short=1, transfers=1)
    router = Router(routes())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["app"] = AppState(world.hub, threads, DownloadCounter())
        await router(scope, receive, send)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=Middleware(app, metrics=Metrics()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.request(verb, f"/{ref.path}/resolve/main/a.bin")

    answer = asyncio.run(ask())
    threads.close()
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(size))
    assert answer.content == (data if verb == "GET" else b"")
    assert threads.hops <= expected
