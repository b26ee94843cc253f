"""Repositories as users write them: ids, ids with a type prefix, and URLs of pages."""

from __future__ import annotations

import urllib.parse

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
_PAGES = _CONTENT | {"commits", "commit", "discussions", "settings", "edit", "upload", "compare"}
_MAIN = ("main",)


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
        repo_type: model, dataset or space, singular or plural. A type in the text takes
            effect if this is None or model, which is the default of most callers.
        endpoint: the hub that URLs must belong to; None accepts any hub.
        is_short_allowed: whether the namespace may be missing.
        takes_buckets: whether it may be a bucket, too (``buckets/alice/data``, or the type ``bucket``).

    Raises:
        InvalidName: the text is not a repository, is one of another hub or of another
            type, or refers to a file or to a revision other than main.
    """
    written = text.strip()
    is_address = written.lower().startswith((*_SCHEMES, *_OWN_SCHEMES))
    parts = _path_of(written, endpoint) if is_address else written.split("/")
    if is_address and parts[:1] == ["api"]:
        parts = parts[1:]
    wanted = parse_any_type(repo_type) if takes_buckets else parse_repo_type(repo_type)
    named = _KINDS.get(parts[0]) if len(parts) > 1 else None
    if takes_buckets and parts[0] == RepoType.BUCKET.plural and len(parts) == 3:
        named = RepoType.BUCKET
    if named is not None:
        parts = parts[1:]
        if repo_type and wanted not in (named, RepoType.MODEL):
            raise InvalidName("repository", text, f"it names a {named.value}, and the type given is {wanted.value}")
    if is_address:
        parts = _without_page(text, parts)
    parse = parse_wanted_id if is_short_allowed else parse_repo_id
    return RepoRef(named or wanted, parse("/".join(parts)))


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
    if parsed.scheme.lower() in ("entrepot", "hf"):
        return [urllib.parse.unquote(part) for part in f"{parsed.netloc}{parsed.path}".strip("/").split("/")]
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


def _without_page(text: str, parts: list[str]) -> list[str]:
    """Return the segments of an id, without those of a page of the repository."""
    at = next((at for at, part in enumerate(parts) if at and part in _PAGES), len(parts))
    name, page = parts[:at], parts[at:]
    if page and page[0] in _CONTENT and tuple(page[1:]) not in ((), _MAIN):
        raise InvalidName("repository", text, "it names a revision or a file too; give those separately")
    return [*name[:-1], name[-1].removesuffix(".git")] if name else name
