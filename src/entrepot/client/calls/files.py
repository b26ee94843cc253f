"""Calls about the content of one file. Source: docs/protocols/hf_api.md, sections 2.5 and 2.6."""

from __future__ import annotations

import re
import urllib.parse

import attrs

from entrepot.client.calls import Call, Response, joined, without_query
from entrepot.errors import AnswerUnusable
from entrepot.names import RepoRef

_IDENTITY = ("accept-encoding", "identity")
_XET_AUTH = re.compile(r"""<([^<>]+)>\s*;[^,<]*\brel="?xet-auth"?""")


@attrs.frozen
class FileFacts:
    """The metadata that a hub returns about a file without its content.

    ``etag`` is the SHA-256 of a large file and the git id of any other;
    ``location`` is the URL of its content, possibly a signed link to another
    origin. ``xet_hash`` and ``xet_refresh_url`` (which issues tokens for the
    chunk store) are None for files that are not stored in chunks.
    """

    commit: str | None
    etag: str | None
    size: int | None
    location: str = attrs.field(repr=False)
    xet_hash: str | None = None
    xet_refresh_url: str | None = None


def resolve_path(ref: RepoRef, revision: str, path: str) -> str:
    """Return the percent-encoded URL path of a file's content."""
    return f"/{ref.path}/resolve/{urllib.parse.quote(revision, safe='')}/{urllib.parse.quote(path)}"


def facts(ref: RepoRef, revision: str, path: str) -> Call[FileFacts]:
    """Build the call that returns the metadata of a file: a HEAD request."""
    return Call("HEAD", resolve_path(ref, revision, path), read_facts, headers=(_IDENTITY,), subject=f"{path} in {ref}")


def facts_at(url: str) -> Call[FileFacts]:
    """Build the call that returns the metadata of the file at a URL, as :func:`facts` does for a path."""
    return Call("HEAD", url, read_facts, headers=(_IDENTITY,), subject=without_query(url))


def content(ref: RepoRef, revision: str, path: str) -> Call[bytes]:
    """Build the call that returns the content of a file; for large files use ``Transport.stream`` with this call."""
    return Call(
        "GET",
        resolve_path(ref, revision, path),
        lambda answer: answer.body,
        headers=(_IDENTITY,),
        subject=f"{path} in {ref}",
        most_bytes=None,
    )


def read_facts(answer: Response) -> FileFacts:
    """Parse the headers of a response about a file, which may be a redirect to its content.

    Raises:
        AnswerUnusable: a numeric header is not a number.
    """
    headers = answer.headers
    is_redirect = 300 <= answer.status < 400
    etag = headers.get("x-linked-etag") or headers.get("etag")
    size = headers.get("x-linked-size") or (None if is_redirect else headers.get("content-length"))
    location = headers.get("location") if is_redirect else None
    refresh = headers.get("x-xet-refresh-route") or _linked(headers.get("link", ""))
    xet_hash = headers.get("x-xet-hash") if refresh else None
    if size is not None and not size.isdigit():
        raise AnswerUnusable(without_query(answer.url), f"its size is {size!r}")
    return FileFacts(
        commit=headers.get("x-repo-commit"),
        etag=etag.removeprefix("W/").strip('"') if etag else None,
        size=int(size) if size is not None else None,
        location=joined(answer.url, location) if location else answer.url,
        xet_hash=xet_hash,
        xet_refresh_url=joined(answer.url, refresh) if refresh and xet_hash else None,
    )


def _linked(link: str) -> str | None:
    found = _XET_AUTH.search(link)
    return found[1] if found else None
