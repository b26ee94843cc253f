"""Names of branches, tags and pull-request heads, and revisions."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidName, RevisionNotFound

RefName = NewType("RefName", str)
"""A full ref name: ``refs/heads/x``, ``refs/tags/x``, ``refs/convert/x`` or ``refs/pr/N``."""

MAIN = RefName("refs/heads/main")

CONVERT = "refs/convert/"
"""What the names of converted copies begin with, a namespace of their own beside branches."""

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def parse_branch(text: str, *, is_stored: bool = False) -> RefName:
    """Read a branch name, short or full, as a full ref name; ``refs/convert/x`` stays what it is.

    Args:
        is_stored: the branch exists and may have a name that new ones may not have.

    Raises:
        InvalidName: git's rules for ref names are broken, or the name begins
            with ``refs/``: then it would hide another ref, or be hidden.
    """
    prefix = CONVERT if text.startswith(CONVERT) else "refs/heads/"
    return RefName(prefix + _check("branch name", text.removeprefix(prefix), is_stored=is_stored))


def parse_tag(text: str, *, is_stored: bool = False) -> RefName:
    """Read a tag name, short or full, as a full ref name.

    Args:
        is_stored: the tag exists and may have a name that new ones may not have.

    Raises:
        InvalidName: as for :func:`parse_branch`.
    """
    return RefName("refs/tags/" + _check("tag name", text.removeprefix("refs/tags/"), is_stored=is_stored))


def parse_revision(text: str) -> str:
    """Check that text could name a commit (branch, tag, ref or id) at all.

    ``~parquet`` is short for ``refs/convert/parquet``, and returned in full.

    Raises:
        RevisionNotFound: no revision can have this name, so none has it.
    """
    if text.startswith("~"):
        text = CONVERT + text[1:]
    if len(text) > 300 or text in ("", CONVERT) or text[0] == "-":
        raise RevisionNotFound(text)
    if _FORBIDDEN.search(text) or not _is_unicode(text):
        raise RevisionNotFound(text)
    return text


def branch_ref(name: str) -> RefName:
    """The ref of a branch whose short name was checked before."""
    return RefName(f"refs/heads/{name}")


def tag_ref(name: str) -> RefName:
    """The ref of a tag whose short name was checked before."""
    return RefName(f"refs/tags/{name}")


def pull_ref(number: int) -> RefName:
    """The ref of pull request ``number``."""
    return RefName(f"refs/pr/{number}")


def short_name(ref: RefName) -> str:
    """What people call the ref: ``main``, ``v1``, or ``1`` of ``refs/pr/1``."""
    return ref.split("/", 2)[2]


def _check(what: str, name: str, *, is_stored: bool) -> str:
    """Apply the rules of ``git check-ref-format``.

    Source: git, Documentation/git-check-ref-format.adoc.
    """
    if not name or len(name.encode("utf-8", "replace")) > 200:
        raise InvalidName(what, name, "use 1 to 200 bytes")
    if _FORBIDDEN.search(name) or name[0] in "-./" or name[-1] in "./" or name in ("@", "HEAD"):
        raise InvalidName(
            what,
            name,
            "no spaces, control characters, '~', '^', ':', '?', '*', '[', '\\', '..', '@{', no leading "
            "'-', '.' or '/', no trailing '.', '/' or '.lock'",
        )
    if name.startswith("refs/") and not is_stored:
        raise InvalidName(what, name, "it begins with 'refs/', and such names belong to other refs; leave that out")
    if re.fullmatch(r"(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})", name) and not is_stored:
        raise InvalidName(what, name, "it looks like a commit id, and a commit id means one commit for ever")
    if not _is_unicode(name):
        raise InvalidName(what, name, "it is not valid Unicode")
    return name


def _is_unicode(text: str) -> bool:
    """Whether text can be stored as UTF-8: a lone surrogate can not."""
    return not _SURROGATE.search(text)
