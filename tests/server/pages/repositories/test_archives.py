from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import attrs
import httpx2
import pytest

from entrepot.catalog.repos import repositories as rows
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.repos import branches, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.search import archives
from entrepot.hub.search.archives import ArchiveListing
from entrepot.names import ROOT, RepoPath, RepoRef, RepoType
from entrepot.server.app import make_app
from entrepot.server.pages.repositories import archives as pages
from entrepot.server.pages.repositories.archives import ArchiveContent, stem_of
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

LARGE = bytes(range(256)) * 20_000


@pytest.fixture(scope="module")
def packed(site: ServedHub) -> RepoRef:
    ref = site.repo("packed")
    site.commit(ref, {"README.md": b"# Packed\n", "config.json": b"{}", "docs/Möwe 鷗.md": b"text", "docs/none": b""})
    site.commit_large(ref, "docs/w.bin", LARGE)
    return ref


def members(answer: httpx2.Response) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == int(answer.headers["content-length"])
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def test_a_revision_and_a_folder_are_downloaded_whole(site: ServedHub, packed: RepoRef, browser: httpx2.Client) -> None:
    answer = browser.get("/alice/packed/archive/main")
    found = members(answer)
    assert found["packed-main/docs/w.bin"] == LARGE
    assert found["packed-main/docs/Möwe 鷗.md"] == b"text"
    assert {"packed-main/README.md", "packed-main/config.json", "packed-main/docs/none"} < set(found)
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''packed-main.zip;")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["accept-ranges"] == "none"
    assert "sandbox" in answer.headers["content-security-policy"]
    folder = members(browser.get("/alice/packed/archive/main/docs"))
    assert set(folder) == {f"packed-main-docs/{name}" for name in ("Möwe 鷗.md", "none", "w.bin")}
    again = browser.get("/alice/packed/archive/main/docs/")
    assert again.content == browser.get("/alice/packed/archive/main/docs").content


def test_names_of_revisions_and_repositories_are_fit_for_files(
    site: ServedHub, packed: RepoRef, browser: httpx2.Client
) -> None:
    branches.create_branch(site.hub, site.caller(), packed, "a/ü 鷗"[:3], start=None, is_empty=False, overwrites=False)
    answer = browser.get("/alice/packed/archive/a%2F%C3%BC")
    assert answer.status_code == 200
    assert "filename*=UTF-8''packed-a-%C3%BC.zip; filename=\"packed-a-_.zip\"" in answer.headers["content-disposition"]
    assert all(name.startswith("packed-a-ü/") for name in members(answer))
    commit = answer.headers["x-repo-commit"]
    assert f"packed-{commit[:12]}.zip" in browser.get(f"/alice/packed/archive/{commit}").headers["content-disposition"]
    listing = archives.describe(site.hub, None, packed, "main", ROOT)
    odd = attrs.evolve(listing, folder=RepoPath('a"b/..c;é/' + "x" * 200))
    stem = stem_of(odd, "refs/tags/v1:0")
    assert stem.startswith("packed-v1-0-a-b-..c-é-xxx")
    assert len(stem) == 100


def test_the_size_is_known_without_the_bytes_and_a_known_archive_is_not_sent(
    packed: RepoRef, browser: httpx2.Client
) -> None:
    whole = browser.get("/alice/packed/archive/main")
    head = browser.head("/alice/packed/archive/main")
    assert (head.headers["content-length"], head.content) == (str(len(whole.content)), b"")
    assert head.headers["etag"] == whole.headers["etag"]
    assert browser.get("/alice/packed/archive/main", headers={"if-none-match": head.headers["etag"]}).status_code == 304
    ranged = browser.get("/alice/packed/archive/main", headers={"range": "bytes=5-9"})
    assert (ranged.status_code, ranged.content) == (200, whole.content)
    other = browser.head("/alice/packed/archive/main/docs")
    assert other.headers["etag"] != head.headers["etag"]


