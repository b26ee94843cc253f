from __future__ import annotations

import contextlib
import errno
import gzip
import os
import select
import socket
from typing import Any

import psutil
import pytest

from entrepot.errors import StoreUnavailable
from entrepot.git import DELIM, FLUSH, pkt_line
from entrepot.hub.git import git_wire
from entrepot.server.handlers import MAX_FETCHES_EACH
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


WANT = pkt_line(f"want {'1' * 40}\n".encode())
ARGUMENTS = pkt_line(b"command=fetch") + DELIM

BAD_REQUESTS: dict[str, tuple[bytes, dict[str, str], str]] = {
    "no packets": (b"what?", {}, "bad line length character"),
    "nothing": (b"", {"git-protocol": ""}, "the body is truncated"),
    "half a packet": (b"0032want 1111", {"git-protocol": ""}, "the body is truncated"),
    "a forbidden length": (b"0003", {}, "bad line length 3"),
    "no object id": (pkt_line(b"want x\n") + FLUSH, {"git-protocol": ""}, "expected to get object ID"),
    "a filter": (ARGUMENTS + pkt_line(b"filter x\n") + FLUSH, {}, "invalid filter-spec 'x'"),
    "a command": (pkt_line(b"command=x\n") + FLUSH, {}, "invalid command 'x'"),
    "an argument": (ARGUMENTS + pkt_line(b"x\n") + FLUSH, {}, "unexpected line: 'x'"),
    "a capability": (pkt_line(b"command=fetch") + pkt_line(b"x=1") + DELIM + FLUSH, {}, "unknown capability 'x=1'"),
    "another hash": (
        pkt_line(b"command=fetch") + pkt_line(b"object-format=sha256") + DELIM + WANT + FLUSH,
        {},
        "mismatched object format",
    ),
    "a truncated fetch": (ARGUMENTS + WANT[:20], {}, "the body is truncated"),
    "a truncated listing": (LS_REFS[:-4], {}, "the body is truncated"),
    "no gzip": (LS_REFS, {"content-encoding": "gzip"}, "not valid gzip"),
    "truncated gzip": (gzip.compress(ARGUMENTS + FLUSH)[:-9], {"content-encoding": "gzip"}, "truncated"),
    "another sum": (gzip.compress(WANT)[:-8] + bytes(8), {"content-encoding": "gzip", "git-protocol": ""}, "gzip"),
    "another coding": (LS_REFS, {"content-encoding": "br"}, "only gzip is known"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_is_a_400_with_the_reason_as_text(world: ServedHub, case: str) -> None:
    ref = world.repo(f"fetch-{case.replace(' ', '-')}")
    world.commit(ref, {"a": b"1"})
    body, headers, reason = BAD_REQUESTS[case]
    with world.client(**{"git-protocol": "version=2", **headers}) as client:
        answer = client.post(f"/{ref.path}/git-upload-pack", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text.startswith("malformed ")
    assert reason in answer.text
    assert ask(world, ref.path, LS_REFS).status_code == 200


def test_what_git_refuses_in_a_packet_is_a_complete_response(world: ServedHub) -> None:
    ref = world.repo("fetch-refused")
    world.commit(ref, {"a": b"1"})
    answer = ask(world, ref.path, ARGUMENTS + WANT + pkt_line(b"done\n") + FLUSH)
    assert answer.content == pkt_line(f"ERR upload-pack: not our ref {'1' * 40}".encode())


def test_a_failure_of_the_store_is_not_one_of_the_request() -> None:
    for said in (b"fatal: unable to read tree 12\n", b"error: bad object HEAD\n", b""):
        assert isinstance(git_wire.fetch_failure(said), StoreUnavailable)


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
    _, alive = psutil.wait_procs(started, timeout=240)
    assert not alive


def test_a_caller_with_many_fetches_waits_and_others_do_not(world: ServedHub) -> None:
    ref = world.repo("fetch-many")
    commit = world.commit(ref, {f"f{n}": os.urandom(200_000) for n in range(150)})
    body = fetch_all(commit)
    host, port = world.url.removeprefix("http://").split(":")
    head = f"POST /{ref.path}/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    with contextlib.ExitStack() as opened:
        peers = [opened.enter_context(socket.create_connection((host, int(port)))) for _ in range(MAX_FETCHES_EACH + 1)]
        for peer in peers:
            peer.sendall(f"{head}Git-Protocol: version=2\r\n\r\n".encode() + body)
        begun = list[socket.socket]()
        while len(begun) < MAX_FETCHES_EACH:
            begun += [it for it in select.select(peers, (), (), 60)[0] if it not in begun]
        with world.client(world.alice, **{"git-protocol": "version=2"}) as client:
            assert client.post(f"/{ref.path}/git-upload-pack", content=body).status_code == 200
        assert len(children_called("upload-pack")) == MAX_FETCHES_EACH
        [waiting] = [peer for peer in peers if peer not in begun]
        assert not select.select([waiting], (), (), 0)[0]
        begun[0].close()
        assert waiting.recv(100).startswith(b"HTTP/1.1 200")
        started = children_called("upload-pack")
    _, alive = psutil.wait_procs(started, timeout=240)
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
