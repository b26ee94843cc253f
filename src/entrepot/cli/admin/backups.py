"""``entrepot backup`` and ``entrepot restore``: verified copies of a hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.findings import INCOMPLETE, rows_of, show_damage, show_finding
from entrepot.cli.groups import LazyGroup
from entrepot.cli.reports import ProgressLine, counted, render_bytes, show, show_json, show_table
from entrepot.cli.results import json_option
from entrepot.cli.sessions import Session, folder_options, pass_session

if TYPE_CHECKING:
    from entrepot.hub.jobs.backup_folders import Snapshot

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_snapshot = click.option("--snapshot", metavar="NAME", help="Name of the snapshot; default: the newest.")
_keep_help = "Keep this many snapshots; delete older ones, and blobs that only they need."


class _CreateGroup(LazyGroup):
    """A group in which ``backup DIR`` means ``backup create DIR``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert ``create`` if the first argument is not a command."""
        rest = super().parse_args(ctx, args)
        protected: list[str] = ctx._protected_args
        if protected and self.get_command(ctx, protected[0]) is None:
            ctx._protected_args = ["create"]
            ctx.args = [*protected, *ctx.args]
        return rest


@click.group(cls=_CreateGroup, short_help="Back up a hub, list and verify backups.")
@folder_options
def backup() -> None:
    """Back up a hub, list and verify backups.

    'entrepot backup DIR' is short for 'entrepot backup create DIR'.

    \b
    Examples:
      entrepot backup /backup/hub --keep 14
      entrepot backup verify /backup/hub
      entrepot restore /backup/hub --data /srv/restored
    """


@backup.command("create", short_help="Add a snapshot to a backup folder.")
@_folder
@click.option("--keep", type=click.IntRange(1), metavar="N", help=_keep_help)
@json_option
@folder_options
@pass_session
def create(session: Session, folder: Path, keep: int | None, as_json: bool) -> int:
    """Add a snapshot of the hub to the backup folder DIR, which is created if it does not exist.

    The hub may be in use: the snapshot is consistent. Only blobs that DIR does
    not have are copied, and every byte is verified. DIR then holds the secrets
    of the hub: protect it like the data folder.

    Data that is damaged in the hub is left out and listed, with the
    repositories and paths that use it, and the exit code is 3. The next backup
    tries again.

    \b
    Examples:
      entrepot backup /backup/hub
      entrepot backup create /backup/hub --data /srv/hub --keep 14
    """
    from entrepot.hub.jobs import backups

    progress = ProgressLine()
    with session.opened_hub() as hub:
        done = backups.backup(hub, folder.absolute(), keep=keep, progress=progress)
    progress.clear()
    lacks = done.snapshot.lacks
    code = INCOMPLETE if lacks else 0
    if as_json:
        row = _row(done.snapshot) | {"copied": done.copied, "copied_bytes": done.copied_bytes}
        show_json(row | {"deleted": list(done.deleted), "findings": rows_of(lacks)})
        return code
    show_damage(lacks)
    copied = f"{done.copied:,} copied now, {render_bytes(done.copied_bytes)}"
    show(f"{done.snapshot.name}: {counted(done.snapshot.blobs, 'blob')}, {render_bytes(done.snapshot.size)} ({copied})")
    for name in done.deleted:
        show(f"deleted snapshot {name}")
    if lacks:
        show(f"the snapshot lacks what is listed above, and is complete otherwise ({len(lacks):,} damaged)")
    return code


def _row(snapshot: Snapshot) -> dict[str, object]:
    return {"snapshot": snapshot.name, "blobs": snapshot.blobs, "size": snapshot.size, "damaged": len(snapshot.lacks)}


@backup.command("list", short_help="List the snapshots of a backup folder.")
@_folder
@json_option
def list_snapshots(folder: Path, as_json: bool) -> None:
    """List the snapshots of the backup folder DIR, oldest first.

    \b
    Example:
      entrepot backup list /mnt/backups
    """
    from entrepot.hub.jobs import backup_folders

    found = backup_folders.snapshots(folder.absolute())
    if as_json:
        show_json([_row(item) for item in found])
        return
    rows = [(it.name, f"{it.blobs:,}", render_bytes(it.size), f"{len(it.lacks):,}") for it in found]
    show_table(("SNAPSHOT", "BLOBS", "SIZE", "DAMAGED"), rows)


@backup.command("verify", short_help="Check that a backup can be restored.")
@_folder
@_snapshot
@click.option("--quick", is_flag=True, help="Check presence and sizes only; do not read and hash every byte.")
@json_option
def verify(folder: Path, snapshot: str | None, quick: bool, as_json: bool) -> int:
    """Check that a snapshot in DIR can be restored, by reading and hashing every byte.

    The exit code is 1 if something is missing or damaged, and 3 if the
    snapshot lacks only what the hub lacked when it was backed up.

    \b
    Example:
      entrepot backup verify /backup/hub
    """
    from entrepot.hub.jobs import backup_folders, backups

    progress = ProgressLine()
    chosen = backup_folders.choose(folder.absolute(), snapshot)
    found = []
    for finding in backups.verify(folder.absolute(), chosen.name, is_quick=quick, progress=progress):
        found.append(finding)
        if not as_json:
            progress.clear()
            show_finding(finding)
    progress.clear()
    code = 1 if found else (INCOMPLETE if chosen.lacks else 0)
    if as_json:
        show_json({"damaged": len(found), "findings": rows_of(found), "lacks": rows_of(chosen.lacks)})
        return code
    if chosen.lacks:
        show("the hub lacked this when it was backed up:")
        show_damage(chosen.lacks)
    if not found:
        rest = "otherwise " if chosen.lacks else ""
        show(f"the snapshot is {rest}complete" + ("" if quick else ", and every byte was verified"))
    return code


@backup.command("prune", short_help="Delete old snapshots.")
@_folder
@click.option("--keep", type=click.IntRange(1), metavar="N", required=True, help=_keep_help)
@json_option
def prune(folder: Path, keep: int, as_json: bool) -> None:
    """Delete all but the newest N snapshots of DIR, and the blobs that only the deleted ones needed.

    \b
    Example:
      entrepot backup prune /backup/hub --keep 14
    """
    from entrepot.hub.jobs import backups

    deleted = backups.prune(folder.absolute(), keep)
    if as_json:
        show_json({"deleted": deleted})
        return
    for name in deleted:
        show(f"deleted snapshot {name}")
    if not deleted:
        show("nothing to delete")


@click.command(short_help="Restore a backup into a new data folder.")
@_folder
@_snapshot
@json_option
@folder_options
@pass_session
def restore(session: Session, folder: Path, snapshot: str | None, as_json: bool) -> int:
    """Restore a snapshot from DIR into the data folder, which must be absent or empty.

    A restore that was interrupted continues if the command is repeated.

    If the settings 'database' or 'store' are set, the database or the large
    files are written there, and these must be empty too, whatever the hub had
    before: this moves a hub to PostgreSQL, into a bucket, or back. Every byte
    is verified, then the whole hub is checked. Damaged data is left out and
    listed, and the exit code is 3 then.

    \b
    Examples:
      entrepot restore /backup/hub --data /srv/restored
      ENTREPOT_DATABASE=postgresql:///hub entrepot restore /backup/hub --data /srv/moved
    """
    from entrepot.hub.jobs import backups

    settings = session.load().settings
    progress, data = ProgressLine(), settings.data
    done, found = backups.restore(folder.absolute(), settings, snapshot, progress=progress)
    progress.clear()
    code = INCOMPLETE if found else 0
    if as_json:
        show_json(_row(done) | {"damaged": len(found), "findings": rows_of(found)})
        return code
    show_damage(found)
    show(f"restored {done.name} into {data}: {counted(done.blobs, 'blob')}, {render_bytes(done.size)}")
    if found:
        show(f"the restored hub lacks what is listed above ({len(found):,} damaged)")
    return code
