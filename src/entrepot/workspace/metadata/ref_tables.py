"""The refs of a metadata repository, read in one call."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.client.git.git_commands import Git
from entrepot.names import Oid

TAGS = "refs/tags/"
UNPUBLISHED = "refs/entrepot/unpublished/"
LOST = "refs/entrepot/lost/"
REMOTE = "refs/remotes/origin/"

_FORMAT = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(objecttype)%00%(*objecttype)"


@attrs.frozen
class TagRef:
    """A tag: the id of the tag object (or of the commit, if it is not annotated), and of its commit."""

    oid: Oid
    commit: Oid


@attrs.frozen
class RefTable:
    """Tags by name: published ones (also those of users), local versions, and local versions whose number is lost.

    Attributes:
        others: names of published tags of trees and files: they are no versions, but their names are taken.
    """

    tags: Mapping[str, TagRef]
    unpublished: Mapping[str, TagRef]
    lost: Mapping[str, TagRef]
    branches: Mapping[str, Oid]
    others: frozenset[str] = frozenset()

    def find(self, tag: str) -> TagRef | None:
        """Return a published or local version, or None."""
        return self.tags.get(tag) or self.unpublished.get(tag)

    def versions(self) -> dict[str, TagRef]:
        """Return published and local versions."""
        return {**self.unpublished, **self.tags}


def read_refs(git: Git) -> RefTable:
    """Return the refs of a repository; tags of anything but commits are listed apart.

    Raises:
        GitFailed: the repository cannot be read.
    """
    others: set[str] = set()
    tables: dict[str, dict[str, TagRef]] = {TAGS: {}, UNPUBLISHED: {}, LOST: {}, REMOTE: {}}
    for line in git.lines("for-each-ref", _FORMAT, "refs/tags", "refs/entrepot", "refs/remotes/origin"):
        name, oid, peeled, kind, peeled_kind = line.split("\0")
        if name.startswith(TAGS) and "commit" not in (kind, peeled_kind):
            others.add(name.removeprefix(TAGS))
        for prefix, table in tables.items():
            if name.startswith(prefix) and "commit" in (kind, peeled_kind):
                table[name.removeprefix(prefix)] = TagRef(Oid(oid), Oid(peeled or oid))
    branches = {name: ref.commit for name, ref in tables[REMOTE].items() if name != "HEAD"}
    return RefTable(tables[TAGS], tables[UNPUBLISHED], tables[LOST], branches, frozenset(others))
