"""Commands about hubs: copying an entity to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.workspace.consoles import Console, console_options
from entrepot.cli.workspace.wizards import asked_argument

if TYPE_CHECKING:
    from entrepot.workspace.maintenance.hub_copies import CopiedVersion


@click.command("to-hub", short_help="Copy all versions to a hub.")
@asked_argument("name")
@asked_argument("url")
@click.option("--repo-name", default="", help="Repository on the hub, if its name differs from the entity's.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@console_options
def to_hub(console: Console, name: str, url: str, repo_name: str, dry_run: bool) -> None:
    """Copy all published versions of an entity to a namespace on a hub (https://HUB/NAME).

    Tags, authors, dates and messages stay. A copy that was interrupted is continued by the same command.

    \b
    Example:
      ml-git datasets to-hub images https://hub.example.org/alice --dry-run
    """
    from entrepot.workspace.maintenance.hub_copies import copy_to_hub
    from entrepot.workspace.projects.sizes import render_size

    def report(found: CopiedVersion) -> None:
        counts = found.counts
        sent = f"{counts.objects} object{'' if counts.objects == 1 else 's'}, {render_size(counts.bytes_sent)}"
        done = f"would send {sent}" if dry_run else f"{sent} sent, commit {found.commit[:8]}"
        console.step(f"{found.tag}: {done if found.is_new else 'is on the hub already'}")

    copied = copy_to_hub(console.state, name, url, repository=repo_name, is_rehearsal=dry_run, report=report)
    rows = [
        {"tag": found.tag, "sha": found.commit, "new": found.is_new, "bytes_sent": found.counts.bytes_sent}
        for found in copied
    ]
    console.result({"versions": rows}, [] if copied else ["There is no published version"])
