"""Histories: the versions of an entity, and what differs between two of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import attrs

from entrepot.errors import Invalid, LimitExceeded, VersionMissing
from entrepot.names import Oid, RepoPath
from entrepot.workspace.entities.version_tags import VersionTag
from entrepot.workspace.manifests import UNKNOWN_SIZE, Manifest
from entrepot.workspace.metadata.repositories import MetadataRepository
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.versions import Version, one_identity, read_version, resolve

_FORMAT = "--format=%H%x00%an%x00%ae%x00%at%x00%B%x00"


@attrs.frozen
class Authorship:
    """Who made a commit, when (in seconds since 1970), and why."""

    author: str
    email: str
    time_s: int
    message: str

    @property
    def date(self) -> str:
        """The time as text, in the local time zone."""
        try:
            return datetime.datetime.fromtimestamp(self.time_s).strftime("%Y-%m-%d %H:%M:%S")
        except (OverflowError, OSError, ValueError):  # a commit may claim to be from any year
            return f"{self.time_s} s"


@attrs.frozen
class DiffReport:
    """Paths that differ between two versions, each list in ascending order."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    deleted: tuple[str, ...]


@attrs.frozen
class LoggedVersion:
    """One version in a history; ``changes`` compares it with the one before.

    Attributes:
        bytes: total size of the files whose size the manifest records; manifests in the old format record none.
        declared_size: the size that the spec states, if the manifest does not record that of every file.
    """

    tag: VersionTag
    commit: Oid
    is_published: bool
    made: Authorship
    metrics: dict[str, float]
    changes: DiffReport | None = None
    files: int = 0
    bytes: int = 0
    declared_size: str = ""


def read_log(state: KindState, name: str, *, has_statistics: bool = False) -> list[LoggedVersion]:
    """Return the versions of an entity in ascending order; those that cannot be read are named and left out.

    Args:
        has_statistics: compare each with the one before, which reads all manifests.

    Raises:
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
    """
    recover(state)
    repository = state.initialised_metadata()
    refs = repository.refs()
    _, tags = one_identity(refs, name, state.kind.word)
    commits = {tag: ref.commit for tag in tags if (ref := refs.find(str(tag))) is not None}
    made = read_authorships(repository, commits.values())
    before = Manifest({})
    entries = []
    for tag, commit in commits.items():
        try:
            version = read_version(state, tag, commit)
        except (Invalid, LimitExceeded) as error:
            state.project.around.notify("warning", f"Repository: {tag} is left out: {error}")
            continue
        changes = diff_manifests(before, version.manifest) if has_statistics else None
        before = version.manifest
        entries.append(
            LoggedVersion(
                tag,
                commit,
                str(tag) in refs.tags,
                made[commit],
                version.spec.metrics,
                changes,
                version.manifest.amount,
                version.manifest.size,
                version.spec.declared_size if _has_unknown(version.manifest) else "",
            )
        )
    return entries


def _has_unknown(manifest: Manifest) -> bool:
    return any(entry.size == UNKNOWN_SIZE for entry in manifest.files.values())


def read_diff(state: KindState, first: str, second: str, name: str = "") -> DiffReport:
    """Return the differences between two versions, which are those of the named entity if there is a name.

    Raises:
        VersionMissing: one does not exist, or is a version of another entity.
    """
    recover(state)
    refs = state.initialised_metadata().refs()
    old, new = (read_version(state, *resolve(state, refs, tag)) for tag in (first, second))
    for version in (old, new):
        if name and version.tag.identity.name != name.rpartition("/")[2]:
            raise VersionMissing(str(version.tag), f"it is a version of {version.tag.identity.name!r}, not of {name!r}")
    return diff_manifests(old.manifest, new.manifest)


def read_shown(state: KindState, name: str, tag: str | None = None) -> Version:
    """Return the version of an entity to show: the named one, the checked out one, or the latest.

    Raises:
        EntityMissing, EntityAmbiguous, VersionMissing: there is none.
    """
    recover(state)
    refs = state.initialised_metadata().refs()
    if tag is None:
        heads = state.database.heads()
        found = [head for folder, head in heads.items() if folder == name or folder.endswith(f"/{name}")]
        tag = found[0].tag if len(found) == 1 else None
    if tag is not None and tag in refs.lost:
        return read_version(state, resolve(state, refs, tag)[0], refs.lost[tag].commit)
    return read_version(state, *resolve(state, refs, tag or name))


def diff_manifests(old: Manifest, new: Manifest) -> DiffReport:
    """Return the differences between two manifests."""
    return DiffReport(
        added=_sorted(path for path in new.files if path not in old.files),
        updated=_sorted(
            path for path, entry in new.files.items() if path in old.files and old.files[path].content != entry.content
        ),
        deleted=_sorted(path for path in old.files if path not in new.files),
    )


def read_authorships(repository: MetadataRepository, commits: Iterable[Oid]) -> dict[Oid, Authorship]:
    """Return who made commits, and when."""
    question = "".join(f"{commit}\n" for commit in commits).encode()
    if not question:
        return {}
    said = repository.git.run("log", "--no-walk=unsorted", "--stdin", _FORMAT, stdin=question)
    fields = said.decode("utf-8", "replace").split("\0")
    found: dict[Oid, Authorship] = {}
    for at in range(0, len(fields) - 5 + 1, 5):
        commit, author, email, time_s, message = fields[at : at + 5]
        found[Oid(commit.strip())] = Authorship(author, email, int(time_s), message.strip())
    return found


def _sorted(paths: Iterable[RepoPath]) -> tuple[str, ...]:
    return tuple(sorted(map(str, paths)))
