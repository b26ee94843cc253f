from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from entrepot.blobs import LocalBlobs, Multipart, put
from entrepot.names import Sha256
from tests.support.guarded_blobs import GuardedBlobs, GuardedLocalBlobs


class Gate:
    forbidden = False

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.forbidden = True
        yield
        self.forbidden = False


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def local(tmp_path: pathlib.Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "store")


@pytest.fixture
def guarded(local: LocalBlobs, gate: Gate) -> GuardedLocalBlobs:
    return GuardedLocalBlobs(local, lambda: gate.forbidden)


VERBS: dict[str, Callable[[GuardedLocalBlobs], object]] = {
    "receive": lambda blobs: blobs.receive("a/b"),
    "open": lambda blobs: blobs.open("a/b"),
    "stat": lambda blobs: blobs.stat("a/b"),
    "delete": lambda blobs: blobs.delete("a/b"),
    "list": lambda blobs: blobs.list(""),
    "path_of": lambda blobs: blobs.path_of("a/b"),
    "begin_parts": lambda blobs: blobs.begin_parts("u", 1),
    "open_part": lambda blobs: blobs.open_part("u", 0, 1),
    "seal_parts": lambda blobs: blobs.seal_parts("u", "a/b", Sha256("0" * 64), 1),
    "abort_parts": lambda blobs: blobs.abort_parts("u"),
    "list_parts_uploads": lambda blobs: blobs.list_parts_uploads(),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_works_while_forbidden(guarded: GuardedLocalBlobs, gate: Gate, verb: str) -> None:
    put(guarded, "a/b", b"x")
    with gate.closed(), pytest.raises(AssertionError, match=verb):
        VERBS[verb](guarded)
    assert guarded.stat("a/b") is not None


def test_open_readers_sinks_and_parts_are_watched_too(guarded: GuardedLocalBlobs, gate: Gate) -> None:
    put(guarded, "a/b", b"x")
    guarded.begin_parts("u", 1)
    with guarded.open("a/b") as reader, guarded.receive("a/c") as sink, guarded.open_part("u", 0, 1) as part:
        calls: list[Callable[[], object]] = [
            lambda: reader.read_at(0, 1),
            lambda: sink.write(b"x"),
            lambda: sink.publish(),
            lambda: part.write(b"x"),
            lambda: part.finish(),
            lambda: next(listing),
        ]
        listing = guarded.list("")
        with gate.closed():
            for call in calls:
                with pytest.raises(AssertionError):
                    call()


def test_closing_is_always_allowed(guarded: GuardedLocalBlobs, gate: Gate) -> None:
    sink = guarded.receive("a/c")
    with gate.closed():
        sink.discard()
    assert guarded.stat("a/c") is None


def test_the_guard_claims_only_the_powers_of_its_store(local: LocalBlobs, gate: Gate) -> None:
    plain = GuardedBlobs(local, lambda: gate.forbidden)
    assert not isinstance(plain, Multipart)
    assert isinstance(GuardedLocalBlobs(local, lambda: gate.forbidden), Multipart)
