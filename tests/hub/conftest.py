"""A hub in a temporary folder, with people in it; touching bytes inside a transaction fails the test."""

from __future__ import annotations

import hashlib
import http.server
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import threading
import time
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest
from guarded_blobs import GuardedLocalBlobs

from entrepot.blobs import LocalBlobs
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.repos import refs
from entrepot.git import EMPTY_TREE, Kind, TreeEditor
from entrepot.hub import public_addresses
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files import chunks, lfs, xet_tokens
from entrepot.hub.files.operations import AddFile, AddLarge, Operation
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.git import imports
from entrepot.hub.repos import commits, contents, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.publishing import Move, Publication, commit_object, publish
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import MAIN, ROOT, Oid, RefName, RepoId, RepoPath, RepoRef, RepoType, Sha256, XetHash
from entrepot.settings import Settings
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees
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
    parse_xorb,
    range_hash,
)

DAY_MS = 86_400_000
PEOPLE = {"alice": None, "bob": None, "zed": None, "root": None} | {
    "rita": Role.READ,
    "carl": Role.CONTRIBUTOR,
    "wendy": Role.WRITE,
    "olga": Role.ADMIN,
}


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


def guarded(hub: HubContext, clock: Clock) -> HubContext:
    blobs = hub.store.blobs
    assert isinstance(blobs, LocalBlobs)
    watched = GuardedLocalBlobs(blobs, hub.catalog.is_writing)
    return attrs.evolve(hub, store=attrs.evolve(hub.store, blobs=watched, parts=watched, drafts=watched), now_ms=clock)


