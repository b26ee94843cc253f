from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from entrepot.client.integrity import PIECE, check, digest_of, etag_of, hashed_in_thread, is_intact, names_content
from entrepot.errors import DownloadDamaged

HELLO_GIT = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"  # printf hello | git hash-object --stdin
HELLO_SHA256 = hashlib.sha256(b"hello").hexdigest()


@pytest.mark.parametrize("etag", [HELLO_GIT, HELLO_SHA256])
def test_content_is_recognised_by_either_kind_of_tag(etag: str, tmp_path: Path) -> None:
    assert names_content(etag)
    assert is_intact(b"hello", etag)
    assert not is_intact(b"hullo", etag)
    (tmp_path / "f").write_bytes(b"hello")
    assert etag_of(tmp_path / "f", etag) == etag


def test_a_tag_of_another_kind_cannot_be_checked() -> None:
    assert not names_content("d41d8cd9-3")
    assert is_intact(b"anything", "d41d8cd9-3")


def test_damage_is_refused_with_both_digests() -> None:
    digest = digest_of(HELLO_SHA256, 5)
    digest.update(b"hullo")
    with pytest.raises(DownloadDamaged) as caught:
        check("f of model a/b", HELLO_SHA256, digest)
    assert caught.value.expected == HELLO_SHA256
    assert caught.value.received == hashlib.sha256(b"hullo").hexdigest()


@pytest.mark.parametrize("size", [10, 20 << 20, None])
def test_a_digest_fed_aside_is_that_of_the_whole(size: int | None) -> None:
    digest = hashlib.sha256()
    with hashed_in_thread(digest, size) as digesting:
        for number in range(1000):
            digesting.update(b"%d" % number)
    assert digest.hexdigest() == hashlib.sha256(b"".join(b"%d" % n for n in range(1000))).hexdigest()


@pytest.mark.parametrize("size", [10, 20 << 20, None])
def test_a_buffer_is_hashed_before_it_is_reused(size: int | None) -> None:
    digest, whole = hashlib.sha256(), b""
    with hashed_in_thread(digest, size) as summing:
        for number in range(40):
            space = summing.space()
            assert len(space) == (PIECE if size is None else min(PIECE, size + 1))
            length = number % len(space)
            space[:length] = bytes([number]) * length
            summing.update(space[:length])
            whole += bytes([number]) * length
    assert digest.hexdigest() == hashlib.sha256(whole).hexdigest()


def test_the_thread_of_a_digest_ends_when_receiving_fails() -> None:
    digest = hashlib.sha256()

    def receive() -> None:
        with hashed_in_thread(digest, None) as digesting:
            digesting.update(b"x")
            raise KeyError

    with pytest.raises(KeyError):
        receive()
    assert digest.hexdigest() == hashlib.sha256(b"x").hexdigest()
