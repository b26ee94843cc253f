"""Shards: the files of an upload, recorded after recomputing everything that the client states.

The sha256 of a file is a claim: it applies only in the repository of the Xet token until a job has verified it.
Source: docs/protocols/xet.md, sections 7 to 9.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import bucket_files, bucket_rights, file_links, linked_forms, xet_files, xorbs
from entrepot.catalog.files.bucket_rights import BucketRight
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.linked_forms import LinkedForm
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.jobs import jobs
from entrepot.catalog.lists import slices
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    ContentMismatch,
    LimitExceeded,
    RepoNotFound,
    XorbMissing,
)
from entrepot.hub.accounts import quotas
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_rights, unpublished, xet_tokens
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.chunk_runs import RunNames, TranslatedShard, translate
from entrepot.hub.files.chunks import find_intact, link_user
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import Sha256, Uid, XetFileId, XetHash, new_uid
from entrepot.storage import chunk_content
from entrepot.storage.chunk_content import StoredXorb
from entrepot.xet import (
    HASH_BYTES,
    FileBlock,
    Shard,
    UsableXorb,
    XorbBlock,
    XorbRun,
    check_steps,
    eligible_chunks,
    named_xorbs,
    named_xorbs_steps,
    parse_steps,
    read_hash,
)

MAX_SHARD_BODY = 80 << 20
"""Maximum size of a shard in bytes."""

MAX_HASHED_FREELY = 2 << 30
MAX_REPEATS = 4
"""Limits of what is hashed for one shard: the first number of bytes, and in addition the content of the xorbs that
it names, as many times as the second number."""

_PIECE = 8 << 20

_FILES_A_STEP = 2_000
_NAMES_A_STEP = 1_000

_PART = 4_000
"""About how many rows one transaction records: while it does, a hub with SQLite writes nothing else."""


def register_steps(hub: HubContext, given: XetToken, data: bytes) -> Generator[None, None, None]:
    """Record the files of a shard after recomputing everything that it states; none of them if something is false.

    Yields after every few megabytes of content, every xorb and every few thousand rows, so that a long shard can take
    turns with others. A long one is recorded in parts; those before a failure stay, and the client sends it again.

    Raises:
        NotAllowed: the token is for reading.
        RepoNotFound: its repository was deleted.
        Malformed, ContentMismatch, LimitExceeded, XorbMissing: a statement in it is false.
        XorbDamaged: it uses a xorb that is in quarantine.
        QuotaExceeded: the files exceed the quota of the repository's namespace.
        Busy: it uses a xorb whose bytes are being replaced or deleted.
    """
    xet_tokens.require_write(given)
    if len(data) > MAX_SHARD_BODY:
        raise LimitExceeded("the shard", MAX_SHARD_BODY)
    shard = yield from parse_steps(data)
    sent: dict[XetHash, None] = {}
    yield from named_xorbs_steps(shard, sent)
    yield from _check_room(hub, given, shard)
    with hub.read() as tx:
        viewer = chunk_rights.viewer_of(hub, tx, given)
    runs, names, rights = dict[XetHash, XorbRun](), RunNames(hub, given), ChunkRights()
    for batch in slices(list(sent), _NAMES_A_STEP):
        with hub.read() as tx:
            found = names.find(tx, batch)
            rights.add(tx, viewer, list({*batch, *(run.xorb for run in found.values())}))
        runs |= found
        yield
    translated = yield from translate(shard, sent, runs, rights)
    try:
        yield from _register(hub, given, _ReceivedShard(translated, viewer, rights))
    except XorbMissing as error:
        raise XorbMissing(translated.sent.get(XetHash(error.xorb), error.xorb), error.where) from None


@attrs.frozen
class _ReceivedShard:
    """A translated shard, its sender, and the sender's rights when it arrived, which are compared for each part."""

    translated: TranslatedShard
    viewer: Viewer
    rights: ChunkRights


def _register(hub: HubContext, given: XetToken, received: _ReceivedShard) -> Generator[None, None, None]:
    translated, shard = received.translated, received.translated.shard
    sizes: dict[XetHash, int] = {}

    def find(xorb: XetHash) -> UsableXorb | None:
        if xorb not in translated.usable:
            return None
        usable = received.rights.of(xorb)
        with hub.read() as tx:
            stored = chunk_content.find_xorb(hub.store, tx, xorb)
        if stored is None:
            return None
        sizes[xorb] = stored.index.raw_size
        return UsableXorb(stored.index, usable)

    try:
        yield from check_steps(shard, find)
    except XorbMissing:
        with hub.write(Lock.hub()) as tx:
            xet_tokens.forget_known(tx, given.sender)
        raise
    if given.is_proposal:
        yield from _check_digests(hub, given, shard, sum(sizes.values()))
    is_proven, uid = (yield from _is_proven(hub, received)), new_uid()
    for part in _parts(shard):
        _record(hub, given, part, uid, received, is_proven=is_proven)
        yield


