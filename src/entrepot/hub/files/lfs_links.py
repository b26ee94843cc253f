"""Signed links of LFS transfers: what their holders may do, and with which file."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.catalog import Read
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidSignature
from entrepot.hub import capabilities
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.files.arrivals import Arrival
from entrepot.names import Sha256, parse_sha256

UPLOAD, PART, COMPLETE, DOWNLOAD = "lfs-upload", "lfs-part", "lfs-complete", "lfs-download"
"""Purposes of links: a link is valid for one of them only."""


@attrs.frozen
class SignedUrl:
    """A path and its signed query, for sending or fetching bytes."""

    path: str
    query: Mapping[str, str]
    expires_ms: int


def sign(hub: HubContext, purpose: str, path: str, fields: Mapping[str, str]) -> SignedUrl:
    """Return a link for one purpose that expires after the setting ``url_lifetime_s``."""
    expires_s = hub.now_ms() // 1000 + hub.settings.url_lifetime_s
    return SignedUrl(path, hub.signer.sign(f"{purpose} {path}", fields, expires_s), expires_s * 1000)


def check(hub: HubContext, purpose: str, path: str, query: Mapping[str, str]) -> Mapping[str, str]:
    """Return the fields of a link.

    Raises:
        InvalidSignature: the link is altered, expired, or for another purpose or path.
    """
    claim = hub.signer.check(f"{purpose} {path}", query, hub.now_ms() // 1000)
    if "oid" not in claim or "repo" not in claim:
        raise InvalidSignature("it names no object")
    parse_sha256(claim["oid"])
    return claim


def arrival_of(claim: Mapping[str, str], size: int) -> Arrival:
    """Return the file that the holder of an upload link sends."""
    return Arrival(Sha256(claim["oid"]), size, capabilities.of_fields(claim))


def writer(hub: HubContext, tx: Read, claim: Mapping[str, str]) -> tuple[RepoRow, Caller]:
    """Check a signed link as if its holder asked now; see :func:`capabilities.writing_repo`."""
    return capabilities.writing_repo(tx, capabilities.of_fields(claim), hub.now_ms())
