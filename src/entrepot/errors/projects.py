"""Errors about projects, their entities and their remotes.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import Conflict, Damaged, Invalid, NotFound, shown


def _listed(paths: tuple[str, ...]) -> str:
    names = ", ".join(shown(path, quote=False) for path in paths[:20])
    return f"{names} and {len(paths) - 20} more" if len(paths) > 20 else names


@attrs.define
class ProjectMissing(NotFound):
    """A command needs a project, but none is in the folder or above it."""

    folder: str

    @property
    def message(self) -> str:
        return (
            f"{shown(self.folder)} is not in an ml-git project; create one with 'ml-git repository init', "
            "or go to the folder of one"
        )


@attrs.define
class ProjectExists(Invalid):
    """A project cannot be created in or below another one."""

    root: str

    @property
    def message(self) -> str:
        return f"there is an ml-git project at {shown(self.root)} already; nothing was changed"


@attrs.define
class MetadataMissing(NotFound):
    """The metadata of a kind of entities has not been initialised in this project."""

    kind: str
    cure: str

    @property
    def message(self) -> str:
        return f"the metadata of {self.kind} is not initialised; {self.cure}"


@attrs.define
class NothingToCommit(Invalid):
    """A commit would contain nothing new."""

    kind: str

    @property
    def message(self) -> str:
        return f'Nothing to commit (create/add files and use "ml-git {self.kind} add" command to track them)'


@attrs.define
class FilesRefused(Invalid):
    """Files cannot be added; ``reasons`` are lines such as ``data/x: it is a socket``. Nothing was staged."""

    reasons: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"nothing was staged, because these files cannot be added: {_listed(self.reasons)}"


@attrs.define
class PathMissing(NotFound):
    """Paths that a command names match no file of the entity."""

    paths: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"no file of the entity matches {_listed(self.paths)}; nothing was changed"


@attrs.define
class ObjectsMissing(NotFound):
    """A bucket or a web address has no such object."""

    storage: str
    name: str

    @property
    def message(self) -> str:
        return f"there is no object {shown(self.name)} in {shown(self.storage, quote=False)}; nothing was imported"


@attrs.define
class LinkBroken(Damaged):
    """A linked version has another commit than the link says."""

    tag: str
    sha: str
    found: str

    @property
    def message(self) -> str:
        return f"the linked version {self.tag} has the commit {self.found[:8]}, but the link says {self.sha[:8]}"


@attrs.define
class EntityMissing(NotFound):
    """A project has no entity of this name."""

    name: str
    cure: str = ""

    @property
    def message(self) -> str:
        text = f"Could not find an entity with the name {shown(self.name)}"
        return f"{text}; {self.cure}" if self.cure else f"{text}."


@attrs.define
class EntityAmbiguous(Invalid):
    """A name stands for several entities; ``candidates`` are their tags or folders."""

    name: str
    candidates: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"several entities have the name {shown(self.name)}; name one of: {_listed(self.candidates)}"


@attrs.define
class VersionMissing(NotFound):
    """An entity has no version with this number or tag."""

    version: str
    cure: str

    @property
    def message(self) -> str:
        return f"there is no version {shown(self.version)}; {self.cure}"


@attrs.define
class ProjectBusy(Conflict, OSError):
    """Another process holds the lock of a project."""

    what: str
    pid: str

    @property
    def message(self) -> str:
        return f"{self.what} is busy, held by pid {self.pid or 'unknown'}; try again when it has finished"


@attrs.define
class UrlRefused(Invalid):
    """A URL cannot be used for a git remote."""

    url: str
    reason: str

    @property
    def message(self) -> str:
        return f"the URL {shown(self.url)} is refused: {self.reason}"