def _check_room(hub: HubContext, given: XetToken, shard: Shard) -> Generator[None, None, None]:
    """Raise if the files exceed the quota of the namespace, before they are verified."""
    sizes: dict[Sha256, int] = {}
    # Clients may leave the sha256 out, and do so for buckets.
    unnamed: dict[XetHash, int] = {}
    for number, file in enumerate(shard.files, start=1):
        if file.sha256 is not None:
            sizes[file.sha256] = file.terms.size
        else:
            unnamed[file.hash] = file.terms.size
        if number % _FILES_A_STEP == 0:
            yield
    with hub.read() as tx:
        row = repositories.by_id(tx, given.repo_id)
        if row is None:
            raise RepoNotFound
        quota = quotas.allowance(hub, tx, row)
    for size in (*sizes.values(), *unnamed.values()):
        quota.check_file("a file", size)
    new, user = 0, link_user(given)
    for digests in slices(list(sizes), _FILES_A_STEP):
        with hub.read() as tx:
            there = file_links.usable(tx, row.id, digests, user)
        new += sum(sizes[sha256] for sha256 in digests if sha256 not in there)
        yield
    for hashes in slices(list(unnamed), _FILES_A_STEP):
        with hub.read() as tx:
            known = bucket_files.by_hash(tx, row.id, hashes)
        new += sum(unnamed[xet_hash] for xet_hash in hashes if xet_hash not in known)
        yield
    with hub.read() as tx:
        unpublished.check_files(hub, tx, row, given.user_id, new)


def _is_proven(hub: HubContext, received: _ReceivedShard) -> Generator[None, None, bool]:
    """Return whether the viewer has sent or may read every chunk of the files, regardless of ``dedup_scope``."""
    strict, shard = chunk_rights.strict(received.viewer), received.translated.shard
    if received.viewer == strict:
        return True
    named: dict[XetHash, None] = {}
    yield from named_xorbs_steps(shard, named)
    rights = ChunkRights()
    for batch in slices(list(named), _NAMES_A_STEP):
        with hub.read() as tx:
            rights.add(tx, strict, batch)
        yield
    chunks = functools.cache(rights.of)
    for file in shard.files:
        for piece in file.terms.pieces():
            if not all(chunks(term.xorb).covers(term.start, term.end) for term in piece):
                return False
            yield
    return True


