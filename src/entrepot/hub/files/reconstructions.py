"""Reconstructions: how the holder of a Xet token reads a range of a file that is stored as chunks.

A file is read in parts (:mod:`entrepot.xet.file_parts`). Names, sizes and links of them derive from the file alone:
xorbs also hold chunks of files that a reader may not read, so neither their hashes nor any place in them is given out.
A caller may get URLs of the bucket, which name both, only if they may read every chunk of the xorbs.

Source: docs/protocols/xet.md, sections 7.2, 7.3 and 11.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable, Mapping

import attrs

from entrepot.blobs import DirectReads
from entrepot.catalog import Read
from entrepot.catalog.files import bucket_rights, file_links, xet_files
from entrepot.catalog.files.file_links import LinkUser
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidSignature, ThingNotFound
from entrepot.hub import capabilities
from entrepot.hub.capabilities import Capability
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_rights, flagged_files, xet_tokens
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.chunks import intact_terms, link_user
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.signing import Sealer
from entrepot.names import XetFileId, XetHash
from entrepot.storage import chunk_content
from entrepot.storage.chunk_content import StoredXorb
from entrepot.storage.contents import Content
from entrepot.storage.joined_ranges import JoinedRanges, StoredRange
from entrepot.xet import FilePart, Plan, Terms, XorbIndex, plan, plan_parts, runs_of, serialised_range

DIRECT_S = 900
"""How long a client may read from the bucket without asking the hub again, in seconds."""

_PURPOSE = "xet-data"
_FIELD = "part"
_PAYLOAD = struct.Struct(">20sQI8s")


@attrs.frozen
class LinkedPart:
    """A part of a file, with a path and its signed query that serve it.

    ``name``: always the same for the same chunks; ``count``: chunks; ``unpacked``: their length in the file;
    ``size``: bytes behind the link.
    """

    name: XetHash
    count: int
    unpacked: int
    size: int
    query: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path of the link."""
        return _path(self.name)


@attrs.frozen
class LinkedParts:
    """Parts of a file, of which the first ``skip`` bytes are dropped and ``length`` bytes kept."""

    skip: int
    length: int
    parts: tuple[LinkedPart, ...]


@attrs.frozen
class DirectPlan:
    """A plan by xorbs, and a URL of the bucket for each xorb and first byte in it."""

    plan: Plan
    urls: Mapping[tuple[XetHash, int], str] = attrs.field(repr=False)


def reconstruct(hub: HubContext, given: XetToken, file: XetHash, first: int, last: int | None) -> LinkedParts:
    """Return the parts of a file with a range of its bytes, each with a link for the holder of the token.

    Args:
        last: inclusive; None is the end.

    Raises:
        ThingNotFound: the repository of the token has no such file.
        RangeNotSatisfiable: the range starts after the end of the file.
        LimitExceeded: the range has too many parts.
        NotAllowed: a scanner has flagged the file.
        XorbDamaged: chunks of the file are in quarantine.
    """
    with hub.read() as tx:
        found, terms = _readable(hub, tx, given, file)
        xorbs = _Xorbs(hub, tx)
        planned = plan_parts(terms, xorbs.index, first, _end(terms, first, last))
    linker = _Linker(hub, given, file, found, xorbs)
    return LinkedParts(planned.skip, planned.length, tuple(map(linker.link, planned.parts)))


