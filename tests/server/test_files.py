from __future__ import annotations

import attrs
import pytest

from entrepot.errors import ObjectDamaged
from entrepot.server.files import (
    BINARY,
    MAX_HELD,
    TEXT,
    OpenContent,
    describe_content,
    kept_open,
    media_type,
    open_content,
)
from entrepot.server.responders import MemoryContent


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
        ("evil.svg", TEXT),
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
