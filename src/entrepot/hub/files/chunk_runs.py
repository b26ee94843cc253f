"""Names of stored chunks in answers to uploads: each run of chunks that a caller may use is a xorb of its own to them.

The hash of a xorb derives from all of its chunks, and the place of a chunk in it from those before, which may belong to
files that the caller may not read. A run therefore has a name that only the hub can read, with chunk numbers from 0.
Names are made for one holder of tokens and need no storage; shards that use them are translated before they are
checked, and the rights to the chunks are checked then, as for xorbs that are named by their hashes.

Source: docs/protocols/xet.md, section 9.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Generator, Iterable, Iterator, Mapping

import attrs

from entrepot.catalog import Read
from entrepot.catalog.files import xorbs
from entrepot.hub.context import HubContext
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import XetHash
from entrepot.xet import FileBlock, FileBlocks, Shard, Term, Terms, WorkCounter, XorbRun

_PREFIX_BYTES = 12
"""Bytes of the hash of a xorb in a name: to find two xorbs that begin alike takes about 2**48 attempts."""

_PAYLOAD = struct.Struct(f">{_PREFIX_BYTES}sHH")


class RunNames:
    """Makes and reads the names of runs for the holder of a token.

    Guarantees: a name always stands for the same chunks. A name that was altered, invented, or made for another
    holder is read like the hash of a xorb that is not stored.
    """

    def __init__(self, hub: HubContext, given: XetToken) -> None:
        """Use the key of the hub for this holder."""
        self._sealer = hub.signer.sealer("xet-run", given.sender)

    def name(self, xorb: XetHash, start: int, end: int) -> XetHash:
        """Return the name of the chunks ``start`` to ``end`` (exclusive) of a xorb."""
        payload = _PAYLOAD.pack(bytes.fromhex(xorb)[:_PREFIX_BYTES], start, end - start)
        return XetHash(self._sealer.seal(payload).hex())

    def find(self, tx: Read, names: Iterable[XetHash]) -> dict[XetHash, XorbRun]:
        """Return the runs of stored xorbs that have these names; hashes of xorbs and other names are left out."""
        found: dict[XetHash, XorbRun] = {}
        for name in names:
            payload = self._sealer.open(bytes.fromhex(name))
            if payload is None:
                continue
            prefix, start, count = _PAYLOAD.unpack(payload)
            xorb = xorbs.find_by_prefix(tx, prefix.hex())
            if xorb is not None:
                found[name] = XorbRun(xorb, start, start + count)
        return found


@attrs.frozen
class TranslatedShard:
    """A shard whose terms name stored xorbs.

    ``usable``: the xorbs that it may use. ``sent``: what the client called a xorb, where that differs; a name may stand
    for a xorb that is usable as a run only, and then for none.
    """

    shard: Shard
    usable: frozenset[XetHash]
    sent: Mapping[XetHash, XetHash]


def translate(
    shard: Shard, named: Iterable[XetHash], runs: Mapping[XetHash, XorbRun], rights: ChunkRights
) -> Generator[None, None, TranslatedShard]:
    """Return a shard with the terms that use runs as terms of their xorbs; yields after each few thousand terms.

    A xorb counts by its own hash only for those who have sent it, or share it. Others could otherwise find out by
    guessing what else is in it: the hash derives from all chunks. Terms keep their name, which no xorb has, if their
    chunks are outside of the run, or may not be used now.

    Args:
        named: what the shard names.
        runs: those of them that are runs.
        rights: those of the uploader, to the xorbs that the shard names and to those of the runs.
    """
    whole = {name for name in named if rights.is_whole(name)}
    if not runs:
        return TranslatedShard(shard, frozenset(whole), {})
    within = {run.xorb for run in runs.values()} - whole
    guessed = {name: _name_of_none(name) for name in named if name in within}
    files = yield from FileBlocks.collect(_translated_files(shard, runs, guessed, rights))
    xorbs = tuple(attrs.evolve(block, hash=guessed.get(block.hash, block.hash)) for block in shard.xorbs)
    sent = {run.xorb: name for name, run in runs.items() if run.xorb in within}
    sent |= {none: name for name, none in guessed.items()}
    return TranslatedShard(attrs.evolve(shard, files=files, xorbs=xorbs), frozenset(whole | within), sent)


def _name_of_none(name: XetHash) -> XetHash:
    return XetHash(hashlib.sha256(f"no xorb {name}".encode()).hexdigest())


def _translated_files(
    shard: Shard, runs: Mapping[XetHash, XorbRun], guessed: Mapping[XetHash, XetHash], rights: ChunkRights
) -> Iterator[FileBlock | None]:
    """Yield the files of a shard with translated terms, and None after each few thousand terms."""
    others = {*runs, *guessed}
    work = WorkCounter()
    for file in shard.files:
        pieces: list[Terms] = []
        for piece in file.terms.pieces():
            if piece.xorbs().isdisjoint(others):
                pieces.append(piece)
            else:
                pieces.append(Terms.of(_translated(term, runs, guessed, rights) for term in piece))
            if work.is_due(10 + len(piece)):
                yield None
        yield attrs.evolve(file, terms=Terms.joined(pieces))


def _translated(
    term: Term, runs: Mapping[XetHash, XorbRun], guessed: Mapping[XetHash, XetHash], rights: ChunkRights
) -> Term:
    if term.xorb in guessed:
        return attrs.evolve(term, xorb=guessed[term.xorb])
    return _placed(term, runs.get(term.xorb), rights)


def _placed(term: Term, run: XorbRun | None, rights: ChunkRights) -> Term:
    if run is None:
        return term
    start, end = run.start + term.start, run.start + term.end
    if end > run.end or not rights.of(run.xorb).covers(start, end):
        return term
    return Term(run.xorb, start, end, term.unpacked)
