"""How commands show damaged data: a line for each finding, who uses it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from entrepot.cli.reports import render_bytes, show

if TYPE_CHECKING:
    from entrepot.storage.fsck import Finding

INCOMPLETE = 3
"""The exit code of a command that has completed, except for data that was damaged before."""


def show_finding(finding: Finding) -> None:
    """Print a finding, and below it the repositories and paths that use what is damaged."""
    size = f" ({render_bytes(finding.size)})" if finding.size else ""
    show(f"{finding.kind:<10}  {finding.where}: {finding.what}{size}")
    for use in finding.used_by:
        show(f"            used by {use}")


def show_damage(findings: Iterable[Finding]) -> None:
    """Print findings of damage, then the remedy; nothing if there are none."""
    from entrepot.hub.jobs import damaged_content

    found = list(findings)
    for finding in found:
        show_finding(finding)
    if found:
        show(f"to repair: {damaged_content.CURE}")


def rows_of(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return findings as ``--json`` prints them."""
    return [
        {"kind": it.kind, "where": it.where, "what": it.what, "size": it.size, "used_by": list(it.used_by)}
        for it in findings
    ]
