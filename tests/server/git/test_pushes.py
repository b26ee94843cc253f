from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from entrepot.git import FLUSH, Kind, oid_of, pkt_line
from entrepot.git.commands import NONE
from entrepot.git.packs import entry_header, pack_header
from entrepot.hub.git import pushes
from entrepot.names import RepoRef
from tests.support.served_hub import ServedHub

WORDS = "report-status side-band-64k"


def command(old: str, new: str, ref: str, words: str = WORDS) -> bytes:
    return pkt_line(f"{old} {new} {ref}\0 {words}".encode()) + FLUSH


def pack(*objects: tuple[Kind, bytes]) -> bytes:
    body = pack_header(len(objects))
    body += b"".join(entry_header(kind, len(data)) + zlib.compress(data) for kind, data in objects)
    return body + hashlib.sha1(body).digest()


def commit_of(tree: str, *parents: str) -> bytes:
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    return "\n".join([*lines, "author A <a@b> 1 +0000", "committer A <a@b> 1 +0000", "", "m\n"]).encode()


def push(world: ServedHub, ref: RepoRef, body: bytes, token: str | None = None) -> Any:
    with world.client(token or world.alice) as client:
        return client.post(f"/{ref.path}/git-receive-pack", content=body)


def good(content: bytes = b"hello\n") -> tuple[str, bytes]:
    """Return a root commit of one file, and a pack with all its objects."""
    tree = b"100644 a\0" + bytes.fromhex(oid_of(Kind.BLOB, content))
    commit = commit_of(oid_of(Kind.TREE, tree))
    return oid_of(Kind.COMMIT, commit), pack((Kind.BLOB, content), (Kind.TREE, tree), (Kind.COMMIT, commit))


def git_environ(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "NO_PROXY": "*"}


def refs(world: ServedHub, ref: RepoRef) -> bytes:
    with world.client(world.alice) as client:
        data: bytes = client.get(f"/{ref.path}/info/refs?service=git-receive-pack").content
        return data


def test_a_push_is_reported_and_seen(world: ServedHub) -> None:
    ref = world.repo("push-good")
    oid, data = good()
    answer = push(world, ref, command(NONE, oid, "refs/heads/x") + data)
    assert answer.headers["content-type"] == "application/x-git-receive-pack-result"
    assert b"unpack ok" in answer.content
    assert b"ok refs/heads/x" in answer.content
    assert f"{oid} refs/heads/x".encode() in refs(world, ref)


