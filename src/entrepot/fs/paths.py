"""Paths of the file system: which repository, at which revision, and where in it.

    entrepot://[models/|datasets/|spaces/]namespace/name[@revision]/path

A revision with slashes is written ``@refs/pr/1``, or with ``%2F``. An id
without a namespace, which the hub looks up, needs a revision: ``gpt2@main/path``.
"""

from __future__ import annotations

import dataclasses
import urllib.parse

from entrepot.errors import InvalidName
from entrepot.names import (
    RepoId,
    RepoPath,
    RepoRef,
    RepoType,
    parse_folder,
    parse_repo_id,
    parse_revision,
    parse_wanted_id,
)

PROTOCOL = "entrepot"

_SYNTAX = "expected entrepot://[datasets/|spaces/]namespace/name[@revision]/path"
_KINDS = {kind.plural: kind for kind in RepoType}


@dataclasses.dataclass(frozen=True)
class FsPath:
    """A path taken apart; ``prefix`` is how its repository and revision were written."""

    ref: RepoRef
    revision: str
    path: RepoPath
    prefix: str

    def name(self, path: str) -> str:
        """The full name of another path in the same revision."""
        return f"{self.prefix}/{path}" if path else self.prefix

    def is_with(self, other: FsPath) -> bool:
        """Whether both can be changed in one commit."""
        return (self.ref.type, self.ref.id.key, self.revision) == (other.ref.type, other.ref.id.key, other.revision)


def strip_protocol(text: str) -> str:
    """A path without ``entrepot://`` and without slashes at its ends."""
    return text.removeprefix(f"{PROTOCOL}://").strip("/")


def parse(text: str) -> FsPath:
    """Take a path apart.

    Raises:
        InvalidName: it names no repository.
        InvalidPath: nothing in a repository can be called so.
        RevisionNotFound: no revision can be called so.
    """
    parts = strip_protocol(text).split("/")
    kind = _KINDS.get(parts[0], RepoType.MODEL)
    at = 1 if parts[0] in _KINDS else 0
    # "gpt2@main/x" has no namespace; "gpt2/x" is a repository called x.
    is_short = len(parts) > at and "@" in parts[at]
    end = at + 1 if is_short else at + 2
    if len(parts) < end:
        raise InvalidName("path", text, _SYNTAX)
    name, has_revision, word = parts[end - 1].partition("@")
    if has_revision and word == "refs" and len(parts) >= end + 2:
        end += 2
        word = "/".join(("refs", *parts[end - 2 : end]))
    revision = parse_revision(urllib.parse.unquote(word)) if has_revision else "main"
    repo: RepoId = parse_wanted_id(name) if is_short else parse_repo_id(f"{parts[at]}/{name}")
    return FsPath(RepoRef(kind, repo), revision, parse_folder("/".join(parts[end:])), "/".join(parts[:end]))
