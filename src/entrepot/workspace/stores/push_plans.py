"""Plans of publications: which packs are sent, and which indexes a reader of the version needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from entrepot.errors import ChunkMissing, ContentDamaged, Malformed
from entrepot.names import Sha256, XetHash
from entrepot.workspace.manifests import Manifest
from entrepot.workspace.stores.chunk_tables import ChunkTable
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.formats.records import MAX_INDEXES
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.known_contents import weigh, weigh_index
from entrepot.workspace.stores.outbox import Outbox
from entrepot.xet import FileBlock, Term, Terms

_SMALL_INDEX = 1 << 20
"""Indexes are not written again to save less than this."""


@attrs.frozen
class PushPlan:
    """The steps of a publication.

    ``sent`` are packs of the outbox, ``relied`` packs that the store has; ``files`` and ``packs`` are the content of
    the new index (both empty: none is needed), ``kept`` the names of the other indexes of the root record.
    """

    sent: tuple[Pack, ...]
    relied: tuple[Pack, ...]
    files: tuple[FileBlock, ...]
    packs: tuple[Pack, ...]
    kept: tuple[str, ...]
    bytes_known: int


def contents_of(manifest: Manifest) -> dict[Sha256, int]:
    """Return the sizes of the contents of a manifest by their SHA-256; contents of the old format are left out."""
    return {Sha256(entry.sha256): entry.size for entry in manifest.files.values() if entry.sha256}


def find_unpacked(contents: Iterable[Sha256], known: Knowledge, outbox: Outbox, local: Knowledge) -> list[Sha256]:
    """Return the contents that neither the store has nor the outbox with all its packs."""
    return [
        sha256
        for sha256 in contents
        if not _is_usable(known.find_file(sha256), known, None, None)
        and not _is_usable(local.find_file(sha256), known, outbox, local)
    ]


def plan_version(contents: Mapping[Sha256, int], known: Knowledge, outbox: Outbox, local: Knowledge) -> PushPlan:
    """Return the plan of a publication.

    Args:
        contents: sizes by SHA-256, of every content of the version.
        known: what the store has.
        local: what the outbox says.

    Raises:
        ChunkMissing: a content is neither in the store nor in the outbox.
        ContentDamaged: an index gives a content another size.
    """
    blocks: dict[Sha256, FileBlock] = {}
    new: set[Sha256] = set()
    for sha256, size in contents.items():
        block = known.find_file(sha256)
        if block is None or not _is_usable(block, known, None, None):
            block = local.find_file(sha256)
            new.add(sha256)
        if block is None or not _is_usable(block, known, outbox, local):
            raise ChunkMissing("the outbox", (f"the content {sha256}",))
        if block.terms.size != size:
            raise ContentDamaged("the index of the outbox", (f"the content {sha256}",))
        blocks[sha256] = block
    sent = _unsent(blocks.values(), known, local)
    used = _used_chunks(blocks.values(), sent) if known.packs else {}
    blocks, sent = _leave_out_known(blocks, sent, used, known, new)
    return _with_indexes(contents, blocks, sent, known, new)


def _is_usable(block: FileBlock | None, known: Knowledge, outbox: Outbox | None, local: Knowledge | None) -> bool:
    if block is None:
        return False
    for xorb in block.terms.xorbs():
        if known.find_pack(xorb) is not None:
            continue
        pack = local.find_pack(xorb) if local else None
        if pack is None or outbox is None or not outbox.has_pack(pack):
            return False
    return True


def _unsent(blocks: Iterable[FileBlock], known: Knowledge, local: Knowledge) -> dict[XetHash, Pack]:
    """Return the packs of the outbox that the store does not have."""
    sent: dict[XetHash, Pack] = {}
    for block in blocks:
        for xorb in block.terms.xorbs():
            if xorb not in sent and known.find_pack(xorb) is None:
                pack = local.find_pack(xorb)
                assert pack is not None  # the block is usable
                sent[xorb] = pack
    return sent


def _used_chunks(blocks: Iterable[FileBlock], packs: Mapping[XetHash, Pack]) -> dict[XetHash, set[int]]:
    used: dict[XetHash, set[int]] = {}
    for block in blocks:
        if packs.keys().isdisjoint(block.terms.xorbs()):
            continue
        for term in block.terms:
            if term.xorb in packs:
                used.setdefault(term.xorb, set()).update(range(term.start, term.end))
    return used


def _leave_out_known(
    blocks: dict[Sha256, FileBlock],
    sent: dict[XetHash, Pack],
    used: Mapping[XetHash, set[int]],
    known: Knowledge,
    new: set[Sha256],
) -> tuple[dict[Sha256, FileBlock], dict[XetHash, Pack]]:
    """Replace packs whose used chunks have all arrived in the store since they were packed."""
    if not known.packs:
        return blocks, sent
    table = ChunkTable(pack for pack, _ in known.packs.values())
    places: dict[XetHash, dict[int, tuple[XetHash, int]]] = {}
    for xorb, pack in sent.items():
        numbers = sorted(used[xorb])
        hashes = b"".join(pack.index.chunk_hashes(number, number + 1) for number in numbers)
        found = table.find(hashes)
        if all(chunk is not None for chunk in found):
            places[xorb] = {
                number: (chunk.pack.hash, chunk.number)
                for number, chunk in zip(numbers, found, strict=True)
                if chunk is not None
            }
    if not places:
        return blocks, sent
    moved = {
        sha256: _moved(block, sent, places)
        for sha256, block in blocks.items()
        if any(term.xorb in places for term in block.terms)
    }
    new.update(moved)
    return {**blocks, **moved}, {xorb: pack for xorb, pack in sent.items() if xorb not in places}


def _moved(
    block: FileBlock, packs: Mapping[XetHash, Pack], places: Mapping[XetHash, Mapping[int, tuple[XetHash, int]]]
) -> FileBlock:
    terms: list[Term] = []
    for term in block.terms:
        if term.xorb not in places:
            terms.append(term)
            continue
        for number in range(term.start, term.end):
            xorb, there = places[term.xorb][number]
            length = packs[term.xorb].index.raw_length(number, number + 1)
            last = terms[-1] if terms else None
            if last is not None and last.xorb == xorb and last.end == there:
                terms[-1] = Term(xorb, last.start, there + 1, last.unpacked + length)
            else:
                terms.append(Term(xorb, there, there + 1, length))
    return FileBlock(block.hash, Terms.of(terms), None, block.sha256)


def _with_indexes(
    contents: Mapping[Sha256, int],
    blocks: Mapping[Sha256, FileBlock],
    sent: Mapping[XetHash, Pack],
    known: Knowledge,
    new: set[Sha256],
) -> PushPlan:
    """Choose between an index of what is new beside older ones, and one of everything."""
    relied: dict[XetHash, Pack] = {}
    names: set[str] = set()
    for sha256, block in blocks.items():
        if sha256 not in new:
            names.add(known.files[sha256][1])
        for xorb in block.terms.xorbs() - sent.keys():
            relied[xorb], name = known.packs[xorb]
            names.add(name)
    fresh_files = tuple(blocks[sha256] for sha256 in contents if sha256 in new)
    needs_index = bool(fresh_files or sent)
    all_packs = (*relied.values(), *sent.values())
    needed = weigh(len(blocks), sum(pack.index.count for pack in all_packs))
    held = sum(weigh_index(index) for name in names if (index := known.indexes.get(name)))
    written = sum(pack.index.raw_length(0, pack.index.count) for pack in sent.values())
    bytes_known = max(0, sum(contents.values()) - written)
    is_fresh = len(names) + needs_index > MAX_INDEXES or held > 2 * needed + _SMALL_INDEX
    if is_fresh:
        return PushPlan(
            tuple(sent.values()), tuple(relied.values()), tuple(blocks.values()), all_packs, (), bytes_known
        )
    return PushPlan(
        tuple(sent.values()),
        tuple(relied.values()),
        fresh_files,
        tuple(sent.values()),
        tuple(sorted(names)),
        bytes_known,
    )


def check_terms(plan: PushPlan) -> None:
    """Check that every term that the new index will have lies within its pack.

    Raises:
        ContentDamaged: the outbox or an index of the store contradicts itself.
    """
    packs = {pack.hash: pack for pack in (*plan.relied, *plan.packs)}
    for block in plan.files:
        for term in block.terms:
            try:
                packs[term.xorb].index.check_range(term.start, term.end)
            except Malformed as error:
                raise ContentDamaged("the index of the outbox", (f"the content {block.sha256}",)) from error
