"""``entrepot fsck``, ``entrepot gc`` and ``entrepot du``: integrity checks, garbage collection and storage usage."""

from __future__ import annotations

import click

from entrepot.cli.admin.findings import rows_of, show_finding
from entrepot.cli.reports import ProgressLine, counted, render_bytes, show, show_json
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.settings import parse_duration


def read_duration(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Parse the value of a duration option such as ``3w`` into seconds.

    Raises:
        click.BadParameter: the value is not a duration.
    """
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(short_help="Check the integrity of all stored data.")
@folder_options
@click.option("--quick", is_flag=True, help="Check presence and sizes only; do not read and hash every byte.")
@click.option("--deep", is_flag=True, help="Also read and hash every stored chunk; quarantine damaged ones.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def fsck(session: Session, quick: bool, deep: bool, as_json: bool) -> int:
    """Check the integrity of all stored data. Nothing is changed, except that
    the hub no longer serves large files that are found damaged, and with --deep
    no damaged chunks. An upload of the same content replaces them.

    Findings of the kinds 'missing' and 'corrupt' are damage (exit code 1). The
    others are not (exit code 0): 'orphaned' data is removed by 'entrepot gc'
    after the grace period; an 'unreadable' path cannot be used by any client
    and should be deleted; an 'unproven' large file is one whose uploader, as
    far as recorded, neither sent the content nor can read it elsewhere now.
    The hub may be in use during the check.

    \b
    Examples:
      entrepot fsck --data /srv/hub
      entrepot fsck --quick --json
    """
    from entrepot.hub.jobs import damaged_content, maintenance

    progress = ProgressLine()
    found = []
    with session.opened_hub() as hub:
        for finding in maintenance.fsck(hub, checks_content=not quick, checks_chunks=deep, progress=progress):
            found.append(finding)
            if not as_json:
                progress.clear()
                show_finding(finding)
    progress.clear()
    not_checked = ["chunks of large files (--deep reads and hashes them)"] if not deep else []
    if quick:
        not_checked.append("contents of git objects, raw large files and mirrors (omit --quick to check them)")
    damaged = sum(finding.is_damage for finding in found)
    counts = {kind: sum(finding.kind == kind for finding in found) for kind in ("orphaned", "unreadable", "unproven")}
    if as_json:
        show_json({"damaged": damaged, **counts, "not_checked": not_checked, "findings": rows_of(found)})
    elif not found:
        show("everything that was checked is present and intact" if not quick else "everything is present")
    else:
        others = [f"{counts[kind]} {kind}" for kind in ("unreadable", "unproven") if counts[kind]]
        show(", ".join([f"{damaged} damaged", f"{counts['orphaned']} orphaned", *others]))
        if any(finding.used_by for finding in found):
            show(f"to repair: {damaged_content.CURE}")
    if not_checked and not as_json:
        show(f"not checked: {'; '.join(not_checked)}")
    return 1 if damaged else 0


@click.command(short_help="Delete unreferenced data.")
@folder_options
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted, why, and how many bytes that frees.")
@click.option(
    "--grace",
    metavar="DURATION",
    callback=read_duration,
    help="Minimum age of deleted data, such as 3w or 12h; default: the setting gc_grace_s.",
)
@click.option(
    "--bump-epoch",
    is_flag=True,
    help="Make clients forget which chunks are stored; chunks can then be deleted before three weeks have passed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def gc(session: Session, dry_run: bool, grace: int | None, bump_epoch: bool, as_json: bool) -> None:
    """Delete unreferenced data after a grace period.

    Unreferenced are deleted repositories, objects that no ref reaches, large
    files that no commit references, and unfinished uploads. The hub may be in
    use during the run. A grace period below one day may delete data of an
    upload that is still in progress.

    \b
    Examples:
      entrepot gc --dry-run
      entrepot gc --data /srv/hub --grace 1w
    """
    from entrepot.hub.jobs import maintenance

    progress = ProgressLine()
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
                show(f"{verb}  {item.kind}  {item.what}: {item.reason} ({render_bytes(item.size)})")
    progress.clear()
    size = sum(item.size for item in swept)
    if as_json:
        rows = [{"kind": item.kind, "what": item.what, "reason": item.reason, "size": item.size} for item in swept]
        show_json({"dry_run": dry_run, "size": size, "items": rows})
    elif not swept:
        show("nothing to remove")
    else:
        verb = "would free" if dry_run else "freed"
        show(f"{verb} {render_bytes(size)} ({size:,} bytes) in {counted(len(swept), 'item')}")


@click.command(short_help="Show the storage used by repositories.")
@folder_options
@click.argument("target", metavar="[REPO[@REV]]", required=False)
@click.option("--repo-type", metavar="TYPE", help="model, dataset, space or bucket; default: that of the id, or model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_session
def du(session: Session, target: str | None, repo_type: str | None, as_json: bool) -> None:
    """Show the storage used by repositories.

    For each repository (or for one, or one revision of it): the logical size
    of its files, the bytes stored for its large files after compression and
    deduplication, the part of them shared with other repositories, and the
    bytes that deleting it frees after the grace period.

    \b
    Examples:
      entrepot du
      entrepot du alice/my-model
      entrepot du buckets/alice/checkpoints
      entrepot du alice/my-data@v1 --repo-type dataset --json
    """
    from entrepot.hub.repos import storage_costs
    from entrepot.names import parse_repo_link

    with session.opened_hub() as hub:
        if target is None:
            costs = storage_costs.of_everything(hub)
        else:
            name, _, revision = target.partition("@")
            ref = parse_repo_link(name, repo_type, takes_buckets=True)
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
