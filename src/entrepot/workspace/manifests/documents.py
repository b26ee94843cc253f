"""Manifests as text: format 2, which is written, and a choice of the reader for what is found.

Format 2 is JSON (and so YAML) with one file a line, in ascending order of paths, so that git compares and
compresses it by lines. A large manifest is divided into parts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from entrepot.errors import LimitExceeded, Malformed
from entrepot.names import RepoPath, is_sha256
from entrepot.workspace.manifests.cids import parse_cid
from entrepot.workspace.manifests.entry_paths import check_paths
from entrepot.workspace.manifests.legacy import parse_legacy
from entrepot.workspace.manifests.values import UNKNOWN_SIZE, Manifest, ManifestEntry

MANIFEST = "MANIFEST.yaml"
PARTS_FOLDER = "MANIFEST.d"
FORMAT = 2
MAX_BYTES = 1 << 29
MAX_WHOLE_FILES = 20_000
"""A manifest of more files is divided into parts."""

ReadPart = Callable[[str], bytes]
"""A function that returns the bytes of a part by its path in the folder of the entity (``MANIFEST.d/….json``)."""

_START = b'{"format":'
_PART = re.compile(r"MANIFEST\.d/([0-9a-f]{16})\.json", re.ASCII)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    files: dict[str, ManifestEntry] | None = None
    parts: list[str] | None = None


_DECODER = msgspec.json.Decoder(_Document)
_ENCODER = msgspec.json.Encoder()


def parse_manifest(text: bytes, read_part: ReadPart) -> Manifest:
    """Return the manifest in the text of a ``MANIFEST.yaml``, of format 2 or of the old format.

    Args:
        read_part: called for each part that the text names.

    Raises:
        Malformed: the text or a part is not a manifest, or describes files that no checkout could write: a path
            that is invalid, listed twice, inside ``.ml-git``, or below another file.
        InvalidName: a content id is not one.
        LimitExceeded: it is longer than 512 MiB.
    """
    _check_length(len(text))
    if not text.startswith(_START):
        try:
            return parse_legacy(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise Malformed("manifest", f"it is not UTF-8: {error.reason} at byte {error.start:,}") from error
    document = _decode(text)
    if document.files is not None and document.parts is None:
        files = _checked(document.files, text)
    elif document.parts is not None and document.files is None:
        files = _join(document.parts, read_part)
    else:
        raise Malformed("manifest", "it has neither files nor parts, or both")
    check_paths(files)
    return Manifest({RepoPath(path): entry for path, entry in files.items()})


def named_parts(text: bytes) -> tuple[str, ...]:
    """Return the paths of the parts that the text of a ``MANIFEST.yaml`` names; raises as :func:`parse_manifest`."""
    return tuple(_decode(text).parts or ()) if text.startswith(_START) else ()


def render_manifest(manifest: Manifest) -> Mapping[str, bytes]:
    """Return the documents of a manifest in format 2 by their paths: ``MANIFEST.yaml``, then its parts.

    Guarantees: equal manifests give equal bytes; a change of one file changes one part.

    Raises:
        Malformed: an entry has no size.
    """
    files = sorted(manifest.files.items())
    if any(entry.size == UNKNOWN_SIZE for _, entry in files):
        raise Malformed("manifest", "the size of a file is unknown; look sizes up before it is written")
    if len(files) <= MAX_WHOLE_FILES:
        return {MANIFEST: _render(files)}
    parts: dict[str, bytes] = {}
    for rows in _divide(files):
        text = _render(rows)
        parts[f"{PARTS_FOLDER}/{hashlib.sha256(text).hexdigest()[:16]}.json"] = text
    names = b",\n".join(_ENCODER.encode(name) for name in parts)
    return {MANIFEST: b'{"format":2,"parts":[\n' + names + b"\n]}\n", **parts}


def _check_length(length: int) -> None:
    if length > MAX_BYTES:
        raise LimitExceeded("the manifest", MAX_BYTES, "divide the entity")


def _decode(text: bytes) -> _Document:
    try:
        document = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("manifest", str(error)) from error
    if document.format != FORMAT:
        raise Malformed("manifest", f"format {document.format} is unknown; a newer version may have written it")
    return document


def _checked(files: dict[str, ManifestEntry], text: bytes) -> dict[str, ManifestEntry]:
    """Return the files if they are valid and in order, each on its own line of the text."""
    before = ""
    for path, entry in files.items():
        if path <= before:
            raise Malformed("manifest", f"the path {path[:100]!r} is out of order: paths are sorted")
        before = path
        if entry.sha256:
            if entry.cid or not is_sha256(entry.sha256):
                raise Malformed("manifest", f"the content of {path[:100]!r} has no valid sha256, or also a content id")
        else:
            parse_cid(entry.cid)
        if entry.size == UNKNOWN_SIZE:
            raise Malformed("manifest", f"the file {path[:100]!r} has no size")
    # A decoder keeps the last of two rows for one path; counting lines and rows finds the other. Inside a string, a
    # quotation mark has a backslash before it, so that no path can look like the middle of a row.
    if text.count(b"\n") != len(files) + 2 or text.count(b'":{"') != len(files):
        raise Malformed("manifest", "a path is listed twice, or a line has more or less than one file")
    return files


def _join(names: list[str], read_part: ReadPart) -> dict[str, ManifestEntry]:
    files: dict[str, ManifestEntry] = {}
    total, last = 0, ""
    for name in names:
        found = _PART.fullmatch(name)
        if found is None:
            raise Malformed("manifest", f"{name[:100]!r} is not the path of a part")
        text = read_part(name)
        total += len(text)
        _check_length(total)
        if not hashlib.sha256(text).hexdigest().startswith(found[1]):
            raise Malformed("manifest", f"the part {name} has other content than its name says")
        part = _decode(text).files
        if not part:
            raise Malformed("manifest", f"the part {name} has no files")
        first = next(iter(_checked(part, text)))
        if first <= last:
            raise Malformed("manifest", f"the part {name} is out of order: parts are sorted")
        files.update(part)
        last = next(reversed(part))
    return files


def _render(files: list[tuple[RepoPath, ManifestEntry]]) -> bytes:
    rows = b",\n".join(_ENCODER.encode(path) + b":" + _ENCODER.encode(entry) for path, entry in files)
    return b'{"format":2,"files":{\n' + (rows + b"\n" if rows else b"") + b"}}\n"


def _divide(files: list[tuple[RepoPath, ManifestEntry]]) -> Iterator[list[tuple[RepoPath, ManifestEntry]]]:
    """Yield parts, each up to a path whose SHA-256 ends in 12 zero bits: one in 4,096, whatever the other paths are."""
    rows: list[tuple[RepoPath, ManifestEntry]] = []
    for path, entry in files:
        rows.append((path, entry))
        digest = hashlib.sha256(path.encode()).digest()
        if digest[-1] == 0 and digest[-2] & 0x0F == 0:
            yield rows
            rows = []
    if rows:
        yield rows
