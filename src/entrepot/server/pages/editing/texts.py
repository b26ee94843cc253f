"""Files as texts in a form: what can be edited in a browser without changing anything else, and back to bytes.

Browsers send every end of a line as CR LF. A file keeps its own kind; files that
mix them, or hold what no form gives back unchanged, are not edited here.
"""

from __future__ import annotations

import contextlib
import re

import attrs

from entrepot.errors import EntryNotFound, LimitExceeded, Refused
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import RepoPath, RepoRef

MAX_TEXT = 1 << 20
"""Largest file that can be edited, in bytes."""

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")


@attrs.frozen
class EditedText:
    """A file as a text with LF. ``has_crlf``: its lines end with CR LF."""

    text: str
    has_crlf: bool = False

    def encode(self, text: str) -> bytes:
        """Return the bytes of a new text, with the ends of lines of this one.

        Raises:
            LimitExceeded: there are more than 1 MiB.
        """
        data = text.replace("\n", "\r\n" if self.has_crlf else "\n").encode("utf-8")
        if len(data) > MAX_TEXT:
            raise LimitExceeded("the size of a file that is edited in the browser, in bytes", MAX_TEXT, "upload it")
        return data


def read_text(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> EditedText:
    """Return a file as a text.

    Raises:
        Refused: it cannot be edited in a browser.
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound, EntryNotFound: no access, or no file.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    if located.lfs is not None or located.size > MAX_TEXT:
        raise _refused(path, "it is a large file")
    with contextlib.closing(located.open(hub)) as content:
        return decode(path, content.read_at(0, located.size))


def find_text(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> EditedText | None:
    """Return a file as a text, None if there is no file; otherwise as :func:`read_text`."""
    try:
        return read_text(hub, caller, ref, revision, path)
    except EntryNotFound:
        return None


def exists(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath) -> bool:
    """Return whether there is a file or a folder at a path."""
    return bool(contents.paths_info(hub, caller, ref, revision, [path], with_commits=False))


def decode(path: RepoPath, data: bytes) -> EditedText:
    """Return bytes as a text.

    Raises:
        Refused: a form would change it.
    """
    if b"\0" in data:
        raise _refused(path, "it is not text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(path, "it is not UTF-8") from None
    has_crlf = b"\r\n" in data
    if _BARE_CR.search(data) or (has_crlf and _BARE_LF.search(data)):
        raise _refused(path, "its lines end in different ways")
    return EditedText(text.replace("\r\n", "\n"), has_crlf)


def _refused(path: RepoPath, why: str) -> Refused:
    return Refused(f"{path} cannot be edited in the browser because {why}: upload a new version instead")
