"""The header of all pages of a repository: its name, badges, tabs, and the picker of branches and tags."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.errors import EntrepotError
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import branches, infos, repo_rights
from entrepot.hub.repos.infos import RevisionInfo
from entrepot.hub.repos.pulls import pull_refs
from entrepot.hub.repos.repo_rights import RepoRights
from entrepot.names import MAIN, RefName, RepoRef
from entrepot.server.pages.formats import quoted_segment
from entrepot.server.pages.rows import ICONS

MAX_REFS = 200
"""Branches, tags and pull requests that the picker offers."""

REF_ICONS = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/pr/": "pull"}
"""The icon of each kind of ref, by the prefix of its name."""


@attrs.frozen
class RefChoice:
    """A branch, tag or pull request that the picker offers."""

    name: str
    icon: str
    segment: str


@attrs.frozen
class RepoHeader:
    """A repository as its pages name it, and what the visitor may do with it.

    ``revision``: as it was asked for; ``segment``: the same in a URL; ``may_edit``: whether
    files can be changed there, by a commit or a pull request; ``has_metrics``: whether there is a tab
    of metrics; ``watch``: which notifications the visitor gets, empty if they cannot choose; ``may_manage``: whether
    there are tabs of storage and settings; ``discussions``: how many are open, in short.
    """

    kind: str
    icon: str
    id: str
    path: str
    namespace: str
    name: str
    is_private: bool
    is_gated: bool
    revision: str
    segment: str
    refs: Sequence[RefChoice]
    may_write: bool
    may_discuss: bool
    has_discussions: bool = True
    may_edit: bool = False
    has_metrics: bool = False
    likes: int = 0
    is_liked: bool = False
    watch: str = ""
    is_archived: bool = False
    may_manage: bool = False
    discussions: str = ""


def describe_header(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str
) -> tuple[RepoHeader, RevisionInfo]:
    """Return the header of a repository at a revision, and the metadata of that revision.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, RevisionNotFound: no access, or the revision does not exist.
    """
    found = infos.describe(hub, caller, ref, revision, with_files=False, with_sizes=False)
    may = repo_rights.of(hub, caller, found.info.row.ref)
    header = header_of(may, revision, branches.first_refs(hub, caller, ref, MAX_REFS))
    return attrs.evolve(header, may_edit=_may_edit(hub, caller, may, revision)), found


def describe_repo(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> tuple[RepoHeader, RepoRights]:
    """Return the part of a repository's header that does not depend on a revision, with the caller's permissions.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    may = repo_rights.of(hub, caller, ref)
    return header_of(may, MAIN.removeprefix("refs/heads/"), ()), may


def _may_edit(hub: HubContext, caller: MaybeCaller, may: RepoRights, revision: str) -> bool:
    if not (may.may_write or may.may_discuss):
        return False
    try:
        pull_refs.find_target(hub, caller, may.row.ref, revision)
    except EntrepotError:
        return False
    return True


def header_of(may: RepoRights, revision: str, refs: Sequence[RefName]) -> RepoHeader:
    """Return the header of a repository."""
    row = may.row
    return RepoHeader(
        row.type.value,
        ICONS[row.type.value],
        str(row.ref.id),
        row.ref.path,
        row.ref.id.namespace,
        row.ref.id.name,
        row.is_private,
        row.gated != "no",
        revision,
        quoted_segment(revision),
        choices(refs),
        may.may_write,
        may.may_discuss,
        may.has_discussions,
        has_metrics=may.has_metrics,
        likes=row.likes,
        is_liked=may.is_liked,
        watch=may.watch,
        is_archived=row.is_archived,
        may_manage=may.may_manage,
        discussions=_count(may.open_discussions),
    )


def _count(number: int) -> str:
    if number >= repo_rights.MAX_COUNTED:
        return f"{repo_rights.MAX_COUNTED - 1}+"
    return str(number) if number else ""


def choices(refs: Sequence[RefName]) -> list[RefChoice]:
    """Return branches, tags and pull requests as the picker offers them, in their order."""
    return [choice_of(name) for name in refs]


def choice_of(ref: RefName) -> RefChoice:
    """Return a branch, a tag or a pull request as pages show it."""
    prefix = next((prefix for prefix in REF_ICONS if ref.startswith(prefix)), "")
    icon = REF_ICONS.get(prefix, "branch")
    name = ref if icon == "pull" else ref.removeprefix(prefix)
    return RefChoice(name, icon, quoted_segment(name))
