"""Commands that check and clean: fsck, remote-fsck, gc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrepot.cli.workspace.consoles import DAMAGED, Console, console_options, retry_option
from entrepot.cli.workspace.wizards import asked_argument

if TYPE_CHECKING:
    from entrepot.workspace.maintenance.migrations import MigratedVersion

_DAY_S = 86_400.0
VERBOSE_HINT = "For more information about the corrupted files you can run the command with the --verbose option."


@click.command(short_help="Check what is kept locally.")
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="Read all files of the workspace, and list what is damaged.")
@click.option("--fix-workspace", is_flag=True, help="Restore damaged files of the workspace.")
@console_options
def fsck(console: Console, name: str | None, full: bool, fix_workspace: bool) -> None:
    """Check what is kept locally, and repair what has a good copy.

    \b
    Example:
      ml-git datasets fsck images --fix-workspace
    """
    from entrepot.workspace.maintenance.integrity import check_local

    state = console.state
    for folder in (state.outbox.folder, state.indexes):
        console.info(f"HashFS: starting integrity check on [{_relative(folder, state.project.root)}]")
    report = check_local(state, name, is_full=full, fixes=fix_workspace)
    total = report.objects + report.index
    lines = [
        f"[{report.objects}] corrupted file(s) in Local Repository",
        f"[{report.index}] corrupted file(s) in Index",
        f"Total of corrupted files: {total}",
    ]
    if console.is_verbose or full:
        lines += [f"{problem.where}: {problem.what}" for problem in report.found]
    if report.fixed:
        lines.append(f"{report.fixed} of them fixed")
    row = {
        "corrupted": total,
        "missing": 0,
        "fixed": report.fixed,
        "left": [{"where": problem.where, "what": problem.what} for problem in report.left],
    }
    console.result(row, lines)
    if total and not console.is_verbose:
        console.info(f"Repository: {VERBOSE_HINT}")
    if report.left:
        console.code = DAMAGED


@click.command("remote-fsck", short_help="Check the data of a version in the storage.")
@asked_argument("name")
@click.option("--thorough", is_flag=True, help="Also read indexes and manifests.")
@click.option("--paranoid", is_flag=True, help="Read and verify everything.")
@click.option("--all-versions", is_flag=True, help="Check every version, not only the checked out one.")
@retry_option
@click.option("--full", is_flag=True, help="List what is damaged.")
@console_options
def remote_fsck(
    console: Console, name: str, thorough: bool, paranoid: bool, all_versions: bool, retry: int, full: bool
) -> None:
    """Check the data of a version in the storage, and upload again what is missing there and available here.

    \b
    Example:
      ml-git datasets remote-fsck images --thorough
    """
    from entrepot.workspace.maintenance.integrity import check_remote
    from entrepot.workspace.stores import CheckLevel

    level = CheckLevel.PARANOID if paranoid else CheckLevel.THOROUGH if thorough else CheckLevel.PRESENCE
    report = check_remote(console.state, name, level, has_all_versions=all_versions)
    lines = [
        f"remote-fsck -- fixed   : {report.fixed_objects} object(s) / {report.fixed_chunks} chunk(s)",
        f"remote-fsck -- total verified : {report.objects} object(s) / {report.chunks} chunk(s)",
    ]
    if full or report.left:
        lines += [f"{problem.where}: {problem.what}" for problem in report.left]
    row = {
        "verified": report.objects,
        "fixed": report.fixed_objects,
        "left": [{"where": problem.where, "what": problem.what} for problem in report.left],
    }
    console.result(row, lines)
    if report.left:
        console.code = DAMAGED


@click.command(short_help="Copy versions of ML-Git 2.9.9 into chunks.")
@asked_argument("name")
@click.option("--all-versions", is_flag=True, help="Migrate every version, not only the latest.")
@console_options
def migrate(console: Console, name: str, all_versions: bool) -> None:
    """Copy the content of versions of ML-Git 2.9.9 into chunks; their tags and commits stay.

    \b
    Example:
      ml-git datasets migrate images --all-versions
    """
    from entrepot.workspace.maintenance.migrations import migrate_entity
    from entrepot.workspace.projects.sizes import render_size

    def report(found: MigratedVersion) -> None:
        console.step(f"migrated {found.tag}: {render_size(found.counts.bytes_sent)} sent")

    done = migrate_entity(console.state, name, has_all_versions=all_versions, report=report)
    rows = [{"tag": found.tag, "bytes_sent": found.counts.bytes_sent} for found in done]
    console.result({"migrated": rows}, [] if done else ["There is nothing to migrate"])


@click.command(short_help="Remove local files that nothing needs.")
@click.option(
    "--remote", "is_remote", is_flag=True, help="In the buckets: record unneeded objects, or delete them a day later."
)
@click.option("--grace", type=click.FloatRange(0), default=14.0, show_default=True, help="Days that objects are kept.")
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
@console_options
def gc(console: Console, is_remote: bool, grace: float, dry_run: bool) -> None:
    """Remove drafts, cached indexes and chunks that no local version needs.

    \b
    Example:
      ml-git repository gc --dry-run
    """
    if is_remote:
        _collect_remote(console, grace * _DAY_S, is_rehearsal=dry_run)
        return
    from entrepot.workspace.maintenance.garbage import collect_local
    from entrepot.workspace.projects.sizes import render_size

    found = collect_local(console.project, is_rehearsal=dry_run)
    verb = "would be" if dry_run else "have been"
    console.result(
        {"files": found.files, "bytes": found.bytes},
        [f"A total of {found.files} files {verb} removed", f"Total reclaimed space {render_size(found.bytes)}"],
    )


def _collect_remote(console: Console, grace_s: float, *, is_rehearsal: bool) -> None:
    """Collect garbage in the buckets, and print what was recorded or deleted, and why."""
    from entrepot.workspace.maintenance.remote_garbage import collect_remote
    from entrepot.workspace.projects.sizes import render_size

    rows, lines = [], []
    for found in collect_remote(console.project, grace_s=grace_s, is_rehearsal=is_rehearsal):
        report = found.report
        verb = "would be recorded" if is_rehearsal else "deleted" if report.phase == 2 else "recorded for deletion"
        lines.append(f"{found.storage}: {report.objects} objects, {render_size(report.bytes)}, {verb}")
        lines += [f"    {reason}: {render_size(size)}" for reason, size in report.by_reason.items()]
        rows.append(
            {
                "storage": found.storage,
                "phase": report.phase,
                "objects": report.objects,
                "bytes": report.bytes,
                "reasons": dict(report.by_reason),
            }
        )
    console.result(rows, lines)


def _relative(folder: Path, root: Path) -> str:
    return os.path.join(".", os.path.relpath(folder, root))