def reconstruct_directly(
    hub: HubContext, given: XetToken, file: XetHash, first: int, last: int | None
) -> DirectPlan | None:
    """Return a plan whose bytes a client reads from the bucket; None if they pass through the hub.

    They pass through the hub unless the caller may read every chunk of the xorbs. The bucket does not
    ask the hub again, so its URLs are valid for a short time.

    Raises:
        As :func:`reconstruct`.
    """
    blobs = hub.store.blobs
    if not isinstance(blobs, DirectReads):
        return None
    with hub.read() as tx:
        _, terms = _readable(hub, tx, given, file)
        xorbs = _Xorbs(hub, tx)
        planned = plan(terms, xorbs.index, first, _end(terms, first, last))
        viewer = chunk_rights.strict(chunk_rights.viewer_of(hub, tx, given))
        rights = ChunkRights(tx, viewer, [fetch.xorb for fetch in planned.fetches])
    if not all(rights.of(fetch.xorb).covers(0, xorbs.index(fetch.xorb).count) for fetch in planned.fetches):
        return None
    urls: dict[tuple[XetHash, int], str] = {}
    now_s, seconds = hub.now_ms() // 1000, min(hub.settings.url_lifetime_s, DIRECT_S)
    for fetch in planned.fetches:
        for part in fetch.ranges:
            key = xorbs.key(fetch.xorb)
            url = blobs.url_of(key, part.first_byte, part.last_byte, now_s=now_s, seconds=seconds)
            if url is None:
                return None
            urls[fetch.xorb, part.first_byte] = url
    return DirectPlan(planned, urls)


