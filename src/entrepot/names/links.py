"""Repositories as users write them: ids, ids with a type prefix, URLs of pages, and paths of file systems."""

from __future__ import annotations

import re
import urllib.parse

import attrs

from entrepot.errors import InvalidName
from entrepot.names.repos import (
    VERSIONED_TYPES,
    RepoRef,
    RepoType,
    parse_any_type,
    parse_repo_id,
    parse_repo_type,
    parse_wanted_id,
)

_KINDS = {kind.plural: kind for kind in VERSIONED_TYPES}
_SCHEMES = ("http://", "https://")
_OWN_SCHEMES = ("entrepot://", "hf://")
_CONTENT = frozenset({"tree", "blob", "resolve", "raw"})
_MAIN = "main"
_SPECIAL_REF = re.compile(r"refs/(?:pr/\d+|convert/[^/]+)(?=/|$)")
"""A ref with slashes that a path of a file system may name as it is; the slashes of others are written as ``%2F``."""
_PAGES = _CONTENT | {"commits", "commit", "discussions", "settings", "edit", "upload", "compare"}


@attrs.frozen
class PageLink:
    """A repository, and what the address of one of its pages names in it.

    ``revision``: None if it names none; ``path``: of a file or a folder, without a slash at the end, "" if it names
    none; ``is_folder``: of a folder, or of the whole tree.
    """

    repo: RepoRef
    revision: str | None = None
    path: str = ""
    is_folder: bool = False


def parse_repo_link(
    text: str,
    repo_type: str | None = None,
    *,
    endpoint: str | None = None,
    is_short_allowed: bool = False,
    takes_buckets: bool = False,
) -> RepoRef:
    """Return the repository that a text refers to.

    Accepted forms are ``alice/data``, ``datasets/alice/data``, and the URL of a
    repository or of one of its pages (``https://hub/datasets/alice/data/tree/main``).

    Args:
        repo_type: model, dataset or space, singular or plural; None or "" takes the type in
            the text, or else model.
        endpoint: the hub that URLs must belong to; None accepts any hub.
        is_short_allowed: whether the namespace may be missing.
        takes_buckets: whether it may be a bucket, too (``buckets/alice/data``, or the type ``bucket``).

    Raises:
        InvalidName: the text is not a repository, is one of another hub or of another
            type, or refers to a file or to a revision other than main.
    """
    found = parse_page_link(
        text, repo_type, endpoint=endpoint, is_short_allowed=is_short_allowed, takes_buckets=takes_buckets
    )
    if found.path or found.revision not in (None, _MAIN):
        raise InvalidName("repository", text, "it names a revision or a file too; give those separately")
    return found.repo


def parse_page_link(
    text: str,
    repo_type: str | None = None,
    *,
    endpoint: str | None = None,
    is_short_allowed: bool = False,
    takes_buckets: bool = False,
) -> PageLink:
    """Return the repository that a text refers to, and the revision, file or folder that it names in it.

    Takes what :func:`parse_repo_link` takes, the URLs of the pages of files, folders and revisions, and the paths of
    the file systems of this package and of huggingface_hub (``hf://datasets/alice/data@v1/train.csv``; a folder ends
    with a slash). Revision and path are decoded, and not checked.

    Raises:
        InvalidName: the text is not a repository, or is one of another hub or of another type.
    """
    written = text.strip()
    is_own = written.lower().startswith(_OWN_SCHEMES)
    is_address = written.lower().startswith(_SCHEMES)
    if is_own:
        written = written.partition("://")[2].lstrip("/")
    parts = _path_of(written, endpoint) if is_address else written.split("/")
    if is_address and parts[:1] == ["api"]:
        parts = parts[1:]
    wanted = parse_any_type(repo_type) if takes_buckets else parse_repo_type(repo_type)
    named = _KINDS.get(parts[0]) if len(parts) > 1 else None
    if takes_buckets and parts[0] == RepoType.BUCKET.plural and len(parts) == 3:
        named = RepoType.BUCKET
    if named is not None:
        parts = parts[1:]
        if repo_type and wanted is not named:
            reason = f"it names a {named.value}, and the type given is {wanted.value}; give one of the two"
            raise InvalidName("repository", text, reason)
    parse = parse_wanted_id if is_short_allowed else parse_repo_id
    if is_own:
        name, revision, path = _split_path("/".join(parts))
        return PageLink(RepoRef(named or wanted, parse(name)), revision, path.rstrip("/"), path.endswith("/"))
    parts, page = _divided(parts) if is_address else (parts, [])
    ref = RepoRef(named or wanted, parse("/".join(parts)))
    if len(page) < 2 or page[0] not in _CONTENT:
        return PageLink(ref)
    return PageLink(ref, page[1], "/".join(page[2:]), page[0] == "tree")


def split_url(text: str) -> urllib.parse.SplitResult:
    """Return the parts of a URL that a user has given.

    Raises:
        InvalidName: it is malformed; the message does not show it, because it may contain a password.
    """
    try:
        return urllib.parse.urlsplit(text)
    except ValueError:
        scheme = text.partition(":")[0]
        shown = scheme if scheme.isalpha() else ""
        raise InvalidName("address", f"{shown}://...", "it is not a valid URL; check the host and the port") from None


def _path_of(address: str, endpoint: str | None) -> list[str]:
    """Return the decoded path segments of a URL relative to its hub."""
    parsed = split_url(address)
    path = parsed.path
    if endpoint is not None:
        home = urllib.parse.urlsplit(endpoint)
        here = (parsed.scheme.lower(), parsed.hostname, _port(parsed))
        if here != (home.scheme.lower(), home.hostname, _port(home)):
            # Never the whole URL: it may contain a password.
            raise InvalidName(
                "repository", parsed.hostname or "", f"this address does not belong to the hub {endpoint}"
            )
        prefix = home.path.rstrip("/")
        if prefix and path.startswith(f"{prefix}/"):
            path = path.removeprefix(prefix)
    return [urllib.parse.unquote(part) for part in path.strip("/").split("/")]


def _port(parsed: urllib.parse.SplitResult) -> int | None:
    try:
        return parsed.port or {"http": 80, "https": 443}.get(parsed.scheme.lower())
    except ValueError:
        return None


def _split_path(path: str) -> tuple[str, str | None, str]:
    """Return the id, the revision and the path in the repository that a path of a file system names."""
    namespace, _, rest = path.partition("/")
    name, _, inside = rest.partition("/")
    name, at, revision = name.partition("@")
    if not at:
        return f"{namespace}/{name}".rstrip("/"), None, inside
    whole = f"{revision}/{inside}"
    if special := _SPECIAL_REF.match(whole):
        return f"{namespace}/{name}", special[0], whole[special.end() :].removeprefix("/")
    return f"{namespace}/{name}", urllib.parse.unquote(revision) or None, inside


def _divided(parts: list[str]) -> tuple[list[str], list[str]]:
    """Return the segments of an id, and those of a page of the repository."""
    at = next((at for at, part in enumerate(parts) if at and part in _PAGES), len(parts))
    name, page = parts[:at], parts[at:]
    return [*name[:-1], name[-1].removesuffix(".git")] if name else name, page
