"""``entrepot fsck`` and ``entrepot gc``: looking after what a hub keeps."""

from __future__ import annotations

import click

from entrepot.cli.reports import Progress, render_bytes, show, show_json
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.settings import parse_duration


def read_duration(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """The seconds behind a flag such as ``3w``.

    Raises:
        click.BadParameter: it is no duration.
    """
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(short_help="Check everything that a hub keeps.")
@folder_options
@click.option("--quick", is_flag=True, help="Look at presence and sizes only; do not read and hash every byte.")
@click.option("--deep", is_flag=True, help="Also read and hash every stored chunk; quarantine what is damaged.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def fsck(session: Session, quick: bool, deep: bool, as_json: bool) -> int:
    """Check everything that a hub keeps; nothing is changed, except that
    --deep stops serving chunks that it finds damaged.

    Findings are 'missing' or 'corrupt', which is damage (exit code 1), or
    without damage (exit code 0): 'orphaned', which 'entrepot gc' removes in
    time; 'unreadable', a path that no client can use, until it is deleted;
    'unproven', a large file in a repository whose content its uploader
    neither sent nor may read elsewhere now, as far as it is recorded. The hub
    may be in use meanwhile.

    \b
    Examples:
      entrepot fsck --data /srv/hub
      entrepot fsck --quick --json
    """
    from entrepot.hub.jobs import maintenance

    progress = Progress()
    found = []
    with session.opened_hub() as hub:
        for finding in maintenance.fsck(hub, checks_content=not quick, checks_chunks=deep, progress=progress):
            found.append(finding)
            if not as_json:
                progress.clear()
                size = f" ({render_bytes(finding.size)})" if finding.size else ""
                show(f"{finding.kind:<10}  {finding.where}: {finding.what}{size}")
    progress.clear()
    not_checked = ["the bytes of chunks of large files (--deep reads and hashes them)"] if not deep else []
    if quick:
        not_checked.append("the bytes of git objects, raw large files and clone caches (without --quick they are)")
    damaged = sum(finding.is_damage for finding in found)
    counts = {kind: sum(finding.kind == kind for finding in found) for kind in ("orphaned", "unreadable", "unproven")}
    if as_json:
        rows = [
            {"kind": finding.kind, "where": finding.where, "what": finding.what, "size": finding.size}
            for finding in found
        ]
        show_json({"damaged": damaged, **counts, "not_checked": not_checked, "findings": rows})
    elif not found:
        show("everything that was checked is there and as it should be" if not quick else "everything is there")
    else:
        others = [f"{counts[kind]} {kind}" for kind in ("unreadable", "unproven") if counts[kind]]
        show(", ".join([f"{damaged} damaged", f"{counts['orphaned']} orphaned", *others]))
    if not_checked and not as_json:
        show(f"not checked: {'; '.join(not_checked)}")
    return 1 if damaged else 0


@click.command(short_help="Delete what is no longer referenced.")
@folder_options
@click.option("--dry-run", is_flag=True, help="Only tell what would go, why, and how many bytes that frees.")
@click.option(
    "--grace",
    metavar="DURATION",
    callback=read_duration,
    help="How old it must be, such as 3w or 12h; else the setting gc_grace_s.",
)
@click.option(
    "--bump-epoch",
    is_flag=True,
    help="Make clients forget which chunks are stored, so that chunks need not wait three weeks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def gc(session: Session, dry_run: bool, grace: int | None, bump_epoch: bool, as_json: bool) -> None:
    """Delete what is no longer referenced, after a grace period.

    Deleted repositories, objects that no branch leads to, large files that no
    commit names, uploads that nobody finished. The hub may be in use
    meanwhile. Grace periods below a day may take the bytes of an upload that
    is still under way.

    \b
    Examples:
      entrepot gc --dry-run
      entrepot gc --data /srv/hub --grace 1w
    """
    from entrepot.hub.jobs import maintenance

    progress = Progress()
    swept = []
    grace_ms = None if grace is None else grace * 1000
    with session.opened_hub() as hub:
        for item in maintenance.gc(
            hub, grace_ms=grace_ms, is_rehearsal=dry_run, bumps_epoch=bump_epoch, progress=progress
        ):
            swept.append(item)
            if not as_json:
                progress.clear()
                verb = "would remove" if dry_run else "removed"
                show(f"{verb}  {item.kind}  {item.what}: {item.why} ({render_bytes(item.size)})")
    progress.clear()
    size = sum(item.size for item in swept)
    if as_json:
        rows = [{"kind": item.kind, "what": item.what, "why": item.why, "size": item.size} for item in swept]
        show_json({"dry_run": dry_run, "size": size, "items": rows})
    elif not swept:
        show("there is nothing to remove")
    else:
        verb = "would free" if dry_run else "freed"
        show(f"{verb} {render_bytes(size)} ({size:,} bytes) in {len(swept)} steps")


@click.command(short_help="Show what repositories cost, and what deleting them frees.")
@folder_options
@click.argument("target", metavar="[REPO[@REV]]", required=False)
@click.option("--repo-type", default="model", help="model, dataset or space.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def du(session: Session, target: str | None, repo_type: str, as_json: bool) -> None:
    """Show what repositories cost, and what deleting them frees.

    Of each repository (or of one, or of one revision of it): the logical
    bytes of its files, the bytes stored for its large files after compression
    and deduplication, the part of them that others need too, and the bytes
    that its deletion frees once the grace period is over.

    \b
    Examples:
      entrepot du
      entrepot du alice/my-model
      entrepot du alice/my-data@v1 --repo-type dataset --json
    """
    from entrepot.hub.repos import storage_costs
    from entrepot.names import parse_repo_link

    with session.opened_hub() as hub:
        if target is None:
            costs = storage_costs.of_everything(hub)
        else:
            name, _, revision = target.partition("@")
            ref = parse_repo_link(name, repo_type)
            operator = storage_costs.OPERATOR
            costs = [
                storage_costs.of_revision(hub, operator, ref, revision)
                if revision
                else storage_costs.of_repo(hub, operator, ref)
            ]
    if as_json:
        show_json({"repositories": [storage_costs.as_fields(cost) for cost in costs]})
        return
    for cost in costs:
        figures = (render_bytes(size) for size in (cost.logical, cost.stored, cost.shared, cost.freed))
        logical, stored, shared, freed = figures
        show(f"{cost.name}: {logical} logical, {stored} stored, {shared} shared, {freed} freed by deletion")
