"""Passes for the chunk store. Source: hf_api, section 2.6."""

from __future__ import annotations

from entrepot.client.calls import Call, json_as, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.xet import PassAnswer

_PASS = json_as(PassAnswer)


def read_pass(ref: RepoRef, revision: str) -> Call[PassAnswer]:
    """A pass that opens the chunks of this repository for reading."""
    return Call("GET", read_pass_path(ref, revision), _PASS, subject=str(ref))


def write_pass(ref: RepoRef, revision: str, *, create_pr: bool = False) -> Call[PassAnswer]:
    """A pass for uploading chunks; readers may get one for a pull request."""
    query = pairs(create_pr=1 if create_pr else None)
    return Call("GET", write_pass_path(ref, revision), _PASS, query=query, subject=str(ref))


def pass_at(url: str) -> Call[PassAnswer]:
    """A pass from the route that the headers of a file named."""
    return Call("GET", url, _PASS)


def read_pass_path(ref: RepoRef, revision: str) -> str:
    """The path that gives, and renews, a pass for reading."""
    return repo_api(ref, "xet-read-token", revision)


def write_pass_path(ref: RepoRef, revision: str) -> str:
    """The path that gives, and renews, a pass for writing."""
    return repo_api(ref, "xet-write-token", revision)
