"""Calls about repositories: creation, descriptions, lists, settings, moves and deletion.

Source: docs/protocols/hf_api.md, sections 1A.2 and 1A.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from entrepot.client.calls import (
    JSON,
    Call,
    Response,
    ResultPage,
    json_as,
    json_body,
    nothing,
    page_of,
    pairs,
    repo_api,
    sparse_body,
    without_nulls,
)
from entrepot.names import RepoRef, RepoType
from entrepot.wire.repos.repositories import (
    Duplication,
    NamedRepo,
    RepoCreation,
    RepoMove,
    RepoSettings,
    RepoUrl,
    WiderRepoInfo,
)

_INFO = without_nulls(WiderRepoInfo)
_INFOS = page_of(without_nulls(list[WiderRepoInfo]))
_URL = json_as(RepoUrl)


@attrs.frozen
class Filter:
    """Conditions of a list of repositories; a repository must meet all of them.

    ``search``: words that must all occur in the id. ``tags``: tags of the
    repository (``license:mit``, ``pytorch``). ``extra``: further pairs of the
    query, for conditions that only some types support.
    """

    search: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    gated: bool | None = None
    archived: bool | None = None
    sort: str | None = None
    direction: int | None = None
    limit: int | None = None
    full: bool | None = None
    card_data: bool | None = None
    config: bool | None = None
    expand: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()


def create(
    ref: RepoRef,
    *,
    visibility: str | None = None,
    sdk: str | None = None,
    license_id: str | None = None,
    is_empty: bool = False,
    labels: Sequence[str] | None = None,
    description: str | None = None,
) -> Call[RepoUrl]:
    """Build the call that creates a repository.

    Args:
        visibility: ``public`` or ``private``; None leaves it to the hub.
        sdk: the SDK of a space; only for spaces.
        is_empty: the first commit has no files. This and the following are extensions of this hub.
        labels, description: what to annotate the repository with.
    """
    wanted = RepoCreation(
        name=ref.id.name,
        organization=ref.id.namespace,
        type=ref.type.value,
        visibility=visibility,
        private=None if visibility is None else visibility == "private",
        sdk=sdk,
        license=license_id,
        labels=list(labels) if labels is not None else None,
        description=description,
        empty=is_empty or None,
    )
    return Call("POST", "/api/repos/create", _URL, body=sparse_body(wanted), media_type=JSON, subject=str(ref))


def delete(ref: RepoRef) -> Call[None]:
    """Build the call that permanently deletes a repository and its content."""
    named = NamedRepo(name=ref.id.name, organization=ref.id.namespace, type=ref.type.value)
    return Call("DELETE", "/api/repos/delete", nothing, body=sparse_body(named), media_type=JSON, subject=str(ref))


def move(old: RepoRef, new: RepoRef) -> Call[None]:
    """Build the call that renames a repository; the old name redirects. ``new.type`` must equal ``old.type``."""
    wanted = RepoMove(from_repo=str(old.id), to_repo=str(new.id), type=old.type.value)
    return Call("POST", "/api/repos/move", nothing, body=sparse_body(wanted), media_type=JSON, subject=str(old))


def configure(ref: RepoRef, settings: RepoSettings) -> Call[Mapping[str, Any]]:
    """Build the call that changes settings; the response repeats the changed ones."""
    return Call(
        "PUT",
        repo_api(ref, "settings"),
        _plain,
        body=json_body(settings),
        media_type=JSON,
        subject=str(ref),
    )


def duplicate(ref: RepoRef, copy: RepoRef, *, visibility: str | None = None) -> Call[RepoUrl]:
    """Build the call that creates a copy of a repository; ``copy.type`` must equal ``ref.type``."""
    wanted = Duplication(
        repository=str(copy.id),
        visibility=visibility,
        private=None if visibility is None else visibility == "private",
    )
    return Call("POST", repo_api(ref, "duplicate"), _URL, body=sparse_body(wanted), media_type=JSON, subject=str(ref))


def check_access(ref: RepoRef, *, write: bool = False) -> Call[None]:
    """Build the call that fails, with the reason, unless the caller may read the content (``write``: may write)."""
    rest = ("auth-check", "write") if write else ("auth-check",)
    return Call("GET", repo_api(ref, *rest), nothing, subject=str(ref))


def describe(
    ref: RepoRef,
    revision: str | None = None,
    *,
    blobs: bool = False,
    security_status: bool = False,
    expand: Iterable[str] = (),
) -> Call[WiderRepoInfo]:
    """Build the call that describes a repository at a revision (None: the head of main).

    Args:
        blobs: list files with size and hash.
        expand: the only properties to return besides the id; excludes ``blobs``.
    """
    query = pairs(blobs=blobs or None, securityStatus=security_status or None, expand=tuple(expand))
    rest = ("revision", revision) if revision is not None else ()
    return Call("GET", repo_api(ref, *rest), _INFO, query=query, subject=str(ref))


def page(kind: RepoType, wanted: Filter) -> Call[ResultPage[WiderRepoInfo]]:
    """Build the call that lists repositories of a type that meet all conditions."""
    query = pairs(
        search=wanted.search,
        author=wanted.author,
        filter=wanted.tags,
        pipeline_tag=wanted.pipeline_tag,
        gated=wanted.gated,
        archived=wanted.archived,
        sort=wanted.sort,
        direction=wanted.direction,
        limit=wanted.limit,
        full=wanted.full,
        cardData=wanted.card_data,
        config=wanted.config,
        expand=wanted.expand,
    )
    return Call("GET", f"/api/{kind.plural}", _INFOS, query=query + wanted.extra, subject=kind.plural)


def _plain(answer: Response) -> Mapping[str, Any]:
    return _OBJECT(answer) if answer.body.startswith(b"{") else {}


_OBJECT: Callable[[Response], Mapping[str, Any]] = json_as(dict[str, Any])