def _parts(shard: Shard) -> Iterator[Shard]:
    """Yield the files of a shard and the xorbs that it lists, in parts of about :data:`_PART` rows; at least one."""
    # Each xorb once: repetitions of one that is correct say nothing new.
    items = itertools.chain[FileBlock | XorbBlock](shard.files, {block.hash: block for block in shard.xorbs}.values())
    files: list[FileBlock] = []
    listed: list[XorbBlock] = []
    rows = 0
    for item in items:
        size = 1 + (len(item.terms) if isinstance(item, FileBlock) else len(item.flagged) + len(item.raw_ends) // 256)
        if rows and rows + size > _PART:
            yield Shard(tuple(files), tuple(listed))
            files, listed, rows = [], [], 0
        if isinstance(item, FileBlock):
            files.append(item)
        else:
            listed.append(item)
        rows += size
    yield Shard(tuple(files), tuple(listed))


def _record(
    hub: HubContext, given: XetToken, shard: Shard, uid: Uid, received: _ReceivedShard, *, is_proven: bool
) -> None:
    now, named = hub.now_ms(), named_xorbs(shard)
    rows = {file.hash: XetFileRow.of(file.hash, file.terms.size, file.terms.encode()) for file in shard.files}
    used = [(rows[file.hash], file.terms.used()) for file in {file.hash: file for file in shard.files}.values()]
    chunks = _findable(hub, shard)
    claims = [
        Claim(file.sha256, rows[file.hash].id, file.hash, file.terms.size, is_proven)
        for file in shard.files
        if file.sha256 is not None
    ]
    chunked = {*named, *rows, *(xorb for _, xorb, _ in chunks), *(block.hash for block in shard.xorbs)}
    proven = [file.sha256 for file in shard.files if file.sha256 is not None] if given.is_proposal else []
    locks = (Lock.repo(given.repo_id), *map(Lock.file, proven), *map(Lock.xorb, chunked))
    with hub.write(*locks) as tx:
        repo = xet_tokens.recheck(hub, tx, given)
        _recheck(hub, tx, given, shard, named, received)
        for xorb in named:
            if not xorbs.use(tx, xorb, None, now):
                raise XorbMissing(xorb, "it was deleted in the meantime")
        unpublished.account_for(tx, repo, given.user_id, shard, named)
        xet_files.put_many(tx, used, now)
        if not repo.type.kind.has_commits:
            bucket_rights.grant(tx, repo.id, [BucketRight(row.hash, row.id) for row, _ in used], now)
            bucket_files.mend(tx, repo.id, {row.hash: row.id for row, _ in used})
        else:
            _claim(hub, tx, given, repo, claims, {row.hash: row.id for row in rows.values()})
        xorbs.remember_chunks(tx, uid, chunks)
        xorbs.remember_group(tx, uid, [block.hash for block in shard.xorbs])


def _recheck(
    hub: HubContext, tx: Read, given: XetToken, shard: Shard, named: Sequence[XetHash], received: _ReceivedShard
) -> None:
    """Raise if the sender has lost the right to a chunk of this part since the shard arrived.

    Raises:
        XorbMissing: as if they never had it.
    """
    rights = ChunkRights(tx, chunk_rights.viewer_of(hub, tx, given), named)
    left = {xorb: rights.of(xorb) for xorb in received.rights.lost(rights, named)}
    if not left:
        return
    for file in shard.files:
        for number, term in enumerate(file.terms):
            if term.xorb in left and not left[term.xorb].covers(term.start, term.end):
                raise XorbMissing(term.xorb, f"term {number} of the file {file.hash}")
    for block in shard.xorbs:
        if block.hash in left and not left[block.hash].covers(0, len(block.raw_ends)):
            raise XorbMissing(block.hash, "the list of new xorbs")


def _claim(
    hub: HubContext,
    tx: Write,
    given: XetToken,
    repo: RepoRow,
    claims: Sequence[Claim],
    rows: Mapping[XetHash, XetFileId],
) -> None:
    """Record the claims of an uploader about files of a repository, for its commits."""
    now, key = hub.now_ms(), f"verify:{given.repo_id}"
    linked_forms.mend(tx, given.repo_id, rows)
    if given.is_proposal:
        forms = {claim.sha256: LinkedForm(claim.size, claim.file, claim.hash) for claim in claims}
        there = file_links.usable(tx, given.repo_id, list(forms))
        new = sum(form.size for sha256, form in forms.items() if sha256 not in there)
        quotas.allowance(hub, tx, repo).spend(new, tx)
        file_links.link_forms(tx, given.repo_id, forms, given.user_id, now)
    elif given.user_id is not None:
        xet_files.claim(tx, given.repo_id, claims, given.user_id, now)
    jobs.enqueue(tx, "verify", {"repo": given.repo_id}, now, dedup_key=key, delay_ms=60_000)


def _check_digests(hub: HubContext, given: XetToken, shard: Shard, stored: int) -> Generator[None, None, None]:
    """Compute the sha256 of all files of a shard: claims of callers who may only propose changes are not trusted.

    A claim applies in its whole repository, so a false one would affect files
    that others commit under the same sha256.

    Args:
        stored: size of the content of all xorbs that the files use; files that repeat it many times are refused,
            because a few bytes of terms would take hours.

    Raises:
        ContentMismatch: a file has another sha256 than the shard states.
        LimitExceeded: the files repeat their chunks too often.
    """

    def find(xorb: XetHash) -> StoredXorb:
        with hub.read() as tx:
            return chunk_content.get_xorb(hub.store, tx, xorb)

    with hub.read() as tx:
        unknown = {
            (file.hash, file.sha256): file
            for file in shard.files
            if file.sha256 is not None and not linked_forms.is_verified(tx, given.repo_id, file.sha256, file.hash)
        }
    most = MAX_HASHED_FREELY + MAX_REPEATS * stored
    if sum(file.terms.size for file in unknown.values()) > most:
        cure = "send them whole, through LFS (HF_HUB_DISABLE_XET=1), or ask for the right to write"
        raise LimitExceeded("the size of files for a pull request that repeat the same chunks", most, cure)
    for (_, sha256), file in unknown.items():
        digest = hashlib.sha256()
        with contextlib.closing(chunk_content.ChunkedContent(hub.store, file.terms, find)) as content:
            for offset in range(0, content.size, _PIECE):
                digest.update(content.read_at(offset, _PIECE))
                yield
        if digest.hexdigest() != sha256:
            raise ContentMismatch("sha256", sha256, digest.hexdigest())


def _findable(hub: HubContext, shard: Shard) -> list[tuple[XetHash, XetHash, int]]:
    """Return (chunk, xorb, index) of every chunk that clients may look up: the first of each file, and one in 1,024."""
    places: list[tuple[XetHash, XetHash, int]] = []
    with hub.read() as tx:
        for file in shard.files:
            first = next(iter(file.terms), None)
            if first is not None:
                stored = find_intact(hub, tx, first.xorb)
                if stored is None:
                    raise XorbMissing(first.xorb, "it was deleted in the meantime")
                raw = stored.index.chunk_hashes(first.start, first.start + 1)
                places.append((read_hash(raw), first.xorb, first.start))
    for block in shard.xorbs:
        for number in (*eligible_chunks(block.hashes), *block.flagged):
            raw = block.hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)]
            places.append((read_hash(raw), block.hash, number))
    return places
