from __future__ import annotations

import email
import hashlib
import os

import pytest

from entrepot.names import RepoRef
from tests.support.served_hub import ServedHub

MIB = 1 << 20


def link_to(world: ServedHub, ref: RepoRef, sha256: str, size: int) -> str:
    body = {"operation": "download", "objects": [{"oid": sha256, "size": size}]}
    answer = world.client(world.alice).post(f"/{ref.path}.git/info/lfs/objects/batch", json=body)
    href: str = answer.json()["objects"][0]["actions"]["download"]["href"]
    return href


@pytest.fixture(params=[1000, 9 * MIB + 5], ids=["small", "large"])
def stored(request: pytest.FixtureRequest, world: ServedHub) -> tuple[bytes, str]:
    data, ref = os.urandom(request.param), world.repo(f"d-{os.urandom(4).hex()}", visibility="private")
    return data, link_to(world, ref, world.store(ref, data), len(data))


def test_a_link_gives_the_bytes_without_credentials(world: ServedHub, stored: tuple[bytes, str]) -> None:
    data, href = stored
    answer = world.client().get(href)
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert "no-store" in answer.headers["cache-control"]


def test_head_tells_the_size(world: ServedHub, stored: tuple[bytes, str]) -> None:
    data, href = stored
    answer = world.client().head(href)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(data)), b"")


def test_an_interrupted_download_goes_on(world: ServedHub, stored: tuple[bytes, str]) -> None:
    data, href = stored
    answer = world.client(range=f"bytes={len(data) // 2}-").get(href)
    assert (answer.status_code, answer.content) == (206, data[len(data) // 2 :])


def test_several_ranges_come_in_one_response(world: ServedHub, stored: tuple[bytes, str]) -> None:
    data, href = stored
    answer = world.client(range="bytes=0-9,500-509,-5").get(href)
    message = email.message_from_bytes(
        b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + answer.content
    )
    parts = [part.get_payload(decode=True) for part in message.get_payload()]
    assert answer.status_code == 206
    assert parts == [data[:10], data[500:510], data[-5:]]


def test_a_range_behind_the_end_is_refused(world: ServedHub, stored: tuple[bytes, str]) -> None:
    data, href = stored
    answer = world.client(range=f"bytes={len(data)}-").get(href)
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(data)}")


def test_an_altered_link_is_refused(world: ServedHub, stored: tuple[bytes, str]) -> None:
    _, href = stored
    answers = [world.client().get(href.replace(f"{name}=", f"{name}=1")) for name in ("sig", "repo", "exp", "oid")]
    assert {answer.status_code for answer in answers} == {403}
    assert answers[0].json()["message"]