def fetch(hub: HubContext, name: XetHash, query: Mapping[str, str]) -> Content:
    """Return the bytes behind the link of a part.

    Raises:
        InvalidSignature: the link is altered, expired, or for another part, or its chunks were stored in another
            layout since then.
        ThingNotFound, XorbDamaged: its chunks are gone or in quarantine, or the holder of the link may no longer read
            the repository, or it no longer has such a file.
        NotAllowed: a scanner has flagged the file since then.
        BlobMissing: their bytes are lost.
    """
    claim = hub.signer.check(f"{_PURPOSE} {_path(name)}", query, hub.now_ms() // 1000)
    grant = capabilities.of_fields(claim)
    payload = _sealer(hub, grant).open(base64.urlsafe_b64decode(claim.get(_FIELD, "")))
    if payload is None:
        raise InvalidSignature("it names no part of a file")
    file, start, count, layout = _PAYLOAD.unpack(payload)
    with hub.read() as tx:
        row = capabilities.reading_repo(tx, grant, hub.now_ms())
        stored = xet_files.find(tx, XetFileId(file.hex()))
        if row is None or stored is None or not _is_there(hub, tx, row, grant, stored.hash):
            raise ThingNotFound("part of a file", name)
        terms, xorbs = Terms(stored.terms), _Xorbs(hub, tx)
        runs = runs_of(terms, start, start + count)
        places = [serialised_range(xorbs.index(run.xorb), run) for run in runs]
    keys = [xorbs.key(run.xorb) for run in runs]
    if layout != _layout(keys):
        raise InvalidSignature("its chunks have been stored again")
    ranges = [StoredRange(key, offset, length) for key, (offset, length) in zip(keys, places, strict=True)]
    return JoinedRanges(hub.store.blobs, ranges)


def _readable(hub: HubContext, tx: Read, given: XetToken, file: XetHash) -> tuple[XetFileId, Terms]:
    """Return the chunks of a file that the holder of a token may read; errors as :func:`reconstruct`."""
    row = repositories.by_id(tx, given.repo_id)
    found = None if row is None else _find_readable(hub, tx, row, link_user(given), file)
    if row is None or found is None:
        raise ThingNotFound("file", file)
    _check_served(hub, tx, row, given.grant, file)
    return found, intact_terms(tx, found)


def _is_there(hub: HubContext, tx: Read, row: RepoRow, grant: Capability, file: XetHash) -> bool:
    """Return whether the repository that a link is for still has its file.

    The repository may be another one that has got the same name, or have lost the file.

    Raises:
        NotAllowed: a scanner has flagged the file.
    """
    user = LinkUser(grant.user_id, is_writer=True)  # the link was signed for someone who may read the file
    if _find_readable(hub, tx, row, user, file) is None:
        return False
    _check_served(hub, tx, row, grant, file)
    return True


def _check_served(hub: HubContext, tx: Read, row: RepoRow, grant: Capability, file: XetHash) -> None:
    if flagged_files.hides(hub.settings):
        caller = capabilities.holder(tx, grant, hub.now_ms())
        sha256 = file_links.sha256_of(tx, row.id, file)
        flagged_files.check_served(hub, tx, caller, row, sha256=sha256, xet_hash=file)


def _find_readable(hub: HubContext, tx: Read, row: RepoRow, user: LinkUser, file: XetHash) -> XetFileId | None:
    if row.type.kind.has_commits:
        return xet_files.find_readable(tx, row.id, file, user)
    # A caller with a token continues to read a file that was replaced after the token was issued.
    since_ms = hub.now_ms() - (xet_tokens.LIFETIME_S + xet_tokens.GRACE_S) * 1000
    return bucket_rights.find_readable(tx, row.id, file, is_writer=user.is_writer, since_ms=since_ms)


def _end(terms: Terms, first: int, last: int | None) -> int:
    return max(terms.size - 1 if last is None else last, first)


class _Xorbs:
    """The xorbs of a file, each looked up once while the transaction is open."""

    def __init__(self, hub: HubContext, tx: Read) -> None:
        self._hub, self._tx = hub, tx
        self._found: dict[XetHash, StoredXorb] = {}

    def index(self, xorb: XetHash) -> XorbIndex:
        """Return the index of a xorb; errors as :func:`~entrepot.storage.chunk_content.get_xorb`."""
        if xorb not in self._found:
            self._found[xorb] = chunk_content.get_xorb(self._hub.store, self._tx, xorb)
        return self._found[xorb].index

    def key(self, xorb: XetHash) -> str:
        """Return the key of the bytes of a xorb that was looked up before."""
        return self._found[xorb].key


class _Linker:
    """Makes links to parts of one file for the holder of a token."""

    def __init__(self, hub: HubContext, given: XetToken, file: XetHash, row: XetFileId, xorbs: _Xorbs) -> None:
        self._hub, self._file, self._row, self._xorbs = hub, file, bytes.fromhex(row), xorbs
        self._grant = given.grant.fields()
        self._sealer = _sealer(hub, given.grant)
        expires_s = hub.now_ms() // 1000 + hub.settings.url_lifetime_s
        # Rounded up, so that repeated requests get the same links for some time.
        self._expires_s = expires_s + -expires_s % 600

    def link(self, part: FilePart) -> LinkedPart:
        """Return a part with its link."""
        count = part.end - part.start
        name = _name(self._file, part)
        layout = _layout(self._xorbs.key(run.xorb) for run in part.runs)
        sealed = self._sealer.seal(_PAYLOAD.pack(self._row, part.start, count, layout))
        fields = self._grant | {_FIELD: base64.urlsafe_b64encode(sealed).decode()}
        query = self._hub.signer.sign(f"{_PURPOSE} {_path(name)}", fields, self._expires_s)
        return LinkedPart(name, count, part.unpacked, part.size, query)


def _name(file: XetHash, part: FilePart) -> XetHash:
    """Return the name of a part: the same for the same chunks on every hub, and known to every reader of the file."""
    return XetHash(hashlib.sha256(f"chunks {part.start} to {part.end} of {file}".encode()).hexdigest())


def _path(name: XetHash) -> str:
    return f"/_xet/xorbs/{name}"


def _sealer(hub: HubContext, grant: Capability) -> Sealer:
    """Return the sealer of the payloads of one holder; links of two holders cannot be compared."""
    return hub.signer.sealer("xet-part", *(f"{name}={value}" for name, value in sorted(grant.fields().items())))


def _layout(keys: Iterable[str]) -> bytes:
    """Return a digest of the layouts of the xorbs of a part: their keys change if they are stored in another one."""
    return hashlib.blake2b("\n".join(keys).encode(), digest_size=8).digest()
