"""Calls about repositories: made, described, found, configured, moved, removed.

Source: docs/protocols/hf_api.md, sections 1A.2 and 1A.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """Which repositories to list; every condition that is given must hold.

    ``search``: words in the id, each must occur. ``tags``: tags of the
    repository (``license:mit``, ``pytorch``). ``extra`` are further pairs of
    the query, for conditions that only some kinds know.
    """

    search: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    gated: bool | None = None
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
) -> Call[RepoUrl]:
    """Make a repository.

    Args:
        visibility: ``public`` or ``private``; None leaves it to the hub.
        sdk: what a space is made with; only for spaces.
    """
    wanted = RepoCreation(
        name=ref.id.name,
        organization=ref.id.namespace,
        type=ref.type.value,
        visibility=visibility,
        private=None if visibility is None else visibility == "private",
        sdk=sdk,
        license=license_id,
    )
    return Call("POST", "/api/repos/create", _URL, body=sparse_body(wanted), media_type=JSON, subject=str(ref))


def delete(ref: RepoRef) -> Call[None]:
    """Remove a repository and everything in it, for good."""
    named = NamedRepo(name=ref.id.name, organization=ref.id.namespace, type=ref.type.value)
    return Call("DELETE", "/api/repos/delete", nothing, body=sparse_body(named), media_type=JSON, subject=str(ref))


def move(old: RepoRef, new: RepoRef) -> Call[None]:
    """Give a repository a new name; the old one redirects to it. ``new.type`` must be that of ``old``."""
    wanted = RepoMove(from_repo=str(old.id), to_repo=str(new.id), type=old.type.value)
    return Call("POST", "/api/repos/move", nothing, body=sparse_body(wanted), media_type=JSON, subject=str(old))


def configure(ref: RepoRef, settings: RepoSettings) -> Call[dict[str, Any]]:
    """Change settings; the answer repeats those that were changed."""
    return Call(
        "PUT",
        repo_api(ref, "settings"),
        _plain,
        body=json_body(settings),
        media_type=JSON,
        subject=str(ref),
    )


def duplicate(ref: RepoRef, copy: RepoRef, *, visibility: str | None = None) -> Call[RepoUrl]:
    """Make a repository with the content of another one; ``copy.type`` must be that of ``ref``."""
    wanted = Duplication(
        repository=str(copy.id),
        visibility=visibility,
        private=None if visibility is None else visibility == "private",
    )
    return Call("POST", repo_api(ref, "duplicate"), _URL, body=sparse_body(wanted), media_type=JSON, subject=str(ref))


def check_access(ref: RepoRef, *, write: bool = False) -> Call[None]:
    """Nothing, if the caller may read the content (``write``: may write); an error that says why, if not."""
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
    """What a hub says about a repository at a revision (None: the head of main).

    Args:
        blobs: list files with size and hash.
        expand: the only properties to give besides the id; excludes ``blobs``.
    """
    query = pairs(blobs=blobs or None, securityStatus=security_status or None, expand=tuple(expand))
    rest = ("revision", revision) if revision is not None else ()
    return Call("GET", repo_api(ref, *rest), _INFO, query=query, subject=str(ref))


def page(kind: RepoType, wanted: Filter) -> Call[ResultPage[WiderRepoInfo]]:
    """Repositories of a kind that meet every condition."""
    query = pairs(
        search=wanted.search,
        author=wanted.author,
        filter=wanted.tags,
        pipeline_tag=wanted.pipeline_tag,
        gated=wanted.gated,
        sort=wanted.sort,
        direction=wanted.direction,
        limit=wanted.limit,
        full=wanted.full,
        cardData=wanted.card_data,
        config=wanted.config,
        expand=wanted.expand,
    )
    return Call("GET", f"/api/{kind.plural}", _INFOS, query=query + wanted.extra, subject=kind.plural)


def _plain(answer: Response) -> dict[str, Any]:
    return _OBJECT(answer) if answer.body.startswith(b"{") else {}


_OBJECT: Callable[[Response], dict[str, Any]] = json_as(dict[str, Any])
