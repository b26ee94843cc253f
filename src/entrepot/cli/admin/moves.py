"""``entrepot admin migrate``: move a hub to other stores."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from entrepot.cli.admin.findings import INCOMPLETE, rows_of, show_damage
from entrepot.cli.reports import ProgressLine, counted, render_bytes, show, show_json
from entrepot.cli.results import json_option
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.settings import load_settings

if TYPE_CHECKING:
    from entrepot.hub.jobs.moves import HubMove


@click.command(short_help="Move a hub to PostgreSQL, into a bucket, or back.")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--to", "database", metavar="URL", help="PostgreSQL database of the new hub; default: SQLite in FOLDER.")
@click.option("--store", metavar="URL", help="Bucket for its large files, s3://BUCKET/PREFIX; default: FOLDER.")
@click.option("--prepare", is_flag=True, help="Copy only large files, while the hub is in use.")
@click.option("--dry-run", is_flag=True, help="Copy nothing; show what would be copied.")
@click.option("--deep", is_flag=True, help="Read and hash every byte of the copy at the end.")
@json_option
@folder_options
@pass_session
def migrate(
    session: Session,
    folder: Path,
    database: str | None,
    store: str | None,
    prepare: bool,
    dry_run: bool,
    deep: bool,
    as_json: bool,
) -> int:
    """Copy a hub to other stores, with FOLDER as its new data folder; the old hub is not changed.

    Stop the hub (every server and worker) first; with --prepare it may run, and the next run has little
    left to copy. An interrupted run is continued by the same command. FOLDER,
    database and bucket must be empty otherwise. The settings of the new hub may
    also be in FOLDER/entrepot.toml, where other users cannot read passwords.

    The copy of the database is compared row by row, and every large file is
    verified while it is copied; --deep also hashes every byte of the copy.
    Damaged data is left out and listed, and the exit code is 3 then.

    \b
    Examples:
      entrepot admin migrate /srv/new --to postgresql:///hub --store 's3://models/hub' --dry-run
      entrepot admin migrate /srv/new --store 's3://models/hub?endpoint=https://s3.internal' --prepare
      entrepot admin migrate /srv/back --data /srv/new
    """
    from entrepot.hub.jobs import moves, server_presence

    file = folder / "entrepot.toml"
    flags = {"database": database, "store": store}
    environ = {name: value for name, value in session.environ.items() if not name.startswith("ENTREPOT_")}
    found = load_settings(
        flags=flags, environ=environ, toml_path=file if file.is_file() else None, default_data=folder.absolute()
    )
    target = msgspec.structs.replace(found.settings, data=folder.absolute())
    progress = ProgressLine()
    with (
        session.opened_hub() as hub,
        contextlib.nullcontext() if prepare or dry_run else server_presence.exclude_servers(hub),
    ):
        if dry_run:
            done = moves.plan(hub, target, progress)
        else:
            done = moves.move(hub, target, copies_database=not prepare, checks_content=deep, progress=progress)
    progress.clear()
    code = INCOMPLETE if done.findings else 0
    if as_json:
        show_json(_row(done) | {"findings": rows_of(done.findings)})
        return code
    show_damage(done.findings)
    verb = "would copy" if dry_run else "copied"
    show(
        f"{verb} {done.copied:,} of {counted(done.blobs, 'blob')}, {render_bytes(done.copied_bytes)} of "
        f"{render_bytes(done.size)}, and {counted(done.rows, 'row')}"
    )
    if done.is_complete:
        show(f"the hub is now in {target.data}: start it with the settings 'database' and 'store' that you gave here")
    return code


def _row(done: HubMove) -> dict[str, object]:
    names = ("blobs", "size", "copied", "copied_bytes", "rows", "is_complete")
    return {name: getattr(done, name) for name in names}
