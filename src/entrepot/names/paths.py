"""Paths of files and folders inside a repository."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidPath

RepoPath = NewType("RepoPath", str)
"""A validated path inside a repository: relative, ``/``-separated, never a ``pathlib.Path``."""

ROOT = RepoPath("")
"""The root folder of a repository."""

MAX_BYTES = 4096
MAX_SEGMENT_BYTES = 255
MAX_DEPTH = 128

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Names that a checkout on a case-insensitive file system, NTFS or HFS+ would turn into ".git"
# (git fsck refuses them: CVE-2014-9390).
_DOT_GIT = re.compile(r"(?:\.git|git~1)[. ]*(?::.*)?", re.IGNORECASE)
# A fast path for most names: no rule concerns these characters.
_ORDINARY = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ ()+,=@.-]{0,250}[A-Za-z0-9_()])?", re.ASCII)
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
# Segments that git cannot store.
_NEVER = frozenset((b"", b".", b"..", b".git"))
_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def parse_path(text: str) -> RepoPath:
    """Parse the path of a file.

    Args:
        text: relative, ``/``-separated; at most 4,096 bytes of UTF-8, 128
            levels, 255 bytes a segment.

    Returns:
        The same text: nothing is normalised.

    Raises:
        InvalidPath: the path is empty, absolute or ends in ``/``; has an empty,
            ``.``, ``..`` or ``.git`` segment (in any spelling that git
            refuses), a control character, a lone surrogate, or a ``.`` or
            ``..`` between backslashes (``a\\..\\x``); or begins with a drive
            (``C:x``), because a Windows client would write such a file
            outside its folder.
    """
    if not text:
        raise InvalidPath(text, "it is empty")
    check_extent(text)  # cheap limits first, so that a path of a megabyte costs nothing
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidPath(text, "it is not valid Unicode") from None
    if _CONTROL.search(text):
        raise InvalidPath(text, "it contains a control character")
    if text[0] in "/\\":
        raise InvalidPath(text, "it is absolute; use a path relative to the repository")
    if text[1:2] == ":":  # Windows takes any character before a colon as a drive
        raise InvalidPath(text, f"it begins with {text[:2]!r}, a drive on Windows")
    for segment in text.split("/"):
        _check_segment(text, segment)
    return RepoPath(text)


def name_fault(name: str, *, is_top: bool) -> str | None:
    """Return the rule that the name of an entry of a git tree breaks, or None.

    The rules are those of :func:`parse_path`, applied to names that come from git
    objects instead of a caller.

    Args:
        name: without slashes; bytes that are not UTF-8 are lone surrogates (PEP 383).
        is_top: the entry is in the root folder.
    """
    if _ORDINARY.fullmatch(name):
        return None
    try:
        parse_path(name if is_top else f"x/{name}")
    except InvalidPath as error:
        return error.rule
    return None


def parse_stored_path(text: str) -> RepoPath:
    """Parse a path of an existing file, whose name new files may no longer have, to delete it.

    Besides the plain path, git's quoted form with octal escapes is accepted for
    names that are not UTF-8: ``"caf\\351.txt"``.

    Raises:
        InvalidPath: no repository can contain it.
    """
    unquoted = _unquote(text)
    for path in (text,) if unquoted is None else (unquoted, text):
        try:
            parse_path(path)
        except InvalidPath:
            check_extent(path)
            raw = path.encode("utf-8", "surrogateescape") if _is_encodable(path) else b""
            if raw and b"\0" not in raw and not _NEVER.intersection(raw.lower().split(b"/")):
                return RepoPath(raw.decode("utf-8", "surrogateescape"))
    return parse_path(text)


def quote_path(path: str) -> str:
    """Return a path as git prints it: quoted, with octal escapes, unless it is plain ASCII."""
    raw = path.encode("utf-8", "surrogateescape")
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in raw):
        return path
    spelled = (_ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}") for byte in raw)
    return '"' + "".join(spelled) + '"'


def _unquote(text: str) -> str | None:
    """Return the path of a quoted form, or None if the text is not one."""
    if len(text) < 3 or not (text[0] == text[-1] == '"') or not text.isascii():
        return None
    if not re.fullmatch(r'(?:[^"\\]|\\(?:[0-3][0-7]{2}|[abtnvfr"\\]))*', text[1:-1]):
        return None
    letters = {escape[1]: byte for byte, escape in _ESCAPES.items()}

    def byte_of(match: re.Match[bytes]) -> bytes:
        word = match[1].decode("ascii")
        return bytes((letters[word] if word in letters else int(word, 8),))

    raw = re.sub(rb"\\([0-3][0-7]{2}|.)", byte_of, text[1:-1].encode("ascii"), flags=re.DOTALL)
    return raw.decode("utf-8", "surrogateescape")


def _is_encodable(path: str) -> bool:
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def check_extent(path: str) -> None:
    """Raise InvalidPath if a path is too long or too deep; its names are not checked.

    For paths that the hub composes, for example when a folder is copied below another.

    Raises:
        InvalidPath: it has more than 4,096 bytes or 128 levels.
    """
    if len(path) > MAX_BYTES or len(path.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidPath(path[:64], f"it is longer than {MAX_BYTES:,} bytes")
    if path.count("/") >= MAX_DEPTH:
        raise InvalidPath(path[:64], f"it is deeper than {MAX_DEPTH} levels")


def parse_folder(text: str) -> RepoPath:
    """Parse the path of a folder; ``""`` and ``"/"`` are the root, one trailing ``/`` is allowed.

    Raises:
        InvalidPath: as for :func:`parse_path`.
    """
    trimmed = text[:-1] if text.endswith("/") else text
    return parse_path(trimmed) if trimmed else ROOT


def _check_segment(path: str, segment: str) -> None:
    if not segment:
        raise InvalidPath(path, "it has an empty segment ('//' or a trailing '/')")
    if segment in (".", ".."):
        raise InvalidPath(path, f"it has the segment {segment!r}")
    if len(segment.encode("utf-8")) > MAX_SEGMENT_BYTES:
        raise InvalidPath(path, f"it has a segment longer than {MAX_SEGMENT_BYTES} bytes")
    for part in segment.split("\\"):
        if _DOT_GIT.fullmatch(_HFS_IGNORED.sub("", part)):
            raise InvalidPath(path, "it has a '.git' segment")
        # Windows drops trailing spaces, so ".. " means ".." there.
        if part.rstrip(" ") in (".", ".."):
            raise InvalidPath(path, "it has a '.' or '..' that Windows would follow")
