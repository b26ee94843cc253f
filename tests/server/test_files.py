from __future__ import annotations

import asyncio
import pathlib
from typing import Any

import attrs
import pytest
from starlette.types import Message

from entrepot.errors import ObjectDamaged
from entrepot.server.files import (
    BINARY,
    MAX_HELD,
    TEXT,
    FileResponse,
    OpenContent,
    describe_content,
    kept_open,
    media_type,
    open_content,
)
from entrepot.server.responders import MemoryContent, send_content
from entrepot.server.threads import Threads
from entrepot.settings import Settings


@attrs.define(eq=False)
class Stored:
    data: bytes
    size: int
    closed: int = 0

    def read_at(self, offset: int, length: int) -> bytes:
        assert not self.closed
        return self.data[offset : offset + length]

    def close(self) -> None:
        self.closed += 1


def test_a_small_file_is_read_and_closed_when_it_is_opened() -> None:
    stored = Stored(b"x" * MAX_HELD, MAX_HELD)
    content = open_content(stored, "e", TEXT)
    assert content == MemoryContent("e", TEXT, MAX_HELD, b"x" * MAX_HELD)
    assert stored.closed == 1


def test_a_larger_file_stays_open_until_its_content_is_closed() -> None:
    stored = Stored(b"x" * (MAX_HELD + 1), MAX_HELD + 1)
    content = open_content(stored, "e", BINARY)
    assert isinstance(content, OpenContent)
    assert (content.size, content.read_at(1, 2), stored.closed) == (MAX_HELD + 1, b"xx", 0)
    content.close()
    assert stored.closed == 1


def test_a_small_file_that_lost_bytes_is_reported_and_closed() -> None:
    stored = Stored(b"xy", 3)
    with pytest.raises(ObjectDamaged):
        open_content(stored, "e", TEXT)
    assert stored.closed == 1


def test_a_description_has_the_size_without_the_bytes() -> None:
    assert describe_content(5, "e", TEXT).size == 5


def test_files_are_closed_only_when_the_block_fails() -> None:
    failed, kept = Stored(b"", MAX_HELD + 1), Stored(b"", MAX_HELD + 1)

    def fail() -> None:
        with kept_open() as opened:
            opened.append(open_content(failed, "e", TEXT))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with kept_open() as opened:
        opened.append(open_content(kept, "e", TEXT))
    assert (failed.closed, kept.closed) == (1, 0)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("README.md", TEXT),
        ("LICENSE", TEXT),
        (".gitattributes", TEXT),
        ("config.JSON", TEXT),
        ("index.html", TEXT),
        ("evil.svg", "image/svg+xml"),
        ("app.js", TEXT),
        ("page.xhtml", TEXT),
        ("cat.PNG", "image/png"),
        ("model.safetensors", BINARY),
        ("paper.pdf", BINARY),
        ("noending", BINARY),
        ("трудно.txt", TEXT),
        ("a.b\nc", BINARY),
    ],
)
def test_types_are_reported_by_name_and_never_run(filename: str, expected: str) -> None:
    assert media_type(filename) == expected


KEY = f"files/ab/cd/{'abcd' + '0' * 60}"


@attrs.define(eq=False)
class InFolder(Stored):
    file_key: str = KEY


@attrs.frozen
class FakeState:
    """As much of the state of an application as a file response looks at."""

    settings: Settings

    @property
    def hub(self) -> FakeState:
        return self


