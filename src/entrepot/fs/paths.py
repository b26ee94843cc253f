"""Paths of the file system, which name a repository, a revision and a path inside it.

    entrepot://[models/|datasets/|spaces/]namespace/name[@revision]/path

A revision with slashes is written ``@refs/pr/1``, or with ``%2F``. An id
without a namespace, which the hub resolves, needs a revision before a path: ``gpt2@main/path``.
"""

from __future__ import annotations

import dataclasses
import urllib.parse

from entrepot.errors import InvalidName
from entrepot.names import (
    VERSIONED_TYPES,
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
_KINDS = {kind.plural: kind for kind in VERSIONED_TYPES}


@dataclasses.dataclass(frozen=True)
class FsPath:
    """A parsed path; ``prefix`` is its repository and revision as written, such that paths can follow."""

    ref: RepoRef
    revision: str
    path: RepoPath
    prefix: str

    def name(self, path: str) -> str:
        """Return the full name of another path in the same revision."""
        return f"{self.prefix}/{path}" if path else self.prefix

    def is_with(self, other: FsPath) -> bool:
        """Return whether both paths belong to the same revision, so that one commit can change both."""
        return (self.ref.type, self.ref.id.key, self.revision) == (other.ref.type, other.ref.id.key, other.revision)


def strip_protocol(text: str) -> str:
    """Remove ``entrepot://`` and leading and trailing slashes."""
    return text.removeprefix(f"{PROTOCOL}://").strip("/")


def parse(text: str) -> FsPath:
    """Parse a path.

    Raises:
        InvalidName: the path does not name a repository.
        InvalidPath: the path inside the repository breaks a rule.
        RevisionNotFound: the revision is not a valid name.
    """
    parts = strip_protocol(text).split("/")
    kind = _KINDS.get(parts[0], RepoType.MODEL)
    at = 1 if parts[0] in _KINDS else 0
    # "gpt2@main/x" has no namespace; "gpt2/x" is the repository x of gpt2.
    is_short = len(parts) > at and ("@" in parts[at] or len(parts) == at + 1)
    end = at + 1 if is_short else at + 2
    if len(parts) < end:
        raise InvalidName("path", text, _SYNTAX)
    name, has_revision, word = parts[end - 1].partition("@")
    if has_revision and word == "refs" and len(parts) >= end + 2:
        end += 2
        word = "/".join(("refs", *parts[end - 2 : end]))
    revision = parse_revision(urllib.parse.unquote(word)) if has_revision else "main"
    repo: RepoId = parse_wanted_id(name) if is_short else parse_repo_id(f"{parts[at]}/{name}")
    prefix = "/".join(parts[:end]) + ("" if has_revision or not is_short else f"@{revision}")
    return FsPath(RepoRef(kind, repo), revision, parse_folder("/".join(parts[end:])), prefix)