@attrs.define
class World:
    """The hub under test and short words for what tests do again and again."""

    hub: HubContext
    clock: Clock
    secrets: Mapping[str, str]

    def __getattr__(self, name: str) -> MaybeCaller:
        """The caller of this name, with a writing token."""
        if name not in PEOPLE:
            raise AttributeError(name)
        return self.caller(name)

    def caller(self, name: str, role: str = "write") -> MaybeCaller:
        return self.hub.identify(self.secrets[f"{name}:{role}"])

    def reopen(self) -> None:
        """Close the hub and open its folder again, as after a restart."""
        self.hub.close()
        self.hub = guarded(open_hub(self.hub.settings, fsync=False), self.clock)

    def repo(self, name: str = "alice/m", by: Any = None, kind: RepoType = RepoType.MODEL, **new: Any) -> RepoRef:
        namespace, _, short = name.partition("/")
        maker = by or self.caller(namespace)
        return repositories.create(self.hub, maker, NewRepo(kind, short, namespace=namespace, **new)).ref

    def row_id(self, ref: RepoRef) -> int:
        from entrepot.catalog.repos import repositories as repos

        with self.hub.read() as tx:
            row = repos.find(tx, ref)
        assert row is not None
        return row.id

    def commit(self, ref: RepoRef, *operations: Operation, by: Any = None, branch: str = "main", **draft: Any) -> Oid:
        summary = draft.pop("summary", "change")
        author = by or self.caller(ref.id.namespace)
        return commits.create(self.hub, author, ref, branch, CommitDraft(summary, operations, **draft)).oid

    def add(self, ref: RepoRef, path: str, content: bytes = b"x\n", **options: Any) -> Oid:
        return self.commit(ref, AddFile(RepoPath(path), content), **options)

    def upload(self, ref: RepoRef, data: bytes, by: Any = None) -> Sha256:
        """Send the bytes of a large file through a signed link."""
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        wanted = lfs.RequestedObject(sha256, len(data))
        author = by or self.caller(ref.id.namespace)
        [answer] = lfs.plan_uploads(self.hub, author, ref, [wanted], takes_parts=False)
        if isinstance(answer.link, lfs.SignedUrl):
            receiving = lfs.receive(self.hub, sha256, answer.link.query)
            receiving.write(data)
            receiving.finish()
        return sha256

    def add_large(self, ref: RepoRef, path: str, data: bytes, **options: Any) -> Sha256:
        sha256 = self.upload(ref, data, options.get("by"))
        self.commit(ref, AddLarge(RepoPath(path), sha256, len(data)), **options)
        return sha256

    def head(self, ref: RepoRef, name: str = "main") -> Oid:
        with self.hub.read() as tx:
            found = refs.find(tx, self.row_id(ref), RefName(f"refs/heads/{name}"))
        assert found is not None
        return found

    def read(self, ref: RepoRef, path: str, revision: str = "main", by: Any = None) -> bytes:
        found = contents.locate(self.hub, by or self.caller("root"), ref, revision, RepoPath(path))
        opened = found.open(self.hub)
        data = opened.read_at(0, found.size + 1)
        opened.close()
        return data

    def paths(self, ref: RepoRef, revision: str = "main") -> list[str]:
        page = contents.list_tree(
            self.hub, self.caller("root"), ref, revision, ROOT, is_deep=True, with_commits=False, limit=100_000
        )
        return sorted(item.listed.path for item in page.entries if not item.listed.is_folder)

    def plant(self, ref: RepoRef, files: Mapping[str, tuple[int, bytes | Oid]], summary: str = "planted") -> Oid:
        """A commit as a push brings it: any mode; an id instead of content is not stored."""
        row_id, head = self.row_id(ref), self.head(ref)
        author = self.caller("root")
        with self.hub.read() as tx:
            root = stored.root_of(self.hub.store, tx, row_id, head)
            editor = TreeEditor(root, Trees(self.hub.store, tx, row_id).read)
            made = []
            for path, (mode, content) in files.items():
                if isinstance(content, bytes):
                    made.append(stored.of(Kind.BLOB, content))
                    editor.put(RepoPath(path), mode, made[-1].oid)
                else:
                    editor.put(RepoPath(path), mode, content)
            tree, fresh = editor.write()
        assert author is not None
        assert tree != EMPTY_TREE
        commit = commit_object(self.hub, author, tree, (head,), summary)
        made += [stored.GitObject(oid, Kind.TREE, content) for oid, content in fresh.items()]
        rows = [stored.row_of(item) for item in (*made, commit)]
        with self.hub.write() as tx:
            publication = Publication(
                row_id, Move(MAIN, head, commit.oid), (head,), rows, (), tuple(map(RepoPath, files)), author.account.id
            )
            assert publish(self.hub, tx, publication)
        return commit.oid

    def export(self, ref: RepoRef, folder: pathlib.Path) -> Callable[..., str]:
        """A bare repository with every object of a repository; returns a function that runs git in it."""
        folder.mkdir()

        def git(*arguments: str, given: bytes = b"") -> str:
            done = subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, env=GIT_ENV)
            assert done.returncode == 0, done.stderr
            return done.stdout.decode("utf-8", "surrogateescape")

        git("init", "-q", "--bare", "-b", "main", ".")
        row_id = self.row_id(ref)
        with self.hub.read() as tx:
            oids = [oid for oid, *_ in object_rows.everything(tx, row_id)]
            rows = list(object_rows.find_many(tx, row_id, oids))
            heads = refs.everything(tx, row_id)
        for row in rows:
            content = self._content(row)
            raw = f"{row.kind} {len(content)}\0".encode() + content
            assert hashlib.sha1(raw).hexdigest() == row.oid
            target = folder / "objects" / row.oid[:2] / row.oid[2:]
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(zlib.compress(raw, 1))
        for name, oid in heads:
            git("update-ref", name, oid)
        return git

    def _content(self, row: object_rows.ObjectRow) -> bytes:
        if row.data is not None:
            return stored.content_of(row)
        from entrepot.blobs import file_key

        assert row.sha256 is not None
        with self.hub.store.blobs.open(file_key(row.sha256)) as reader:
            return reader.read_at(0, reader.size)


