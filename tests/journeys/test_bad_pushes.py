"""Pushes that no git would send, and pushes into a repository that is deleted: refused with a reason, at little cost.

The variable ``GARBAGE_MIB`` sets how much garbage is sent, by default 64 MiB.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from huggingface_hub import HfApi

from entrepot.git import FLUSH, Kind, oid_of, pkt_line
from entrepot.git.commands import NONE
from entrepot.git.packs import entry_header, pack_header
from entrepot.testing.hubs import RunningHub

MIB = 1 << 20
GARBAGE = int(os.environ.get("GARBAGE_MIB", "64")) * MIB
PIECE = os.urandom(MIB)
REF_DELTA = 7

pytestmark = pytest.mark.timeout(300 + GARBAGE // (4 * MIB))


@pytest.fixture
def repo(entrepot_hub: RunningHub, request: pytest.FixtureRequest) -> str:
    name = f"tester/{request.node.originalname[5:60].replace('_', '-').strip('-')}"
    HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.token).create_repo(name, exist_ok=True)
    return name


def head(oid: str, ref: str = "refs/heads/x") -> bytes:
    return pkt_line(f"{NONE} {oid} {ref}\0 report-status side-band-64k".encode()) + FLUSH


def sealed(count: int, *entries: bytes) -> bytes:
    body = pack_header(count) + b"".join(entries)
    return body + hashlib.sha1(body).digest()


def whole_pack() -> tuple[str, bytes]:
    """Return a commit of an empty tree, and a pack with both."""
    tree = oid_of(Kind.TREE, b"")
    commit = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nm\n".encode()
    entries = [
        entry_header(kind, len(data)) + zlib.compress(data) for kind, data in ((Kind.COMMIT, commit), (Kind.TREE, b""))
    ]
    return oid_of(Kind.COMMIT, commit), sealed(2, *entries)


def push(hub: RunningHub, repo: str, body: bytes | Iterator[bytes]) -> httpx2.Response:
    with httpx2.Client(auth=("any", hub.token), trust_env=False, timeout=240) as client:
        return client.post(f"{hub.url}/{repo}/git-receive-pack", content=body)


def branches(hub: RunningHub, repo: str) -> list[str]:
    return [branch.name for branch in HfApi(endpoint=hub.url, token=hub.token).list_repo_refs(repo).branches]


def test_a_delta_against_an_object_that_no_one_has_is_refused(entrepot_hub: RunningHub, repo: str) -> None:
    delta = bytes([5, 5, 0x90, 5])  # from five bytes to five bytes: copy five from the start
    first = bytes([REF_DELTA << 4 | len(delta)])
    thin = sealed(1, first + bytes.fromhex("1" * 40) + zlib.compress(delta))
    answer = push(entrepot_hub, repo, head("2" * 40) + thin)
    assert b"unpack ok" not in answer.content
    assert b"ng refs/heads/x" in answer.content
    assert b"unresolved delta" in answer.content
    assert branches(entrepot_hub, repo) == ["main"]


@pytest.mark.parametrize("ref", ["../x", "refs/heads/../../x", "refs/heads/.lock", "/etc/passwd", "refs/heads/a\x7f"])
def test_a_ref_that_would_leave_its_place_is_refused(entrepot_hub: RunningHub, repo: str, ref: str) -> None:
    oid, pack = whole_pack()
    answer = push(entrepot_hub, repo, head(oid, ref) + pack)
    assert answer.status_code == 400 or b"ng " in answer.content
    assert b"\nok " not in answer.content
    assert branches(entrepot_hub, repo) == ["main"]


def test_garbage_instead_of_a_push_is_refused_before_it_has_been_sent(entrepot_hub: RunningHub, repo: str) -> None:
    before = psutil.Process(entrepot_hub.pid).memory_info().rss
    host, port = entrepot_hub.url.removeprefix("http://").split(":")
    request = (
        f"POST /{repo}/git-receive-pack HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {entrepot_hub.token}\r\nContent-Length: {GARBAGE}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=240) as connection:
        connection.sendall(request.encode() + b"garbage" * 1000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert psutil.Process(entrepot_hub.pid).memory_info().rss - before < 16 * MIB


@pytest.mark.parametrize("start", [b"", b"PACK\0\0\0\2\0\0\0\1"], ids=["no-pack", "begins-like-a-pack"])
def test_garbage_instead_of_a_pack_is_refused_in_little_memory(
    entrepot_hub: RunningHub, repo: str, start: bytes
) -> None:
    server = psutil.Process(entrepot_hub.pid)
    before, highest = server.memory_info().rss, 0

    def body() -> Iterator[bytes]:
        nonlocal highest
        yield head("1" * 40) + start
        for _ in range(GARBAGE // MIB):
            highest = max(highest, server.memory_info().rss)
            yield PIECE

    answer = push(entrepot_hub, repo, body())
    assert b"ng refs/heads/x" in answer.content
    assert highest - before < 32 * MIB
    assert not list((entrepot_hub.data / "cache" / "git").glob(".push-*"))


DELETE = "import sys; from huggingface_hub import HfApi; HfApi(sys.argv[1], sys.argv[2]).delete_repo(sys.argv[3])"


def test_a_repository_that_vanishes_during_a_push_is_said_to_be_gone(
    entrepot_hub: RunningHub, repo: str, tmp_path: Path
) -> None:
    hub = entrepot_hub
    url = f"{hub.url.replace('://', f'://any:{hub.token}@')}/{repo}"
    environ = os.environ | {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "NO_PROXY": "*"}

    def git(*words: str, cwd: str = "work") -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=tmp_path / cwd, env=environ, capture_output=True, text=True)

    git("clone", url, "work", cwd=".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "m")
    # Git runs this after it has requested the refs.
    hook = tmp_path / "work" / ".git" / "hooks" / "pre-push"
    hook.write_text(f"#!/bin/sh\nexec {shlex.join([sys.executable, '-c', DELETE, hub.url, hub.token, repo])}\n")
    hook.chmod(0o755)
    refused = git("push")
    assert refused.returncode
    assert "Repository not found" in refused.stderr
    assert "Repository not found" in git("fetch").stderr
