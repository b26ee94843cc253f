"""Calls about files and folders. Source: docs/protocols/hf_api.md, section 1A.4."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable

from entrepot.client.calls import FORM, Call, ResultPage, page_of, pairs, repo_api, without_nulls
from entrepot.names import RepoRef
from entrepot.wire.repos.trees import TreeEntry

_ENTRIES = without_nulls(list[TreeEntry])

MAX_PATHS = 1000
"""Maximum number of paths that a hub describes in one call."""


def page(
    ref: RepoRef,
    revision: str = "main",
    path: str = "",
    *,
    recursive: bool = False,
    expand: bool = False,
    limit: int | None = None,
) -> Call[ResultPage[TreeEntry]]:
    """Build the call that lists a folder (``""``: the root); ``expand`` adds last commits, at a cost in time."""
    query = pairs(recursive=recursive or None, expand=expand or None, limit=limit)
    # Slashes are not encoded: a proxy may refuse encoded ones, and every hub accepts plain ones here.
    rest = f"/{urllib.parse.quote(path)}" if path else ""
    return Call("GET", repo_api(ref, "tree", revision) + rest, page_of(_ENTRIES), query=query, subject=str(ref))


def describe(ref: RepoRef, revision: str, paths: Iterable[str], *, expand: bool = False) -> Call[list[TreeEntry]]:
    """Build the call that describes the entries at these paths, at most 1,000; paths that do not exist are omitted."""
    fields = [*(("paths", path) for path in paths), ("expand", "true" if expand else "false")]
    return Call(
        "POST",
        repo_api(ref, "paths-info", revision),
        _ENTRIES,
        body=urllib.parse.urlencode(fields).encode("ascii"),
        media_type=FORM,
        subject=str(ref),
        is_repeatable=True,
    )
