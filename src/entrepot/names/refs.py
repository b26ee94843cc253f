"""Names of branches, tags and pull request refs, and revisions."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidName, RevisionNotFound

RefName = NewType("RefName", str)
"""A full ref name: ``refs/heads/x``, ``refs/tags/x``, ``refs/convert/x`` or ``refs/pr/N``."""

MAIN = RefName("refs/heads/main")

CONVERT = "refs/convert/"
"""The prefix of refs with converted copies, a namespace beside branches."""

PARQUET = RefName("refs/convert/parquet")
"""The ref of a dataset with its splits as Parquet files, which the hub makes."""

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def parse_branch(text: str, *, is_stored: bool = False) -> RefName:
    """Parse a short or full branch name to a full ref name; ``refs/convert/x`` is returned unchanged.

    Args:
        is_stored: the branch exists, and may have a name that is refused for new ones.

    Raises:
        InvalidName: the name breaks git's rules for ref names, or begins with
            ``refs/`` and would shadow another ref or be shadowed.
    """
    prefix = CONVERT if text.startswith(CONVERT) else "refs/heads/"
    return RefName(prefix + _check("branch name", text.removeprefix(prefix), is_stored=is_stored))


def parse_tag(text: str, *, is_stored: bool = False) -> RefName:
    """Parse a short or full tag name to a full ref name.

    Args:
        is_stored: the tag exists, and may have a name that is refused for new ones.

    Raises:
        InvalidName: as for :func:`parse_branch`.
    """
    return RefName("refs/tags/" + _check("tag name", text.removeprefix("refs/tags/"), is_stored=is_stored))


def parse_revision(text: str) -> str:
    """Return a text unchanged if it can be a revision (a branch, tag, ref or id).

    ``~parquet`` is short for ``refs/convert/parquet``, which is returned.

    Raises:
        RevisionNotFound: no revision can have this name.
    """
    if text.startswith("~"):
        text = CONVERT + text[1:]
    if len(text) > 300 or text in ("", CONVERT) or text[0] == "-":
        raise RevisionNotFound(text)
    if _FORBIDDEN.search(text) or not _is_unicode(text):
        raise RevisionNotFound(text)
    return text


def branch_ref(name: str) -> RefName:
    """Return the ref of a branch whose short name was validated before."""
    return RefName(f"refs/heads/{name}")


def tag_ref(name: str) -> RefName:
    """Return the ref of a tag whose short name was validated before."""
    return RefName(f"refs/tags/{name}")


def pull_ref(number: int) -> RefName:
    """Return the ref of pull request ``number``."""
    return RefName(f"refs/pr/{number}")


def short_name(ref: RefName) -> str:
    """Return the name of a ref for people: ``main``, ``v1``, or ``1`` for ``refs/pr/1``."""
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
        raise InvalidName(what, name, "it begins with 'refs/', which is reserved for other refs; omit the prefix")
    if re.fullmatch(r"(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})", name) and not is_stored:
        raise InvalidName(what, name, "it looks like a commit id, which always means that commit")
    if not _is_unicode(name):
        raise InvalidName(what, name, "it is not valid Unicode")
    return name


def _is_unicode(text: str) -> bool:
    """Return whether a text can be encoded as UTF-8: lone surrogates cannot."""
    return not _SURROGATE.search(text)
