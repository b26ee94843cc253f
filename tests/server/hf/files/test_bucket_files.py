"""Routes of the files of buckets: lists, batches, contents."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import attrs
import httpx2
import pytest

from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.chunk_sender import Sender
from tests.support.site import Site

EMPTY = "0" * 64
NUMBERS = itertools.count()


@attrs.frozen
class _Users:
    """The users of a site, for a sender of chunks."""

    hub: HubContext
    secret: str

    def caller(self, _name: str) -> Caller:
        found = self.hub.identify(self.secret)
        assert found is not None
        return found


@pytest.fixture
def bucket(alice: httpx2.Client) -> str:
    """Create a public bucket of alice and return its id."""
    answer = alice.post(f"/api/buckets/me/files-{next(NUMBERS)}", json={"visibility": "public"})
    return str(answer.json()["name"])


@pytest.fixture
def upload(site: Site) -> Callable[[str, object], tuple[str, bytes]]:
    """Return a function that uploads 4,000 bytes for a bucket, and returns their hash and the bytes."""
    sender = Sender(_Users(site.hub, site.alice))  # type: ignore[arg-type]

    def send(bucket: str, seed: object) -> tuple[str, bytes]:
        pieces = sender.chunks(seed)
        xet_hash, _ = sender.upload(RepoRef(RepoType.BUCKET, parse_repo_id(bucket)), pieces)
        return xet_hash, b"".join(pieces)

    return send


def batch(client: httpx2.Client, bucket: str, *lines: dict[str, Any], ending: str = "\n") -> httpx2.Response:
    body = "\n".join(map(json.dumps, lines)) + ending
    return client.post(f"/api/buckets/{bucket}/batch", content=body, headers={"content-type": "application/x-ndjson"})


def add(path: str, xet_hash: str = EMPTY, **more: Any) -> dict[str, Any]:
    return {"type": "addFile", "path": path, "xetHash": xet_hash, **more}


def test_a_batch_says_what_became_of_it(alice: httpx2.Client, bucket: str) -> None:
    good = batch(alice, bucket, add("a", mtime=1_700_000_000_123.5), add("b/c", contentType="x/y"), ending="")
    assert good.status_code == 200
    assert good.json() == {"success": True, "processed": 2, "succeeded": 2, "failed": []}
    part = batch(alice, bucket, add("../x"), {"type": "deleteFile", "path": "a"})
    assert part.status_code == 200
    assert [item["path"] for item in part.json()["failed"]] == ["../x"]
    none = batch(alice, bucket, add("n", "1" * 64), add("m", "2" * 64))
    assert (none.status_code, none.json()["success"], none.json()["succeeded"]) == (422, False, 0)


@pytest.mark.parametrize("body", [b"{", b'{"type":"other","path":"a"}', b'{"type":"addFile"}', b"\xff", b"[]"])
def test_a_line_that_is_no_operation_refuses_the_whole_batch(alice: httpx2.Client, bucket: str, body: bytes) -> None:
    good = json.dumps(add("good")).encode()
    answer = alice.post(f"/api/buckets/{bucket}/batch", content=good + b"\n" + body)
    assert answer.status_code == 400
    assert "line 2" in answer.text
    assert alice.get(f"/api/buckets/{bucket}/tree").json() == []


def test_trees_are_deep_unless_they_shall_not_be(anonymous: httpx2.Client, alice: httpx2.Client, bucket: str) -> None:
    batch(alice, bucket, add("b c/d", mtime=1_700_000_000_123), add("a"), add("b c/e/f"))
    base = f"/api/buckets/{bucket}/tree"
    assert [item["path"] for item in anonymous.get(base).json()] == ["a", "b c/d", "b c/e/f"]
    level = anonymous.get(f"{base}/b%20c?recursive=false").json()
    assert [(item["type"], item["path"]) for item in level] == [("file", "b c/d"), ("directory", "b c/e")]
    assert level[0]["mtime"] == "2023-11-14T22:13:20.123Z"
    assert set(level[0]) == {"type", "path", "size", "xetHash", "mtime", "uploadedAt"}
    assert set(level[1]) == {"type", "path", "uploadedAt"}
    for prefix in ("b%20c%2Fe", "b%20c/e", "b%20c/e/", "b%20c/e/f"):
        assert [item["path"] for item in anonymous.get(f"{base}/{prefix}").json()] == ["b c/e/f"]
    assert anonymous.get(f"{base}/missing").json() == []


def test_trees_have_pages(alice: httpx2.Client, bucket: str) -> None:
    batch(alice, bucket, *(add(f"d{number}/x") for number in range(5)))
    for recursive, ending in (("true", "/x"), ("false", "")):
        found, url = list[str](), f"/api/buckets/{bucket}/tree?limit=2&recursive={recursive}"
        while url:
            page = alice.get(url)
            found += [item["path"] for item in page.json()]
            url = page.links.get("next", {}).get("url", "")
        assert found == [f"d{number}{ending}" for number in range(5)]
    assert alice.get(f"/api/buckets/{bucket}/tree?cursor=%C3%A9").status_code == 400


def test_paths_are_described_without_folders_and_missing_ones(alice: httpx2.Client, bucket: str) -> None:
    batch(alice, bucket, add("a/b"), add("c"))
    answer = alice.post(f"/api/buckets/{bucket}/paths-info", json={"paths": ["c", "a", "x", "a/b"], "expand": True})
    assert [item["path"] for item in answer.json()] == ["c", "a/b"]
    assert alice.post(f"/api/buckets/{bucket}/paths-info", json={"paths": ["c"] * 1001}).status_code == 413


def test_files_are_served_whole_and_in_ranges(
    site: Site, alice: httpx2.Client, anonymous: httpx2.Client, bucket: str, upload: Any
) -> None:
    xet_hash, data = upload(bucket, "served")
    assert batch(alice, bucket, add("d/é.html", xet_hash), add("empty")).status_code == 200
    url = f"/buckets/{bucket}/resolve/d%2F%C3%A9.html"
    head = anonymous.head(url)
    assert head.headers["x-xet-hash"] == xet_hash
    assert head.headers["etag"] == f'"{xet_hash}"'
    assert head.headers["content-length"] == head.headers["x-linked-size"] == "4000"
    assert head.links["xet-auth"]["url"] == f"{site.url}/api/buckets/{bucket}/xet-read-token"
    whole = anonymous.get(f"/buckets/{bucket}/resolve/d/%C3%A9.html")
    assert whole.content == data
    assert whole.headers["content-type"].startswith("text/plain")  # never a page that could run scripts
    part = anonymous.get(url, headers={"range": "bytes=1000-2999"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (
        *(206, data[1000:3000]),
        "bytes 1000-2999/4000",
    )
    assert anonymous.get(url, headers={"range": "bytes=4000-"}).status_code == 416
    empty = anonymous.get(f"/buckets/{bucket}/resolve/empty")
    assert (empty.status_code, empty.content) == (200, b"")
    missing = anonymous.get(f"/buckets/{bucket}/resolve/d")
    assert (missing.status_code, missing.headers["x-error-code"]) == (404, "EntryNotFound")


def test_copies_name_their_source(alice: httpx2.Client, stranger: httpx2.Client, bucket: str, upload: Any) -> None:
    xet_hash, _ = upload(bucket, "copied")
    batch(alice, bucket, add("a", xet_hash))
    target = stranger.post(f"/api/buckets/me/copies-{next(NUMBERS)}").json()["name"]
    line = {"type": "copyFile", "path": "x", "xetHash": xet_hash, "sourceRepoType": "bucket", "sourceRepoId": bucket}
    assert batch(stranger, target, line, line | {"path": "k", "sourceRepoType": "kernel"}).json()["succeeded"] == 1
    alice.put(f"/api/buckets/{bucket}/settings", json={"private": True})
    refused = batch(stranger, target, line | {"path": "y"})
    absent = batch(stranger, target, line | {"path": "y", "sourceRepoId": "alice/absent"})
    assert refused.status_code == absent.status_code == 422
    assert refused.json() == absent.json()
    for wrong in ("nonsense", "", "a/b/c"):
        assert batch(stranger, target, line | {"sourceRepoId": wrong}).status_code == 422


def test_who_may_not_change_a_bucket_learns_it_before_anything_is_received(
    alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, bucket: str
) -> None:
    for client, status in ((stranger, 403), (anonymous, 401)):
        answer = client.post(f"/api/buckets/{bucket}/batch", content=b"{")
        assert answer.status_code == status
    assert alice.post(f"/api/buckets/{bucket}/batch", content=b"{").status_code == 400


def test_a_batch_is_read_line_by_line(alice: httpx2.Client, bucket: str) -> None:
    long = alice.post(f"/api/buckets/{bucket}/batch", content=json.dumps(add("x" * (64 << 10))))
    assert long.status_code == 413
    good = json.dumps(add("good")).encode()
    blank = alice.post(f"/api/buckets/{bucket}/batch", content=b"\n \r\n" * 20_000 + good + b"\n" * 20_000)
    assert blank.json() == {"success": True, "processed": 1, "succeeded": 1, "failed": []}
