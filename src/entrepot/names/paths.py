"""Paths of files and folders inside a repository."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidPath

RepoPath = NewType("RepoPath", str)
"""A checked path inside a repository: ``/``-separated, relative, never ``pathlib.Path``."""

ROOT = RepoPath("")
"""The root folder of a repository."""

MAX_BYTES = 4096
MAX_SEGMENT_BYTES = 255
MAX_DEPTH = 128

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Names that case-folding or NTFS and HFS+ tricks would turn into ".git" on checkout
# (git's own fsck refuses them: CVE-2014-9390).
_DOT_GIT = re.compile(r"(?:\.git|git~1)[. ]*(?::.*)?", re.IGNORECASE)
_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def parse_path(text: str) -> RepoPath:
    """Read the path of a file.

    Args:
        text: relative, ``/``-separated; at most 4,096 bytes of UTF-8, 128
            levels, 255 bytes a segment.

    Returns:
        The same text, unchanged: nothing is normalised silently.

    Raises:
        InvalidPath: empty, absolute, ends in ``/``, has an empty, ``.``,
            ``..`` or ``.git`` segment (in any disguise git refuses), a control
            character, a lone surrogate, a ``.`` or ``..`` between
            backslashes (``a\\..\\x``), or it begins with a drive letter
            (``C:x``), because a Windows client would write such a file
            outside of its folder.
    """
    if not text:
        raise InvalidPath(text, "it is empty")
    check_extent(text)  # cheap bounds first, so that a path of a megabyte costs nothing
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidPath(text, "it is not valid Unicode") from None
    if _CONTROL.search(text):
        raise InvalidPath(text, "it contains a control character")
    if text[0] in "/\\" or re.match(r"[A-Za-z]:", text):
        raise InvalidPath(text, "it is absolute; use a path relative to the repository")
    for segment in text.split("/"):
        _check_segment(text, segment)
    return RepoPath(text)


def check_extent(path: str) -> None:
    """Refuse a path that is too long or too deep, whatever its names are.

    For paths that come about inside, as when a folder is copied below another.

    Raises:
        InvalidPath: it has more than 4,096 bytes or 128 levels.
    """
    if len(path) > MAX_BYTES or len(path.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidPath(path[:64], f"it is longer than {MAX_BYTES:,} bytes")
    if path.count("/") >= MAX_DEPTH:
        raise InvalidPath(path[:64], f"it is deeper than {MAX_DEPTH} levels")


def parse_folder(text: str) -> RepoPath:
    """Read the path of a folder; ``""`` and ``"/"`` are the root, one trailing ``/`` is allowed.

    Raises:
        InvalidPath: as :func:`parse_path`.
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
        # Windows drops trailing spaces, so ".. " climbs there like "..".
        if part.rstrip(" ") in (".", ".."):
            raise InvalidPath(path, "it has a '.' or '..' that Windows would follow")
