"""A public file whose chunks lie in one xorb with chunks of private files is answered as if it were stored alone.

The same public files are stored on several hubs in the same state. On each, their owner had sent their chunks in a xorb
with other content, which is in a private repository; these siblings differ in number, length and place. Every response
to another user, and to anonymous callers, must be the same, but for the names of parts and for signatures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import struct
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx2
import pytest

from entrepot.hub.files import xorb_scrubbing
from entrepot.names import Sha256, XetHash
from entrepot.xet import (
    FileBlock,
    Shard,
    Term,
    Terms,
    Xorb,
    XorbBlock,
    XorbBuilder,
    chunk_hash,
    encode_shard,
    file_hash,
    file_parts,
    parse_shard,
    range_hash,
    read_hash,
)
from tests.server.xet.conftest import opened
from tests.support.chunk_store import Store

PUBLIC = [random.Random(f"public {number}").randbytes(30_000) for number in range(12)]
FIRST, SECOND = PUBLIC[:7], PUBLIC[7:]


def hidden(seed: str, *lengths: int) -> list[bytes]:
    return [random.Random(f"{seed} {number}").randbytes(length) for number, length in enumerate(lengths)]


LAYOUTS: dict[str, list[tuple[bool, list[bytes]]]] = {
    "alone": [(True, FIRST), (True, SECOND)],
    "one chunk before": [(False, hidden("a", 500)), (True, FIRST), (True, SECOND)],
    "much around": [
        (False, hidden("b", 90_000, 131_072, 7)),
        (True, FIRST),
        (False, hidden("c", 60_000)),
        (True, SECOND),
        (False, hidden("d", 800, 900)),
    ],
    "within a file": [(True, FIRST[:3]), (False, hidden("e", 44_000, 9)), (True, FIRST[3:]), (True, SECOND)],
}
"""What is in the xorb, in order: chunks of public files, and chunks of private ones."""


def made(pieces: list[bytes]) -> Xorb:
    builder = XorbBuilder()
    for piece in pieces:
        builder.add(piece, chunk_hash(piece))
    return builder.finish()


def listing(xorb: Xorb) -> XorbBlock:
    return XorbBlock(xorb.hash, xorb.index.hashes, array("I", xorb.index.raw_ends), 0)


@attrs.frozen
class Scene:
    """A hub with two public files of alice in one xorb, with or without private siblings."""

    store: Store
    public: str
    xorb: Xorb
    mine: str

    def block(self, pieces: list[bytes], terms: list[Term]) -> FileBlock:
        """Return the file of these chunks."""
        hashes = [chunk_hash(piece) for piece in pieces]
        proofs, at = [], 0
        for term in terms:
            proofs.append(range_hash(b"".join(hashes[at : at + term.end - term.start])))
            at += term.end - term.start
        name = file_hash(b"".join(hashes), [len(piece) for piece in pieces])
        sha256 = Sha256(hashlib.sha256(b"".join(pieces)).hexdigest())
        return FileBlock(name, Terms.of(terms), b"".join(proofs), sha256)

    def placed(self, pieces: list[bytes]) -> list[Term]:
        """Return the terms of chunks in the xorb, as few as there are runs."""
        index, terms = self.xorb.index, list[Term]()
        places = [index.hashes.index(chunk_hash(piece)) // 32 for piece in pieces]
        for place in places:
            start = terms.pop().start if terms and terms[-1].end == place else place
            terms.append(Term(self.xorb.hash, start, place + 1, index.raw_length(start, place + 1)))
        return terms

    def publish(self, repo: str, path: str, pieces: list[bytes]) -> None:
        block = self.block(pieces, self.placed(pieces))
        with self.store.client(repo) as client:
            client.post(f"/v1/xorbs/default/{self.xorb.hash}", content=self.xorb.data).raise_for_status()
            shard = Shard((block,), (listing(self.xorb),))
            client.post("/v1/shards", content=encode_shard(shard)).raise_for_status()
        self.store.commit(repo, path, block.sha256)


@contextlib.contextmanager
def scene(folder: Path, layout: list[tuple[bool, list[bytes]]]) -> Iterator[Scene]:
    folder.mkdir()
    with opened(folder) as store:
        public, private = store.new_repo(), store.new_repo()
        store.make_private(private)
        found = Scene(store, public, made([piece for _, pieces in layout for piece in pieces]), store.new_repo("bob"))
        found.publish(public, "first", FIRST)
        found.publish(public, "second", SECOND)
        for number, pieces in enumerate(pieces for is_public, pieces in layout if not is_public):
            found.publish(private, f"hidden{number}", pieces)
        yield found


def fingerprint(found: Scene) -> dict[str, Any]:
    """Return every response to others, without names of runs, signatures, and what each hub chooses at random."""
    seen: dict[str, Any] = {}

    def mask(text: str) -> str:
        text = re.sub(r"https?://[^/]+", "", text)
        text = re.sub(r"(part|sig|user|token|repo|exp|name)=[^&\"]*", lambda match: f"{match[1]}=", text)
        names: dict[str, str] = {}
        return re.sub(r"[0-9a-f]{64}", lambda match: names.setdefault(match[0], f"<{len(names)}>"), text)

    def note(label: str, answer: httpx2.Response) -> httpx2.Response:
        kept = ("content-length", "content-range", "etag", "content-type", "x-error-message")
        headers = {name: mask(value) for name, value in answer.headers.items() if name in kept}
        if "json" in headers.get("content-type", ""):
            headers.pop("content-length", None)
        body: Any = answer.content
        if answer.headers.get("content-type", "").startswith(("application/json", "text/")):
            body = mask(answer.text)
        seen[label] = (answer.status_code, headers, body)
        return answer

    files = {"first": FIRST, "second": SECOND}
    accesses = {
        "anonymous": found.store.anonymous(found.public),
        "bob": found.store.give(found.public, "read", found.store.tokens["bob"]),
    }
    for who, access in accesses.items():
        with access.client() as client:
            for name, pieces in files.items():
                file = found.block(pieces, found.placed(pieces)).hash
                for version in ("v1", "v2"):
                    for wanted in (None, "bytes=45000-130000", "bytes=9999999-"):
                        headers = {} if wanted is None else {"range": wanted}
                        label = f"{who} {name} {version} {wanted}"
                        plan = note(label, client.get(f"/{version}/reconstructions/{file}", headers=headers))
                        if plan.status_code == 200 and version == "v2" and who == "anonymous":
                            follow(label, plan.json(), note)
    with found.store.client(found.mine) as bob:
        for name, pieces in files.items():
            answer = bob.get(f"/v1/chunks/default/{read_hash(chunk_hash(pieces[0]))}")
            shape = [(block.raw_ends.tolist(), block.size) for block in parse_shard(answer.content).xorbs]
            seen[f"chunk {name}"] = (answer.status_code, len(answer.content), sorted(shape))
        # The first miss of an upload is answered with what the sender may read elsewhere.
        for session in ("one", "two"):
            missed = bob.get(f"/v1/chunks/default/{'5' * 64}", headers={"x-xet-session-id": session})
            shape = [(block.raw_ends.tolist(), block.size) for block in parse_shard(missed.content).xorbs]
            seen[f"chunk missed {session}"] = (missed.status_code, len(missed.content), sorted(shape))
        # Everyone can compute the hash of a xorb with nothing but public chunks, and guess others.
        for label, name in (("alone", made(PUBLIC).hash), ("guessed", found.xorb.hash), ("forged", XetHash("3" * 64))):
            note(f"grant {label}", bob.post(f"/v1/xorb-grants/default/{name}", json={"length": 1}))
            block = found.block(FIRST[:1], [Term(name, 0, 1, 30_000)])
            note(f"shard {label}", bob.post("/v1/shards", content=encode_shard(Shard((block,), ()))))
    return seen


def follow(label: str, plan: dict[str, Any], note: Callable[[str, httpx2.Response], httpx2.Response]) -> None:
    """Read every link of a reconstruction in several ways."""
    for number, fetches in enumerate(plan["xorbs"].values()):
        [fetch] = fetches
        [part] = fetch["ranges"]
        last = part["bytes"]["end"]
        assert part["bytes"]["start"] == part["chunks"]["start"] == 0
        for wanted in (None, f"bytes=0-{last}", "bytes=5-99", f"bytes=0-{last + 1}", f"bytes={last + 1}-", "bytes=-9"):
            for method in ("GET", "HEAD"):
                headers = {} if wanted is None else {"range": wanted}
                answer = httpx2.request(method, fetch["url"], headers=headers, trust_env=False)
                note(
                    f"{label} {number} {method} {wanted}".replace(str(last + 1), "after").replace(str(last), "last"),
                    answer,
                )
        altered = fetch["url"].replace("part=", "part=A")
        note(f"{label} {number} altered", httpx2.get(altered, trust_env=False))


def test_nothing_about_a_public_file_depends_on_private_siblings(tmp_path: Path) -> None:
    seen = {}
    for name, layout in LAYOUTS.items():
        if name == "within a file":
            continue
        with scene(tmp_path / name.replace(" ", "-"), layout) as found:
            seen[name] = fingerprint(found)
    alone = seen.pop("alone")
    for name, other in seen.items():
        assert other.keys() == alone.keys(), name
        for label, answer in alone.items():
            assert other[label] == answer, (name, label)


def test_a_reconstruction_hides_what_lies_between_the_chunks_of_a_file(tmp_path: Path) -> None:
    """Of a chunk query, callers who have the chunks still see at which of them a run ends."""
    seen = []
    for name in ("alone", "within a file"):
        with scene(tmp_path / name.replace(" ", "-"), LAYOUTS[name]) as found:
            answers = fingerprint(found)
            seen.append({label: answer for label, answer in answers.items() if not label.startswith("chunk")})
    assert seen[0] == seen[1]


def test_no_response_contains_the_hash_of_the_xorb(tmp_path: Path) -> None:
    with scene(tmp_path / "hub", LAYOUTS["much around"]) as found:
        raw = struct.pack("<4Q", *(int(found.xorb.hash[at : at + 16], 16) for at in range(0, 64, 16)))
        answers = fingerprint(found)
        asked = {label: answer for label, answer in answers.items() if not label.startswith("grant")}
        assert found.xorb.hash not in str(asked)
        assert not any(raw in answer[2] for answer in asked.values() if isinstance(answer[2], bytes))


def test_damaged_chunks_are_not_named_to_readers(tmp_path: Path) -> None:
    with scene(tmp_path / "hub", LAYOUTS["much around"]) as found:
        [blob] = (found.store.hub.settings.data / "blobs" / "xorbs").rglob(f"{found.xorb.hash}.*")
        file = found.block(FIRST, found.placed(FIRST)).hash
        with found.store.anonymous(found.public).client() as client:
            plan = client.get(f"/v2/reconstructions/{file}").raise_for_status().json()
            [[fetch]] = plan["xorbs"].values()
            blob.chmod(0o600)
            blob.write_bytes(bytes(blob.stat().st_size))
            xorb_scrubbing.record_damage(found.store.hub, found.xorb.hash)
            resolve = f"{found.store.url}/{found.public}/resolve/main/first"
            answers = [
                client.get(f"/v2/reconstructions/{file}"),
                httpx2.get(fetch["url"], trust_env=False),
                httpx2.get(resolve, trust_env=False),
            ]
        assert [answer.status_code for answer in answers] == [409, 409, 500]
        for answer in answers:
            assert found.xorb.hash not in answer.text + str(answer.headers)
            assert "entrepot fsck" in json.loads(answer.text)["error"]
            assert urlsplit(str(answer.url)).path


def test_a_part_never_ends_where_a_xorb_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client begins another xorb when one is full: the lengths of siblings before would show at this border."""
    monkeypatch.setattr(file_parts, "PART_CHUNKS", 4)
    seen = []
    for cut in (2, 5):
        (tmp_path / str(cut)).mkdir()
        with opened(tmp_path / str(cut)) as store:
            repo = store.new_repo()
            xorbs = [made(FIRST[:cut]), made(FIRST[cut:])]
            found = Scene(store, repo, xorbs[0], repo)
            terms = [Term(one.hash, 0, one.index.count, one.index.raw_size) for one in xorbs]
            block = found.block(FIRST, terms)
            with store.client(repo) as client:
                for one in xorbs:
                    client.post(f"/v1/xorbs/default/{one.hash}", content=one.data).raise_for_status()
                listed = tuple(map(listing, xorbs))
                client.post("/v1/shards", content=encode_shard(Shard((block,), listed))).raise_for_status()
                plan = client.get(f"/v2/reconstructions/{block.hash}").raise_for_status().json()
            shapes = [fetches[0]["ranges"] for fetches in plan["xorbs"].values()]
            lengths = [(term["unpacked_length"], term["range"]) for term in plan["terms"]]
            seen.append((plan["offset_into_first_range"], lengths, shapes))
    assert seen[0] == seen[1]
