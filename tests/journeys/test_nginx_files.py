"""nginx sends large files from the hub's folder: the hub judges each request, and no client chooses what nginx sends.

The configuration is the one of deploy/, with the paths and ports of the test.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot import testing
from entrepot.catalog.repos import repositories
from entrepot.hub.context import open_hub
from entrepot.names import RepoRef
from entrepot.server.addresses import reserved
from tests.support import hub_work
from tests.support.nginx import DEPLOY, PROGRAM, running_nginx
from tests.support.served_hub import ServedHub

pytestmark = pytest.mark.skipif(not PROGRAM, reason="nginx is not installed")

DATA = os.urandom(3_000_000)
OTHER = os.urandom(2_000_000)


@attrs.frozen
class Proxied:
    """A hub behind nginx; ``served`` reaches it through nginx."""

    served: ServedHub
    link: Path
    log: Path

    def sent_by_nginx(self) -> int:
        """Return how many responses nginx has sent from the folder so far."""
        return len(re.findall(r" /-/accel/files/\S+ 20[06]$", self.log.read_text(), re.MULTILINE))


@contextlib.contextmanager
def nginx(folder: Path, hub_port: int, blobs: Path) -> Iterator[str]:
    """Run nginx in front of a hub; yield its URL."""
    with reserved("127.0.0.1", 0) as address:
        port = address.port
    snippet = (DEPLOY / "stored-files.conf").read_text()
    server = (DEPLOY / "entrepot.conf").read_text()
    common = server[server.index("    # Uploads may have any") : server.index("    # Monitoring")]
    body = (common + snippet).replace("127.0.0.1:8080", f"127.0.0.1:{hub_port}").replace("/srv/hub/blobs", str(blobs))
    with running_nginx(folder, f"server {{ listen 127.0.0.1:{port}; {body} }}", port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("nginx")
    link = folder / "blobs"
    with testing.hub(run_jobs=False, accel_redirect=True, trusted_proxies=["127.0.0.1"]) as running:
        link.symlink_to(running.data / "blobs")
        alice, reads, bob = running.user("alice"), running.user("alice", "read"), running.user("bob")
        with (
            contextlib.closing(open_hub(running.settings)) as hub,
            nginx(folder, int(running.url.rpartition(":")[2]), link) as url,
        ):
            served = ServedHub(hub, url, alice.token, reads.token, bob.token)
            yield Proxied(served, link, folder / "access.log")


@pytest.fixture
def large(proxied: Proxied) -> Callable[..., tuple[RepoRef, str]]:
    def store(name: str, data: bytes = DATA, **options: Any) -> tuple[RepoRef, str]:
        """Return a new repository with one large file, and its path in URLs."""
        ref = proxied.served.repo(name, **options)
        proxied.served.commit_large(ref, "w.bin", data)
        return ref, f"/alice/{name}/resolve/main/w.bin"

    return store


def test_a_large_file_is_sent_by_nginx_with_the_headers_of_the_hub(
    proxied: Proxied, large: Callable[..., tuple[RepoRef, str]]
) -> None:
    _, path = large("sent")
    before = proxied.sent_by_nginx()
    with proxied.served.client(proxied.served.alice) as client:
        whole, head = client.get(path), client.head(path)
        part = client.get(path, headers={"range": "bytes=1000-1999"})
        end = client.get(path, headers={"range": "bytes=-5"})
        beyond = client.get(path, headers={"range": "bytes=3000000-"})
    assert (whole.status_code, whole.content) == (200, DATA)
    assert whole.headers["accept-ranges"] == "bytes"
    assert proxied.sent_by_nginx() == before + 3
    assert (part.status_code, part.content) == (206, DATA[1000:2000])
    assert part.headers["content-range"] == "bytes 1000-1999/3000000"
    assert (end.status_code, end.content, beyond.status_code) == (206, DATA[-5:], 416)
    for response in (whole, part):
        assert "x-accel-redirect" not in response.headers
        same = set(head.headers) - {"date", "x-request-id", "server", "connection", "content-length", "accept-ranges"}
        assert {name: response.headers.get(name) for name in same} == {name: head.headers[name] for name in same}


def test_lfs_links_are_sent_by_nginx_too(proxied: Proxied, large: Callable[..., tuple[RepoRef, str]]) -> None:
    ref, _ = large("links")
    oid = proxied.served.store(ref, DATA)
    wanted = {"operation": "download", "objects": [{"oid": oid, "size": len(DATA)}]}
    before = proxied.sent_by_nginx()
    with proxied.served.client(proxied.served.alice) as client:
        answer = client.post("/alice/links.git/info/lfs/objects/batch", json=wanted).json()
        link = answer["objects"][0]["actions"]["download"]["href"]
        assert client.get(link).content == DATA
        assert client.get(link.replace("sig=", "sig=0")).status_code in (401, 403)
    assert proxied.sent_by_nginx() == before + 1


def test_conditions_are_judged_by_the_hub(proxied: Proxied, large: Callable[..., tuple[RepoRef, str]]) -> None:
    _, path = large("conditions")
    before = proxied.sent_by_nginx()
    with proxied.served.client(proxied.served.alice) as client:
        etag = client.head(path).headers["etag"]
        assert client.get(path, headers={"if-none-match": etag}).status_code == 304
        assert client.get(path, headers={"if-match": '"other"'}).status_code == 412
        assert client.get(path, headers={"if-match": etag}).content == DATA
        assert client.get(path, headers={"if-range": etag, "range": "bytes=0-9"}).content == DATA[:10]
        assert client.get(path, headers={"if-range": '"other"', "range": "bytes=0-9"}).content == DATA
        later = {"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
        assert client.get(path, headers=later).content == DATA
    assert proxied.sent_by_nginx() == before


def test_no_client_can_make_nginx_send_a_file(proxied: Proxied, large: Callable[..., tuple[RepoRef, str]]) -> None:
    ref, path = large("secret", OTHER, visibility="private")
    oid = proxied.served.store(ref, OTHER)
    inner = f"/-/accel/files/{oid[:2]}/{oid[2:4]}/{oid}"
    before = proxied.sent_by_nginx()
    forged = {
        "x-accel-redirect": inner,
        "x-sendfile": inner,
        "x-sendfile-type": "X-Accel-Redirect",
        "x-accel-mapping": f"/={inner}",
        "x-original-uri": inner,
        "x-rewrite-url": inner,
        "x-forwarded-for": "127.0.0.1",
    }
    with proxied.served.client(proxied.served.bob) as client:
        absent = client.get("/alice/absent/resolve/main/w.bin")
        for headers in ({}, forged):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.content) == (
                absent.status_code,
                absent.content.replace(b"absent", b"secret"),
            )
            for way in (inner, inner.replace("/-/", "//-/"), f"/x/..{inner}", inner.replace("files", "%66iles")):
                found = client.get(way, headers=headers)
                assert OTHER not in found.content
                assert found.status_code in (400, 401, 404), way
        for way in ("/-/accel/../catalog.sqlite3", "/-/accel/%2e%2e/catalog.sqlite3", "/-/accel../catalog.sqlite3"):
            assert b"SQLite format" not in client.get(way).content
    assert proxied.sent_by_nginx() == before


def test_what_a_file_or_a_name_says_is_never_a_header(
    proxied: Proxied, large: Callable[..., tuple[RepoRef, str]]
) -> None:
    ref, _ = large("names")
    line = "a%0d%0aX-Accel-Redirect:%20/-/accel/files"
    text = b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /-/accel/files\r\n\r\n"
    proxied.served.commit(ref, {"head.txt": text})
    with proxied.served.client(proxied.served.alice) as client:
        assert client.get("/alice/names/resolve/main/head.txt").content == text
        for path in (f"/alice/names/resolve/main/{line}", f"/alice/names/resolve/{line}/w.bin", f"/{line}"):
            assert "x-accel-redirect" not in client.get(path).headers


def test_a_peer_that_is_no_trusted_proxy_gets_the_bytes(large: Callable[..., tuple[RepoRef, str]]) -> None:
    with testing.hub(run_jobs=False, accel_redirect=True) as running:
        alice = running.user("alice").token
        with contextlib.closing(open_hub(running.settings)) as hub:
            served = ServedHub(hub, running.url, alice, alice, alice)
            served.commit_large(served.repo("m"), "w.bin", DATA)
            with served.client(
                alice, **{"x-forwarded-for": "127.0.0.1", "x-sendfile-type": "X-Accel-Redirect"}
            ) as client:
                answer = client.get("/alice/m/resolve/main/w.bin")
    assert answer.content == DATA
    assert "x-accel-redirect" not in answer.headers


def test_chunks_small_files_and_files_that_have_just_moved_are_sent_by_the_hub(
    proxied: Proxied, large: Callable[..., tuple[RepoRef, str]]
) -> None:
    ref, path = large("moved", DATA[::-1])
    served, folder = proxied.served, proxied.link.readlink()
    served.commit(ref, {"small.txt": b"small"})
    with served.client(served.alice) as client:
        before = proxied.sent_by_nginx()
        assert client.get("/alice/moved/resolve/main/small.txt").content == b"small"
        assert client.get(path, headers={"x-entrepot-no-accel": "1"}).content == DATA[::-1]
        assert proxied.sent_by_nginx() == before
        # What nginx sees when a job has replaced the raw file after the hub has answered.
        proxied.link.unlink()
        assert client.get(path, headers={"range": "bytes=5-9"}).content == DATA[::-1][5:10]
        assert client.get(path).content == DATA[::-1]
        proxied.link.symlink_to(folder)
        with served.hub.read() as tx:
            row = repositories.find(tx, ref)
        assert row is not None
        assert hub_work.chunk_files(served.hub, row.id) == 1
        before = proxied.sent_by_nginx()
        assert client.get(path).content == DATA[::-1]
        assert proxied.sent_by_nginx() == before
