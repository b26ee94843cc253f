"""A client of the chunk store that calls `hub` without HTTP."""

from __future__ import annotations

import hashlib
import os
import random
import struct
from array import array
from collections.abc import Sequence

import attrs

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files import chunks, xet_tokens
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.repos import contents
from entrepot.names import RepoPath, RepoRef, Sha256, XetFileId, XetHash
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
from tests.support.hub_work import register_shard
from tests.support.worlds import World


@attrs.define
class Sender:
    """A client of the chunk store that can also send invalid data; its chunks can have any length."""

    world: World

    def chunks(self, seed: object, count: int = 4, length: int = 1000) -> list[bytes]:
        """Return compressible chunks that no other test uses."""
        draw = random.Random(str(seed))
        return [draw.randbytes(length // 4) * 4 for _ in range(count)]

    def xorb(self, pieces: Sequence[bytes]) -> Xorb:
        builder = XorbBuilder()
        for piece in pieces:
            builder.add(piece, chunk_hash(piece))
        return builder.finish()

    def uncompressed(self, pieces: Sequence[bytes]) -> Xorb:
        """Return a xorb of the same chunks, stored uncompressed."""
        data = b"".join(struct.pack("<II", len(piece) << 8, len(piece) << 8) + piece for piece in pieces)
        name = self.xorb(pieces).hash
        return Xorb(name, data, parse_xorb(data, name))

    def give(self, ref: RepoRef, by: MaybeCaller = None) -> XetToken:
        issued = xet_tokens.issue_write(self.world.hub, by or self.world.caller(ref.id.namespace), ref)
        return xet_tokens.check(self.world.hub, issued.secret, issued.store)

    def give_read(self, ref: RepoRef, by: MaybeCaller = None) -> XetToken:
        issued = xet_tokens.issue_read(self.world.hub, by or self.world.caller(ref.id.namespace), ref, None)
        return xet_tokens.check(self.world.hub, issued.secret, issued.store)

    def send(self, given: XetToken, xorb: Xorb) -> bool:
        """Upload a xorb; return whether it was new."""
        receiving = chunks.receive_xorb(self.world.hub, given, xorb.hash, len(xorb.data))
        try:
            receiving.write(xorb.data)
            return receiving.finish()
        finally:
            receiving.discard()

    def block(self, parts: Sequence[tuple[Xorb, int, int]], sha256: str | None = None) -> FileBlock:
        """Return a file block of these chunk ranges, with its verification hashes."""
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
        register_shard(self.world.hub, given, encode_shard(shard))

    def upload(
        self, ref: RepoRef, pieces: Sequence[bytes], *, sha256: str | None = None, by: MaybeCaller = None
    ) -> tuple[XetHash, Sha256]:
        """Upload a file in a separate xorb, with its real SHA-256 or the given one."""
        given, xorb = self.give(ref, by), self.xorb(pieces)
        self.send(given, xorb)
        claimed = Sha256(sha256 or hashlib.sha256(b"".join(pieces)).hexdigest())
        block = self.block([(xorb, 0, xorb.index.count)], claimed)
        self.register(given, [block], [xorb])
        return block.hash, claimed

    def add(
        self, ref: RepoRef, path: str, pieces: Sequence[bytes], *, sha256: str | None = None, by: MaybeCaller = None
    ) -> tuple[XetHash, Sha256]:
        """Upload a file as :meth:`upload` does, and commit it."""
        file, claimed = self.upload(ref, pieces, sha256=sha256, by=by)
        self.world.commit(ref, AddLarge(RepoPath(path), claimed, None), by=by)
        return file, claimed

    def hash_at(self, ref: RepoRef, path: str) -> XetHash | None:
        """Return the Xet hash of a path, after checking that all responses agree on it."""
        hub, root = self.world.hub, self.world.caller("root")
        located = contents.locate(hub, root, ref, "main", RepoPath(path)).xet_hash
        [described] = contents.paths_info(hub, root, ref, "main", [RepoPath(path)], with_commits=False)
        assert described.listed.xet_hash == located
        return located

    def known_hash_at(self, ref: RepoRef, path: str) -> XetHash:
        """Return the Xet hash of a path that must have one."""
        found = self.hash_at(ref, path)
        assert found is not None
        return found

    def file_at(self, ref: RepoRef, path: str) -> XetFileId:
        """Return the id of the stored chunks that a repository uses at a path."""
        located = contents.locate(self.world.hub, self.world.caller("root"), ref, "main", RepoPath(path))
        assert located.file is not None
        return located.file

    def stored(self) -> list[str]:
        """Return the keys of all stored xorbs."""
        return sorted(stat.key for stat in self.world.hub.store.blobs.list("xorbs/"))

    def spoil(self, key: str, at: int = -1) -> None:
        """Flip a bit of a stored blob, by default in the last byte, which belongs to the data of a chunk."""
        path = self.world.blob_path(key)
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)

    def age(self, key: str) -> None:
        """Set the modification time of a stored blob to 1970."""
        os.utime(self.world.blob_path(key), (1, 1))