def test_credentials_can_be_tried_with_an_empty_push(world: ServedHub) -> None:
    ref = world.repo("push-probe")
    assert push(world, ref, FLUSH).status_code == 200
    assert push(world, ref, FLUSH, world.alice_reads).status_code == 403
    assert push(world, ref, FLUSH, world.bob).status_code == 403
    with world.client() as client:
        answer = client.post(f"/{ref.path}/git-receive-pack", content=FLUSH)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_form_of_another_site_pushes_nothing_with_what_the_browser_keeps(world: ServedHub) -> None:
    ref = world.repo("push-form")
    before = refs(world, ref)
    oid, data = good()
    body = command(NONE, oid, "refs/heads/x") + data
    form = {"content-type": "text/plain", "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    with world.client() as client:
        answer = client.post(f"/{ref.path}/git-receive-pack", content=body, auth=("x", world.alice), headers=form)
        assert answer.status_code == 403
        assert "another site" in answer.text
        assert refs(world, ref) == before
        form["content-type"] = "application/x-git-receive-pack-request"  # as a git client in a page sends it
        answer = client.post(f"/{ref.path}/git-receive-pack", content=body, auth=("x", world.alice), headers=form)
    assert b"ok refs/heads/x" in answer.content


def test_a_read_token_gets_the_reason_why_it_cannot_push(world: ServedHub) -> None:
    ref = world.repo("push-reader")
    with world.client(world.alice_reads) as client:
        answer = client.get(f"/{ref.path}/info/refs?service=git-receive-pack")
    assert answer.status_code == 403
    assert "role 'read'" in answer.text


def test_pushing_to_nothing_says_how_to_make_it(world: ServedHub) -> None:
    with world.client(world.alice) as client:
        answer = client.get("/alice/not-there/info/refs?service=git-receive-pack")
    assert answer.status_code == 404
    assert "create it first" in answer.text


EVIL_TREE = b"100644 .git\0" + bytes.fromhex(oid_of(Kind.BLOB, b"x"))
BAD = {
    "wrong checksum": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "cut short": lambda data: data[:-30],
    "nothing": lambda _data: b"",
    "no pack": lambda _data: b"garbage" * 1000,
    "too many objects": lambda data: data[:8] + b"\xff\xff\xff\xff" + data[12:],
    "missing objects": lambda _data: pack((Kind.COMMIT, commit_of("1" * 40))),
    "evil names": lambda _data: pack((Kind.BLOB, b"x"), (Kind.TREE, EVIL_TREE)),
    "malformed commit": lambda _data: pack((Kind.COMMIT, b"tree\n")),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_pack_is_refused_with_a_reason_and_changes_nothing(world: ServedHub, kind: str) -> None:
    ref = world.repo(f"push-bad-{kind.replace(' ', '-')}")
    before = refs(world, ref)
    oid, data = good()
    answer = push(world, ref, command(NONE, oid, "refs/heads/x") + BAD[kind](data))
    assert answer.status_code == 200
    assert b"ng refs/heads/x" in answer.content
    assert b"unpack ok" not in answer.content
    assert answer.content[4:5] == b"\x02"
    assert refs(world, ref) == before
    assert not list((world.hub.settings.data / "cache" / "git").glob(".push-*"))


def test_a_small_pack_that_unpacks_to_a_large_file_is_refused(world: ServedHub) -> None:
    ref = world.repo("push-bomb")
    oid, data = good(bytes(200 << 20))
    assert len(data) < 1 << 20
    answer = push(world, ref, command(NONE, oid, "refs/heads/x") + data)
    assert b"exceeds the limit" in answer.content
    assert b"ng refs/heads/x" in answer.content


def zeros(size: int) -> bytes:
    """Return ``size`` zero bytes, compressed by zlib."""
    squeeze, piece = zlib.compressobj(1), bytes(1 << 20)
    return b"".join(squeeze.compress(piece) for _ in range(size >> 20)) + squeeze.flush()


def varint(number: int) -> bytes:
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def bomb(kind: str) -> bytes:
    """Return a small pack that announces gigabytes."""
    if kind == "file":
        entries = [entry_header(Kind.BLOB, 8 << 30) + zeros(64 << 20)]
    elif kind == "tree":
        entries = [entry_header(Kind.TREE, 8 << 30) + zeros(1 << 20)]
    else:
        base = bytes(1 << 20)
        copies = varint(len(base)) + varint(8 << 30) + b"\xc0\x10" * (8 << 10)
        header = bytearray(entry_header(Kind.BLOB, len(copies)))
        header[0] |= 0x70  # a delta with a base named by id
        delta = bytes(header) + bytes.fromhex(oid_of(Kind.BLOB, base)) + zlib.compress(copies)
        entries = [entry_header(Kind.BLOB, len(base)) + zlib.compress(base), delta]
    body = pack_header(len(entries)) + b"".join(entries)
    return body + hashlib.sha1(body).digest()


@pytest.mark.parametrize("kind", ["file", "tree", "delta"])
def test_a_pack_that_announces_gigabytes_is_refused_before_it_is_unpacked(world: ServedHub, kind: str) -> None:
    ref = world.repo(f"push-bomb-{kind}")
    data = bomb(kind)
    assert len(data) < 1 << 20
    answer = push(world, ref, command(NONE, "1" * 40, "refs/heads/x") + data)
    assert b"exceeds the limit of 536,870,912; track large files with git-lfs" in answer.content
    assert b"ng refs/heads/x the pack was refused" in answer.content
    assert not list((world.hub.settings.data / "cache" / "git").glob(".push-*"))


def test_folders_that_hold_each_other_many_times_are_refused(world: ServedHub) -> None:
    ref = world.repo("push-explosion")
    made = [(Kind.BLOB, b"x")]
    mode, below = b"100644 ", oid_of(Kind.BLOB, b"x")
    for _ in range(60):
        rows = (mode + b"%d\0" % n + bytes.fromhex(below) for n in range(10))
        made.append((Kind.TREE, b"".join(rows)))
        mode, below = b"40000 ", oid_of(*made[-1])
    made.append((Kind.COMMIT, commit_of(below)))
    answer = push(world, ref, command(NONE, oid_of(*made[-1]), "refs/heads/x") + pack(*made))
    assert b"number of paths in one commit" in answer.content
    assert b"refs/heads/x" not in refs(world, ref)


@pytest.mark.parametrize("body", [b"", b"nonsense", pkt_line(b"x") + FLUSH])
def test_a_head_that_is_none_is_an_error(world: ServedHub, body: bytes) -> None:
    ref = world.repo(f"push-head-{len(body)}")
    assert push(world, ref, body).status_code == 400


def test_options_of_a_push_are_read_past(world: ServedHub) -> None:
    ref = world.repo("push-options")
    oid, data = good()
    head = command(NONE, oid, "refs/heads/x", f"{WORDS} push-options") + pkt_line(b"ci.skip") + FLUSH
    assert b"ok refs/heads/x" in push(world, ref, head + data).content


def test_a_deletion_needs_no_pack(world: ServedHub, tmp_path: Path) -> None:
    ref = world.repo("push-delete")
    oid, data = good()
    push(world, ref, command(NONE, oid, "refs/heads/x") + data)
    assert b"ok refs/heads/x" in push(world, ref, command(oid, NONE, "refs/heads/x")).content
    assert b"refs/heads/x" not in refs(world, ref)


def test_a_push_moves_a_limited_number_of_refs(
    world: ServedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "MAX_REFS", 2)
    ref = world.repo("push-many-refs")
    before = refs(world, ref)
    environ = git_environ(tmp_path)
    url = f"{world.url.replace('://', f'://any:{world.alice}@')}/{ref.path}.git"
    script = (
        "git init -q w && cd w && git config user.name a && git config user.email a@b "
        "&& git config http.postBuffer 65536 && head -c 300000 /dev/urandom > a && git add a && git commit -qm m "
        f"&& for name in x y z; do git branch $name; done && git push {url} x y z"
    )
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    reason = "the number of refs in one push exceeds the limit of 2; push some of them at a time"
    assert f"remote: {reason}" in done.stderr
    assert done.stderr.count("[remote rejected]") == 3
    assert "RPC failed" not in done.stderr
    assert refs(world, ref) == before
    few = subprocess.run(["git", "push", url, "x", "y"], cwd=tmp_path / "w", env=environ, capture_output=True)
    assert few.returncode == 0, few.stderr


def test_who_may_not_push_is_told_of_no_limit(world: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes, "MAX_REFS", 0)
    ref = world.repo("push-no-limit")
    oid, data = good()
    answer = push(world, ref, command(NONE, oid, "refs/heads/x") + data, world.alice_reads)
    assert (answer.status_code, b"limit" in answer.content) == (403, False)


def test_git_pushes_through_the_routes(world: ServedHub, tmp_path: Path) -> None:
    ref = world.repo("push-git", "dataset")
    environ = git_environ(tmp_path)
    url = f"{world.url.replace('://', f'://any:{world.alice}@')}/{ref.path}.git"
    script = (
        f"git clone -q {url} w && cd w && git config user.name a && git config user.email a@b && echo 1 > a "
        "&& git add a && git commit -qm m && git push -q origin HEAD && git fsck --strict"
    )
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
