from __future__ import annotations

import contextlib
import errno
import gzip
import os
import socket
from typing import Any

import httpx2
import psutil
import pytest

from entrepot.git import DELIM, FLUSH, pkt_line
from entrepot.hub.git import git_wire
from entrepot.storage import mirrors
from tests.support.child_processes import children_called
from tests.support.served_hub import ServedHub

LS_REFS = pkt_line(b"command=ls-refs\n") + DELIM + pkt_line(b"ref-prefix refs/heads/\n") + FLUSH


def ask(world: ServedHub, path: str, body: Any, **headers: str) -> Any:
    with world.client(**{"git-protocol": "version=2"}, **headers) as client:
        return client.post(f"/{path}/git-upload-pack", content=body)


def test_a_request_may_be_gzipped_or_chunked(world: ServedHub) -> None:
    ref = world.repo("fetch-forms")
    commit = world.commit(ref, {"a": b"1"})
    plain = ask(world, ref.path, LS_REFS)
    assert f"{commit} refs/heads/main".encode() in plain.content
    assert plain.headers["content-type"] == "application/x-git-upload-pack-result"
    assert ask(world, ref.path, gzip.compress(LS_REFS), **{"content-encoding": "gzip"}).content == plain.content
    assert ask(world, ref.path, iter([LS_REFS[:9], LS_REFS[9:]])).content == plain.content


def test_nonsense_is_an_error_and_does_no_harm(world: ServedHub) -> None:
    ref = world.repo("fetch-nonsense")
    answer = ask(world, ref.path, b"what?")
    assert answer.status_code == 503
    assert "protocol error" in answer.text
    assert ask(world, ref.path, LS_REFS).status_code == 200


def fetch_all(commit: str) -> bytes:
    lines = [pkt_line(line) for line in (b"no-progress\n", b"ofs-delta\n", f"want {commit}\n".encode(), b"done\n")]
    return pkt_line(b"command=fetch\n") + DELIM + b"".join(lines) + FLUSH


def test_git_ends_when_its_client_has_gone(world: ServedHub) -> None:
    ref = world.repo("fetch-gone")
    commit = world.commit(ref, {f"f{n}": os.urandom(200_000) for n in range(150)})
    body = fetch_all(commit)
    host, port = world.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as peer:
        head = f"POST /{ref.path}/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        peer.sendall(f"{head}Git-Protocol: version=2\r\n\r\n".encode() + body)
        assert peer.recv(100).startswith(b"HTTP/1.1 200")
        started = children_called("upload-pack")
        assert started
    _, alive = psutil.wait_procs(started, timeout=60)
    assert not alive


def test_a_mirror_that_turns_out_to_be_damaged_is_made_anew(world: ServedHub) -> None:
    ref = world.repo("fetch-damaged")
    commit = world.commit(ref, {"a": os.urandom(5000)})
    command = git_wire.serve_uploads(world.hub, None, ref, "")
    command.release()
    pack = next((world.hub.settings.data / "cache" / "git" / command.uid / "objects" / "pack").glob("*.pack"))
    written = pack.stat()
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    data[12:-20] = bytes(len(data) - 32)
    pack.write_bytes(data)
    os.utime(pack, ns=(written.st_atime_ns, written.st_mtime_ns))  # simulate a disk error
    with world.client(**{"git-protocol": "version=2"}) as client:
        try:
            first = client.post(f"/{ref.path}/git-upload-pack", content=fetch_all(commit))
            assert first.status_code == 503 or b"PACK" not in first.content
        except OSError:
            pass
    assert b"PACK" in ask(world, ref.path, fetch_all(commit)).content


def test_a_client_cannot_have_a_mirror_discarded(world: ServedHub) -> None:
    ref = world.repo("fetch-filters")
    commit = world.commit(ref, {"a": os.urandom(5000)})
    command = git_wire.serve_uploads(world.hub, None, ref, "")
    command.release()
    folder = world.hub.settings.data / "cache" / "git" / command.uid
    before = folder.stat().st_ino
    for line in (
        f"filter sparse:oid={'0' * 40}",
        f"filter sparse:oid={commit}:a",
        f"want {'1' * 40}",
        "filter blob:limit=x",
        f"shallow {'2' * 40}",
        "deepen -1",
    ):
        lines = [pkt_line(text.encode() + b"\n") for text in (f"want {commit}", line, "done")]
        with contextlib.suppress(httpx2.HTTPError):  # a response that has begun is cut off
            ask(world, ref.path, pkt_line(b"command=fetch\n") + DELIM + b"".join(lines) + FLUSH)
        assert folder.stat().st_ino == before
    assert b"PACK" in ask(world, ref.path, fetch_all(commit)).content


def test_a_clone_that_cannot_write_its_cache_gets_a_message(world: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("fetch-full")
    commit = world.commit(ref, {"a": b"1"})

    def full(*_arguments: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mirrors, "write_pack", full)
    answer = ask(world, ref.path, fetch_all(commit))
    assert answer.status_code == 507
    assert "No space left on device" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    monkeypatch.undo()
    assert b"PACK" in ask(world, ref.path, fetch_all(commit)).content
