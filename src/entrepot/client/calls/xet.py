"""Calls that return tokens for the chunk store. Source: docs/protocols/hf_api.md, section 2.6."""

from __future__ import annotations

from entrepot.client.calls import Call, json_as, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.files.xet import TokenResponse

_PASS = json_as(TokenResponse)


def read_token(ref: RepoRef, revision: str) -> Call[TokenResponse]:
    """Build the call that returns a token for reading the chunks of this repository."""
    return Call("GET", read_token_path(ref, revision), _PASS, subject=str(ref))


def write_token(ref: RepoRef, revision: str, *, create_pr: bool = False) -> Call[TokenResponse]:
    """Build the call that returns a token for uploading chunks; a reader may get one for a pull request."""
    query = pairs(create_pr=1 if create_pr else None)
    return Call("GET", write_token_path(ref, revision), _PASS, query=query, subject=str(ref))


def read_token_path(ref: RepoRef, revision: str) -> str:
    """Return the path that issues and renews tokens for reading."""
    return repo_api(ref, "xet-read-token", revision)


def write_token_path(ref: RepoRef, revision: str) -> str:
    """Return the path that issues and renews tokens for writing."""
    return repo_api(ref, "xet-write-token", revision)
