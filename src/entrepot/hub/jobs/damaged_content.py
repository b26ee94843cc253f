"""What damaged content concerns: the repositories and paths that use it, and its state in the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from entrepot.blobs import xorb_of
from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.files import file_uses
from entrepot.catalog.files.file_uses import FileUse
from entrepot.catalog.repos import repositories
from entrepot.hub.context import HubContext
from entrepot.hub.files import file_scrubbing, xorb_scrubbing
from entrepot.names import XetHash
from entrepot.storage.fsck import Finding, blob_of, digest_of

_XET_FILE = "xet file "

CURE = (
    "upload the same files again (with git: 'git lfs push --all'); the hub replaces damaged bytes by verified ones, "
    "and then the next backup has them too. If no one has a copy of a file, delete its path"
)
"""What helps against damaged content."""


def with_uses(hub: HubContext, finding: Finding) -> Finding:
    """Return a finding with the repositories and paths that use the damaged content; others are returned unchanged."""
    if not finding.is_damage or finding.used_by:
        return finding
    with hub.read() as tx:
        return attrs.evolve(finding, used_by=_named(tx, _uses(tx, finding.where)))


def is_blob(where: str) -> bool:
    """Return whether a finding with this ``where`` is about the bytes under a key."""
    return blob_of(where) != ""


def is_due_to(finding: Finding, known: Sequence[Finding]) -> bool:
    """Return whether a finding is one of those that are known, or a consequence of a blob that they miss."""
    lost = {blob_of(lack.where) for lack in known} - {""}
    if not lost.isdisjoint((finding.due_to, blob_of(finding.where))):
        return True
    return any((lack.where, lack.what) == (finding.where, finding.what) for lack in known)


def explain(hub: HubContext, findings: Iterable[Finding], damaged: Mapping[str, str]) -> list[Finding]:
    """Record damaged content, so that uploads replace it, and return the findings with the reasons.

    Args:
        damaged: why blobs were left out when they were copied, by key.
    """
    explained = []
    for finding in findings:
        mark(hub, finding.where)
        reason = damaged.get(finding.where)
        explained.append(finding if reason is None else attrs.evolve(finding, kind="corrupt", what=reason))
    return explained


def mark(hub: HubContext, key: str) -> None:
    """Read the bytes of a key again and record whether they are damaged.

    If they are, the hub does not serve them, and an upload of the same content replaces them.
    """
    sha256, xorb = digest_of(key), xorb_of(key)
    if sha256 is not None:
        file_scrubbing.recheck(hub, sha256)
    elif xorb is not None:
        xorb_scrubbing.record_damage(hub, xorb)


def _uses(tx: Read, where: str) -> list[FileUse]:
    sha256, xorb = digest_of(where), xorb_of(where)
    if sha256 is not None:
        return file_uses.of_raw(tx, sha256)
    if xorb is not None:
        return file_uses.of_xorb(tx, xorb)
    if where.startswith(_XET_FILE):
        return file_uses.of_xet_file(tx, XetHash(where.removeprefix(_XET_FILE)))
    return []


def _named(tx: Read, uses: list[FileUse]) -> tuple[str, ...]:
    repos = repositories.by_ids(tx, list({use.repo_id for use in uses if use.repo_id is not None}))
    users = accounts.by_ids(tx, list({use.user_id for use in uses if use.user_id is not None}))
    named = [f"{repos[use.repo_id].ref}: {use.what}" for use in uses if use.repo_id in repos]
    named += [f"account {users[use.user_id].name}: {use.what}" for use in uses if use.user_id in users]
    return tuple(sorted(named))
