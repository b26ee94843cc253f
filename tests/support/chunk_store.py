"""A chunk store behind a real server, and hand-built uploads that can also be invalid."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import itertools
import time
from array import array
from urllib.parse import urlsplit

import attrs
import httpx2

from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.scopes import READ, WRITE, RequestedScope
from entrepot.names import RepoPath, RepoRef, RepoType, Sha256, parse_repo_id
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
    range_hash,
)

_NUMBERS = itertools.count(1)


_CHUNK = 50_000


_TABLES = ("xorbs", "xorb_realms", "xet_files", "xet_file_xorbs", "xet_claims", "dedup_chunks", "shard_xorbs")


@attrs.define
class Clock:
    """The hub's clock; tests can advance it."""

    ahead_s: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_s * 1000


@attrs.frozen
class Upload:
    """A file in one xorb, as a correct client sends it."""

    content: bytes
    xorb: Xorb
    block: FileBlock
    listed: XorbBlock

    @property
    def file(self) -> str:
        return self.block.hash

    def shard(self, *files: FileBlock, xorbs: tuple[XorbBlock, ...] | None = None) -> bytes:
        """Return the shard that registers the file, or these files instead."""
        return encode_shard(Shard(files or (self.block,), (self.listed,) if xorbs is None else xorbs))


def upload_of(content: bytes) -> Upload:
    builder = XorbBuilder()
    for at in range(0, len(content), _CHUNK):
        piece = content[at : at + _CHUNK]
        builder.add(piece, chunk_hash(piece))
    xorb = builder.finish()
    block = file_of([Term(xorb.hash, 0, xorb.index.count, xorb.index.raw_size)], xorb, content)
    return Upload(content, xorb, block, XorbBlock(xorb.hash, xorb.index.hashes, array("I", xorb.index.raw_ends), 0))


def file_of(terms: list[Term], xorb: Xorb, content: bytes) -> FileBlock:
    """Return the file block for these terms of one xorb."""
    index = xorb.index
    hashes = [index.chunk_hashes(term.start, term.end) for term in terms]
    lengths = [int(length) for term in terms for length in index.lengths(term.start, term.end)]
    sha256 = Sha256(hashlib.sha256(content).hexdigest())
    return FileBlock(file_hash(b"".join(hashes), lengths), Terms.of(terms), b"".join(map(range_hash, hashes)), sha256)


@attrs.frozen
class XetAccess:
    """An access token of the chunk store, and the store."""

    cas_url: str
    secret: str

    def client(self, secret: str | None = None) -> httpx2.Client:
        headers = {"authorization": f"Bearer {secret or self.secret}"}
        return httpx2.Client(base_url=self.cas_url, headers=headers, trust_env=False, timeout=240)


@attrs.frozen
class Store:
    """A running hub; alice and bob can write to their own repositories."""

    hub: HubContext
    url: str
    clock: Clock
    tokens: dict[str, str]

    def new_repo(self, owner: str = "alice") -> str:
        """Create a repository and return its id."""
        name = f"r{next(_NUMBERS)}"
        repositories.create(self.hub, self.hub.identify(self.tokens[owner]), NewRepo(RepoType.MODEL, name))
        return f"{owner}/{name}"

    def give(self, repo: str, verb: str = "write", token: str | None = None) -> XetAccess:
        """Request an access token for a repository as its owner."""
        headers = {"authorization": f"Bearer {token or self.tokens[repo.partition('/')[0]]}"}
        url = f"{self.url}/api/models/{repo}/xet-{verb}-token/main"
        answer = httpx2.get(url, headers=headers, trust_env=False).raise_for_status().json()
        return XetAccess(answer["casUrl"], answer["accessToken"])

    def anonymous(self, repo: str) -> XetAccess:
        """Request an access token for reading a public repository, without credentials."""
        url = f"{self.url}/api/models/{repo}/xet-read-token/main"
        answer = httpx2.get(url, trust_env=False).raise_for_status().json()
        return XetAccess(answer["casUrl"], answer["accessToken"])

    def fine_grained(self, owner: str, repo: str) -> str:
        """Create a fine-grained token that can read and write one repository."""
        wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("model", repo, [READ, WRITE])])
        return tokens.create_for(self.hub, owner, wish)[0].secret

    def commit(self, repo: str, path: str, sha256: Sha256 | None) -> None:
        """Commit a large file that has been uploaded."""
        assert sha256 is not None
        ref, owner = RepoRef(RepoType.MODEL, parse_repo_id(repo)), repo.partition("/")[0]
        draft = CommitDraft("add", [AddLarge(RepoPath(path), sha256, None)])
        commits.create(self.hub, self.hub.identify(self.tokens[owner]), ref, "main", draft)

    def make_private(self, repo: str) -> None:
        """Make a repository private."""
        ref, owner = RepoRef(RepoType.MODEL, parse_repo_id(repo)), repo.partition("/")[0]
        repositories.configure(self.hub, self.hub.identify(self.tokens[owner]), ref, RepoChanges(visibility="private"))

    def client(self, repo: str, verb: str = "write") -> httpx2.Client:
        """Return a client with an access token for a repository."""
        return self.give(repo, verb).client()

    def announce(self, repo: str, path: str, size: int) -> int:
        """Return the status of a request that announces a body of this size and never sends it."""
        held = self.give(repo)
        url = urlsplit(held.cas_url + path)
        connection = http.client.HTTPConnection(str(url.hostname), url.port or 0, timeout=240)
        headers = {"Authorization": f"Bearer {held.secret}", "Content-Length": str(size)}
        with contextlib.closing(connection):
            connection.putrequest("POST", url.path)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            return connection.getresponse().status

    def upload(self, repo: str, content: bytes) -> Upload:
        """Store a file in the chunk store and in this repository."""
        upload = upload_of(content)
        with self.client(repo) as client:
            client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data).raise_for_status()
            client.post("/v1/shards", content=upload.shard()).raise_for_status()
        return upload

    def state(self) -> tuple[list[str], dict[str, int]]:
        """Return all stored blobs, and the number of rows in each chunk table."""
        folder = self.hub.settings.data / "blobs"
        files = sorted(str(path) for path in folder.rglob("*") if path.is_file() and "incoming" not in path.parts)
        with self.hub.read() as tx:
            return files, {
                table: tx.sql.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in _TABLES
            }

    def incoming(self) -> list[str]:
        """Return the uploads in progress."""
        folder = self.hub.settings.data / "blobs" / "incoming"
        return sorted(str(path) for path in folder.rglob("*") if path.is_file())
