"""Signed URLs, judged by a real S3 server."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest
from obstore.store import MemoryStore

from entrepot.blobs import DirectReads, LocalBlobs, put
from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.locations import S3Location
from entrepot.blobs.s3.opening import open_bucket
from entrepot.blobs.s3.signing import UrlSigner
from entrepot.blobs.s3.stores import S3Blobs
from tests.support.s3_server import S3Server

KEY, CONTENT = "xorbs/ab/cd/a key+1~.x", bytes(range(200))


@pytest.fixture
def blobs(s3_server: S3Server, tmp_path: Path) -> S3Blobs:
    location = S3Location("shared", "signed", s3_server.url)
    found = S3Blobs(open_bucket(location, s3_server.environ(), tmp_path), tmp_path / "scratch", 0)
    put(found, "xorbs/ab/cd/key", CONTENT)
    return found


def url_of(blobs: S3Blobs, first: int, last: int, *, now_s: float | None = None, seconds: int = 600) -> str:
    now = int(time.time() if now_s is None else now_s)
    url = blobs.url_of("xorbs/ab/cd/key", first, last, now_s=now, seconds=seconds)
    assert url is not None
    return url


def get(url: str, wanted: str | None) -> httpx2.Response:
    headers = {} if wanted is None else {"range": wanted}
    with httpx2.Client(trust_env=False, timeout=240) as client:
        return client.get(url, headers=headers)


def test_a_url_serves_its_range_and_nothing_else(blobs: S3Blobs) -> None:
    url = url_of(blobs, 10, 19)
    found = get(url, "bytes=10-19")
    assert (found.status_code, found.content) == (206, CONTENT[10:20])
    for wanted in ("bytes=10-20", "bytes=0-199", "bytes=9-19", "bytes=10-19,30-40", None):
        assert get(url, wanted).status_code == 403, wanted
    assert get(url.replace("/key?", "/other?"), "bytes=10-19").status_code == 403
    assert get(url.replace("Expires=600", "Expires=6000"), "bytes=10-19").status_code == 403
    with httpx2.Client(trust_env=False) as client:
        assert client.put(url, content=b"x", headers={"range": "bytes=10-19"}).status_code == 403
        assert client.delete(url, headers={"range": "bytes=10-19"}).status_code == 403


def test_a_url_ends(blobs: S3Blobs) -> None:
    assert get(url_of(blobs, 0, 9, now_s=time.time() - 700), "bytes=0-9").status_code == 403


def test_a_url_shows_no_secret(blobs: S3Blobs, s3_server: S3Server) -> None:
    assert s3_server.environ()["AWS_SECRET_ACCESS_KEY"] not in url_of(blobs, 0, 9)
    signer = UrlSigner("b", "r", None, "id", "very-secret", "a/token+")
    assert "very-secret" not in repr(signer)
    url = signer.sign(KEY, 0, 1, now_s=0, seconds=60)
    assert url.startswith("https://b.s3.r.amazonaws.com/xorbs/ab/cd/a%20key%2B1~.x?X-Amz-Algorithm=")
    assert "X-Amz-Security-Token=a%2Ftoken%2B&" in url


def test_a_url_names_its_time_and_depends_on_its_range() -> None:
    signer = UrlSigner("examplebucket", "us-east-1", "https://s3.example.com", "AKIAIOSFODNN7EXAMPLE", "secret")
    one = signer.sign("test.txt", 0, 9, now_s=1369353600, seconds=86400)
    assert one.startswith("https://s3.example.com/examplebucket/test.txt?")
    assert "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" in one
    assert "X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host%3Brange&" in one
    assert one != signer.sign("test.txt", 0, 10, now_s=1369353600, seconds=86400)


def test_stores_without_keys_sign_nothing(tmp_path: Path) -> None:
    assert not isinstance(LocalBlobs(tmp_path), DirectReads)
    assert S3Bucket(MemoryStore(), "memory", "").url_of("k", 0, 1, now_s=0, seconds=1) is None