def test_private_looks_like_absent_and_gated_like_its_files(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    for path in ("archive/main", "archive/main/docs", "archive/nowhere"):
        answers = [browser.get(f"/alice/{name}/{path}") for name in ("hidden", "nothing")]
        ids = [answer.headers["x-request-id"] for answer in answers]
        texts = [
            re.sub(rf"alice(/|%2F){name}", "REPO", answer.text.replace(key, "ID"))
            for answer, key, name in zip(answers, ids, ("hidden", "nothing"), strict=True)
        ]
        assert answers[0].status_code == answers[1].status_code == 401
        assert texts[0] == texts[1]
    assert signed_in.get("/alice/hidden/archive/main").status_code == 200
    ref = site.repo("fenced")
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
    refused = browser.get("/alice/fenced/archive/main")
    assert refused.status_code == 401
    assert "Request" in refused.text or "Sign in" in refused.text
    with site.client(site.bob) as client:
        answer = client.get("/alice/fenced/archive/main")
        assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")
        assert client.get("/alice/tern/archive/main/nowhere").headers["x-error-code"] == "EntryNotFound"
    with site.client(site.alice) as client:
        assert members(client.get("/alice/fenced/archive/main"))


@pytest.mark.parametrize(
    ("verb", "headers", "files", "expected"),
    [
        ("GET", {}, {"config.json": b"{}"}, 1),
        ("GET", {}, {"other.json": b"{}"}, 0),
        ("HEAD", {}, {"config.json": b"{}"}, 0),
        ("GET", {"if-none-match": '"x"'}, {"config.json": b"{}"}, 0),
    ],
)
def test_an_archive_counts_as_one_download_if_one_of_its_files_counts(
    tmp_path: Path, verb: str, headers: dict[str, str], files: dict[str, bytes], expected: int
) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    with contextlib.closing(hub):
        accounts.create_user(hub, "alice")
        caller = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
        ref = repositories.create(hub, caller, NewRepo(RepoType.MODEL, "counted", files=files)).ref
        with running(make_app(hub)) as address:
            for _ in range(2):
                url = f"{address.url}/{ref.path}/archive/main"
                assert httpx2.request(verb, url, headers=headers, trust_env=False).status_code == 200
        with hub.read() as tx:
            row = rows.find(tx, ref)
        assert row is not None
        assert row.downloads == expected


def test_a_backslash_in_a_name_separates_nothing(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("odd")
    site.commit(ref, {"a\\b": b"1"})
    assert "odd-main/a%5Cb" in members(browser.get("/alice/odd/archive/main"))


def test_pages_of_folders_offer_the_archive(packed: RepoRef, show: Callable[[str], str]) -> None:
    assert 'href="/alice/packed/archive/main">' in show("/alice/packed/tree/main")
    text = show("/alice/packed/tree/main/docs")
    assert 'href="/alice/packed/archive/main/docs">' in text
    assert "Up to 20.0 k files and 100 GB" in text


def test_access_that_ends_meanwhile_ends_the_archive_early(site: ServedHub) -> None:
    ref = site.repo("withdrawn", visibility="private")
    site.commit(ref, {"a.txt": b"1"})
    for number in range(12):
        site.commit_large(ref, f"{number:02}.bin", bytes([number]) * (4 << 20))
    created = accounts.create_token(site.hub, "alice", role="read", name="withdrawn")
    with site.client(created.secret) as client, client.stream("GET", "/alice/withdrawn/archive/main") as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        next(pieces)
        accounts.revoke_token(site.hub, "alice", "withdrawn")
        with pytest.raises(httpx2.HTTPError):
            for _ in pieces:
                pass


def test_what_would_exceed_a_limit_is_a_page_that_says_what_to_do(
    packed: RepoRef, browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    answer = browser.get("/alice/packed/archive/main")
    assert answer.status_code == 413
    assert "hf download" in answer.text


def test_few_archives_are_sent_to_one_caller_at_a_time(
    site: ServedHub, packed: RepoRef, browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_WAIT_S", 0.1)
    ref = site.repo("long")
    for number in range(8):
        site.commit_large(ref, f"{number}.bin", bytes([number]) * (8 << 20))
    with (
        site.client() as client,
        client.stream("GET", "/alice/long/archive/main"),
        client.stream("GET", "/alice/long/archive/main"),
    ):
        refused = browser.get("/alice/packed/archive/main")
        assert refused.status_code == 503
        assert "2 to this account or address" in refused.text
    monkeypatch.setattr(pages, "_WAIT_S", 30)
    assert browser.get("/alice/packed/archive/main").status_code == 200


def test_an_archive_is_read_in_order_only(site: ServedHub, packed: RepoRef) -> None:
    listing: ArchiveListing = archives.describe(site.hub, None, packed, "main", ROOT)
    content = ArchiveContent(listing, "x", archives.read(site.hub, lambda: None, listing))
    assert content.read_at(0, 4) == b"PK\3\4"
    with pytest.raises(ValueError, match="its next byte is 4"):
        content.read_at(5, 1)
    rest = b""
    while piece := content.read_at(4 + len(rest), 1_000):
        rest += piece
    assert 4 + len(rest) == content.size
    content.close()