@attrs.define
class Sender:
    """What a client of the chunk store does, and what a lying one does; chunks are as long as it pleases."""

    world: World

    def chunks(self, seed: object, count: int = 4, length: int = 1000) -> list[bytes]:
        """Chunks that nobody else has, and that compress."""
        draw = random.Random(str(seed))
        return [draw.randbytes(length // 4) * 4 for _ in range(count)]

    def xorb(self, pieces: Sequence[bytes]) -> Xorb:
        builder = XorbBuilder()
        for piece in pieces:
            builder.add(piece, chunk_hash(piece))
        return builder.finish()

    def uncompressed(self, pieces: Sequence[bytes]) -> Xorb:
        """The same xorb with other bytes."""
        data = b"".join(struct.pack("<II", len(piece) << 8, len(piece) << 8) + piece for piece in pieces)
        name = self.xorb(pieces).hash
        return Xorb(name, data, parse_xorb(data, name))

    def give(self, ref: RepoRef, by: Any = None) -> XetToken:
        issued = xet_tokens.issue_write(self.world.hub, by or self.world.caller(ref.id.namespace), ref)
        return xet_tokens.check(self.world.hub, issued.secret, issued.store)

    def give_read(self, ref: RepoRef, by: Any = None) -> XetToken:
        issued = xet_tokens.issue_read(self.world.hub, by or self.world.caller(ref.id.namespace), ref, None)
        return xet_tokens.check(self.world.hub, issued.secret, issued.store)

    def send(self, given: XetToken, xorb: Xorb) -> bool:
        """Upload a xorb; whether it was new."""
        receiving = chunks.receive_xorb(self.world.hub, given, xorb.hash, len(xorb.data))
        try:
            receiving.write(xorb.data)
            return receiving.finish()
        finally:
            receiving.discard()

    def block(self, parts: Sequence[tuple[Xorb, int, int]], sha256: str | None = None) -> FileBlock:
        """A file made of chunk ranges, with its proofs."""
        terms = [Term(x.hash, start, end, x.index.raw_length(start, end)) for x, start, end in parts]
        hashes = [x.index.chunk_hashes(start, end) for x, start, end in parts]
        lengths = [int(n) for x, start, end in parts for n in x.index.lengths(start, end)]
        proofs = b"".join(map(range_hash, hashes))
        name = file_hash(b"".join(hashes), lengths)
        return FileBlock(name, Terms.of(terms), proofs, None if sha256 is None else Sha256(sha256))

    def listed(self, xorb: Xorb) -> XorbBlock:
        return XorbBlock(xorb.hash, xorb.index.hashes, array("I", xorb.index.raw_ends), 0)

    def register(self, given: XetToken, blocks: Sequence[FileBlock], new: Sequence[Xorb] = ()) -> None:
        shard = Shard(tuple(blocks), tuple(self.listed(xorb) for xorb in new))
        chunks.register_shard(self.world.hub, given, encode_shard(shard))

    def upload(
        self, ref: RepoRef, pieces: Sequence[bytes], *, sha256: str | None = None, by: Any = None
    ) -> tuple[XetHash, Sha256]:
        """A file in one xorb of its own, claimed to have its real sha256, or the one that is given."""
        given, xorb = self.give(ref, by), self.xorb(pieces)
        self.send(given, xorb)
        claimed = Sha256(sha256 or hashlib.sha256(b"".join(pieces)).hexdigest())
        block = self.block([(xorb, 0, xorb.index.count)], claimed)
        self.register(given, [block], [xorb])
        return block.hash, claimed

    def add(
        self, ref: RepoRef, path: str, pieces: Sequence[bytes], *, sha256: str | None = None, by: Any = None
    ) -> tuple[XetHash, Sha256]:
        """As :meth:`upload`, and committed."""
        file, claimed = self.upload(ref, pieces, sha256=sha256, by=by)
        self.world.commit(ref, AddLarge(RepoPath(path), claimed, None), by=by)
        return file, claimed

    def hash_at(self, ref: RepoRef, path: str) -> XetHash | None:
        """The Xet hash that is announced for a path; one and the same in every answer."""
        hub, root = self.world.hub, self.world.caller("root")
        located = contents.locate(hub, root, ref, "main", RepoPath(path)).xet_hash
        [described] = contents.paths_info(hub, root, ref, "main", [RepoPath(path)], with_commits=False)
        assert described.listed.xet_hash == located
        return located

    def stored(self) -> list[str]:
        """The keys of all stored xorbs."""
        return sorted(stat.key for stat in self.world.hub.store.blobs.list("xorbs/"))

    def spoil(self, key: str, at: int = -1) -> None:
        """Flip a bit of stored bytes; by default in the last one, which belongs to the payload of a chunk."""
        path = pathlib.Path(self.world.hub.store.blobs.path_of(key))  # type: ignore[attr-defined]
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)

    def age(self, key: str) -> None:
        """Let stored bytes look as old as any."""
        os.utime(self.world.hub.store.blobs.path_of(key), (1, 1))  # type: ignore[attr-defined]


GIT_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": os.devnull,
    "LC_ALL": "C",
}


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, dict[str, str]]:
    """A closed data folder with accounts, to be copied by every test: opening a new one takes longer."""
    folder = tmp_path_factory.mktemp("furnished") / "data"
    hub = open_hub(Settings(data=folder), fsync=False)
    secrets = {}
    for name in PEOPLE:
        accounts.create_user(hub, name, is_admin=name == "root")
        for role in ("write", "read"):
            secrets[f"{name}:{role}"] = accounts.create_token(hub, name, role=role).secret
    accounts.create_org(hub, "acme", admin="olga")
    for name, member_role in PEOPLE.items():
        if member_role is not None:
            accounts.set_member(hub, "acme", name, member_role)
    hub.close()
    return folder, secrets