def answer(
    stored: Stored,
    threads: Threads,
    *headers: tuple[bytes, bytes],
    peer: str = "10.0.0.7",
    method: str = "GET",
    is_on: bool = True,
) -> dict[str, str]:
    """Return the headers of a response with a file, and its status and the length of its body."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    settings = Settings(data=pathlib.Path("/"), trusted_proxies=("10.0.0.7",), accel_redirect=is_on)
    scope: dict[str, Any] = {"type": "http", "method": method, "headers": headers, "client": (peer, 1)}
    scope["state"] = {"app": FakeState(settings)}
    asyncio.run(FileResponse(open_content(stored, "e", BINARY), "w.bin", threads)(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    length = sum(len(message.get("body", b"")) for message in sent[1:])
    return found | {"status": str(sent[0]["status"]), "body": str(length)}


def in_folder() -> InFolder:
    return InFolder(bytes(MAX_HELD + 1), MAX_HELD + 1)


def test_a_trusted_proxy_gets_the_name_of_a_raw_file_instead_of_its_bytes(threads: Threads) -> None:
    stored = in_folder()
    found = answer(stored, threads, (b"range", b"bytes=1-2"))
    assert found["x-accel-redirect"] == f"/-/accel/{KEY}"
    assert (found["status"], found["body"], found["content-length"], stored.closed) == ("200", "0", "0", 1)
    assert "content-range" not in found
    assert "accept-ranges" not in found
    assert found["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    "options",
    [
        {"is_on": False},
        {"peer": "10.0.0.8"},
        {"peer": ""},
    ],
    ids=["the setting is off", "another peer", "no address"],
)
def test_no_other_peer_does_whatever_it_sends(threads: Threads, options: dict[str, Any]) -> None:
    forged = [(b"x-forwarded-for", b"10.0.0.7"), (b"x-sendfile-type", b"X-Accel-Redirect"), (b"x-accel-redirect", b"/")]
    found = answer(in_folder(), threads, *forged, **options)
    assert "x-accel-redirect" not in found
    assert found["body"] == str(MAX_HELD + 1)


@pytest.mark.parametrize(
    "header",
    [
        (b"x-entrepot-no-accel", b"1"),
        (b"if-match", b'"e"'),
        (b"if-range", b'"e"'),
        (b"if-modified-since", b"Fri, 01 Jan 2100 00:00:00 GMT"),
        (b"if-unmodified-since", b"Fri, 01 Jan 2100 00:00:00 GMT"),
        (b"if-none-match", b'"other"'),
    ],
    ids=lambda header: header[0].decode(),
)
def test_what_only_the_hub_can_judge_is_sent_by_the_hub(threads: Threads, header: tuple[bytes, bytes]) -> None:
    found = answer(in_folder(), threads, header)
    assert ("x-accel-redirect" in found, found["body"]) == (False, str(MAX_HELD + 1))


def test_a_head_request_never_names_a_file(threads: Threads) -> None:
    found = answer(in_folder(), threads, method="HEAD")
    assert ("x-accel-redirect" in found, found["content-length"]) == (False, str(MAX_HELD + 1))


@pytest.mark.parametrize(
    "key", ["", "xorbs/ab/cd/ef.0", "files/../catalog.sqlite3", f"{KEY}\r\nx: y", f"{KEY}/", f"/{KEY}", "files/ab/cd/x"]
)
def test_only_the_key_of_a_raw_file_is_named(threads: Threads, key: str) -> None:
    stored = in_folder()
    stored.file_key = key
    assert "x-accel-redirect" not in answer(stored, threads)


def test_what_is_no_single_file_is_sent_by_the_hub(threads: Threads) -> None:
    assert "x-accel-redirect" not in answer(Stored(bytes(MAX_HELD + 1), MAX_HELD + 1), threads)
    assert answer(InFolder(b"small", 5), threads)["body"] == "5"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("size", [0, 5])
def test_a_whole_small_file_is_sent_as_any_other_again_and_again(threads: Threads, method: str, size: int) -> None:
    content, headers = MemoryContent("e", TEXT, size, b"hello"[:size]), [("X-Repo-Commit", "c" * 40)]
    response = FileResponse(content, "ü.txt", threads, headers)

    def sent(*asked: tuple[bytes, bytes], is_direct: bool = True) -> list[Message]:
        found: list[Message] = []

        async def receive() -> Message:
            raise AssertionError

        async def send(message: Message) -> None:
            found.append(message)

        scope: dict[str, Any] = {"type": "http", "method": method, "headers": [(b"host", b"h"), *asked]}
        if is_direct:
            asyncio.run(response(scope, receive, send))
        else:
            sending = send_content(scope, receive, send, content, threads=threads, filename="ü.txt", headers=headers)
            asyncio.run(sending)
        return found

    assert sent() == sent() == sent(is_direct=False)
    for asked in ((b"range", b"bytes=1-2"), (b"if-none-match", b'"e"'), (b"if-match", b'"x"'), (b"if-range", b'"e"')):
        assert sent(asked) == sent(asked, is_direct=False)
    assert (sent((b"if-none-match", b'"e"'))[0]["status"], sent()[0]["status"]) == (304, 200)
