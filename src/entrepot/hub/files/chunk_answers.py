"""Answers to uploads that ask which chunks are stored: xorbs that the caller has sent, and runs of readable chunks.

Source: docs/protocols/xet.md, section 9.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.files import chunk_access, xorbs
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.repos import repositories
from entrepot.catalog.search import listings
from entrepot.catalog.search.listings import Search
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_rights
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.chunk_runs import RunNames
from entrepot.hub.files.chunks import find_known, find_near_chunk
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import XetHash
from entrepot.xet import AnsweredRun, KnownXorb, dedup_answer

_ANSWER_XORBS = 64
_LATEST_XORBS = 32
_BORROWED_XORBS = 16  # of one other repository: a file of 1 GiB
_SOURCES = 8
_LIFETIME_S = 14 * 86_400  # a week less than xorbs are kept, for uploads that begin late


def find_chunk(hub: HubContext, given: XetToken, chunk: XetHash) -> bytes | None:
    """Return a shard with a chunk and its neighbours, with keyed hashes; None if it is not found."""
    with hub.read() as tx:
        known = find_near_chunk(hub, tx, chunk_rights.viewer_of(hub, tx, given), chunk, _ANSWER_XORBS)
    return _answer(hub, given, known)


def find_latest(hub: HubContext, given: XetToken) -> bytes | None:
    """Return a shard with the chunks of the latest files in the repository of an upload, with keyed hashes; or None.

    A client asks for the first chunk of a file and for one chunk in 1,024. If the
    beginning of a file has changed, it would send megabytes before it asks for a chunk that is stored. While a
    repository has no large file, the files are those of the repositories that changed last among those that the
    caller may list: first of the same owner, then of everyone.
    """
    if not given.may_write:
        return None
    with hub.read() as tx:
        known = _latest(hub, tx, given)
    return _answer(hub, given, known)


def _latest(hub: HubContext, tx: Read, given: XetToken) -> list[KnownXorb]:
    viewer = chunk_rights.viewer_of(hub, tx, given)
    wanted = chunk_access.latest_xorbs(tx, given.repo_id, _LATEST_XORBS)
    if wanted:
        return list(_usable(hub, tx, viewer, wanted).values())
    found: dict[XetHash, KnownXorb] = {}
    for repo_id in _likely_sources(tx, viewer, given):
        # What may not be used takes no place: an answer must not show how much of it there is.
        found |= _usable(hub, tx, viewer, chunk_access.latest_xorbs(tx, repo_id, _BORROWED_XORBS))
        if len(found) >= _LATEST_XORBS:
            break
    return list(found.values())[:_LATEST_XORBS]


def _usable(hub: HubContext, tx: Read, viewer: Viewer, wanted: Sequence[XetHash]) -> dict[XetHash, KnownXorb]:
    rights = ChunkRights(tx, viewer, wanted)
    known = ((xorb, find_known(hub, tx, xorb, rights)) for xorb in wanted)
    return {xorb: item for xorb, item in known if item is not None}


def _likely_sources(tx: Read, viewer: Viewer, given: XetToken) -> list[int]:
    """Return the repositories whose files the first large file of a repository may resemble, the likeliest first."""
    row = repositories.by_id(tx, given.repo_id)
    if row is None:
        return []
    search = Search(row.type, viewer.seen, limit=_SOURCES)
    own = listings.find(tx, attrs.evolve(search, author=row.namespace))
    return list(dict.fromkeys(found.id for found in (*own, *listings.find(tx, search)) if found.id != row.id))


def _answer(hub: HubContext, given: XetToken, known: Sequence[KnownXorb]) -> bytes | None:
    if not known:
        return None
    with hub.write(*(Lock.xorb(item.hash) for item in known)) as tx:
        # A sweep may have run in between, and clients cache the response for weeks.
        touched = xorbs.touch(tx, [item.hash for item in known], hub.now_ms())
    names = RunNames(hub, given)
    runs = [run for item in known if item.hash in touched for run in _runs(item, names)]
    if not runs:
        return None
    # In no order that tells where the chunks lie.
    runs.sort(key=lambda run: run.name)
    now_s = hub.now_ms() // 1000
    return dedup_answer(runs, secrets.token_bytes(32), now_s, now_s + _LIFETIME_S)


def _runs(known: KnownXorb, names: RunNames) -> Iterator[AnsweredRun]:
    if known.is_whole:
        yield AnsweredRun(known.hash, known.index, 0, known.index.count)
        return
    for start, end in known.chunks.runs(known.index.count):
        yield AnsweredRun(names.name(known.hash, start, end), known.index, start, end)