@pytest.fixture
def make_world(
    furnished: tuple[pathlib.Path, dict[str, str]], tmp_path: pathlib.Path
) -> Iterator[Callable[..., World]]:
    """Opens a copy of the furnished hub with the named settings."""
    opened: list[World] = []

    def make(**settings: Any) -> World:
        folder = tmp_path / f"data{len(opened)}"
        shutil.copytree(furnished[0], folder)
        clock = Clock(time.time_ns() // 1_000_000)
        hub = guarded(open_hub(Settings(data=folder, **settings), fsync=False), clock)
        opened.append(World(hub, clock, furnished[1]))
        return opened[-1]

    yield make
    for world in opened:
        world.hub.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world)


@pytest.fixture
def make_sender(make_world: Callable[..., World]) -> Callable[..., Sender]:
    """Opens a hub with the named settings, and gives a sender to it."""
    return lambda **settings: Sender(make_world(**settings))


@pytest.fixture
def hub(tmp_path: pathlib.Path) -> Iterator[HubContext]:
    """A hub without accounts."""
    opened = open_hub(Settings(data=tmp_path / "hub"), fsync=False)
    yield opened
    opened.close()


GIT_ENV = {
    **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


@attrs.define
class Site:
    """A host on loopback that serves ``repo.git`` as a static folder, redirects as told and answers POSTs."""

    folder: pathlib.Path
    server: http.server.ThreadingHTTPServer
    redirects: dict[str, str] = attrs.Factory(dict)
    posts: dict[str, bytes] = attrs.Factory(dict)
    asked: list[str] = attrs.Factory(list)

    def url(self, path: str, host: str = "source.example") -> str:
        """The URL of a path, by one of the names of the host."""
        return f"http://{host}:{self.server.server_port}/{path}"

    def git(self, folder: str, *arguments: str) -> None:
        """Run git in a folder of the site."""
        subprocess.run(["git", *arguments], cwd=self.folder / folder, env=GIT_ENV, capture_output=True, check=True)

    def commit(self, path: str, content: bytes) -> None:
        """Put a file into ``repo.git``."""
        (self.folder / "work" / path).write_bytes(content)
        self.git("work", "add", "-A")
        self.git("work", "commit", "-q", "-m", "m")
        self.git("work", "push", "-q", "../repo.git", "main")
        self.git("repo.git", "update-server-info")


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    (folder / "work").mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            for prefix, target in found.redirects.items():
                if self.path.startswith(prefix):
                    self.send_response(302)
                    self.send_header("Location", target + self.path.removeprefix(prefix))
                    self.end_headers()
                    return
            super().do_GET()

        def do_POST(self) -> None:
            found.asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = found.posts.get(self.path)
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    def handle(*arguments: Any) -> Handler:
        return Handler(*arguments, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handle) as server:
        found = Site(folder, server)
        found.git("work", "init", "-q", "-b", "main")
        found.git("", "init", "-q", "--bare", "-b", "main", "repo.git")
        found.commit("README.md", b"hello")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def example_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below ``.example`` lead to loopback, as if that were public; nothing else of loopback is."""
    look_up, check = socket.getaddrinfo, public_addresses.resolve

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host.endswith(".example") else host, port, *rest, **options)

    def allow(host: str, port: int, *, allows_private: bool) -> list[str]:
        return check(host, port, allows_private=allows_private or host.endswith(".example"))

    monkeypatch.setattr(public_addresses.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(public_addresses, "resolve", allow)


@pytest.fixture
def bring_in(tmp_path: pathlib.Path) -> Callable[[Any, str], imports.Imported]:
    """Import a URL as the model ``alice/imported`` of a world."""

    def bring(world: Any, url: str) -> imports.Imported:
        ref = RepoRef(RepoType.MODEL, RepoId("alice", "imported"))
        return imports.bring_in(world.hub, url, ref, tmp_path / "copy.git", environ=GIT_ENV)

    return bring
