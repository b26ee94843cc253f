"""``entrepot admin repos list`` and ``transfer``: all repositories of a hub."""

from __future__ import annotations

import click

from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.reports import counted, show_json, show_table
from entrepot.cli.results import json_option, show_result


@click.command(short_help="List repositories, including private ones.")
@click.argument("namespace", required=False)
@json_option
@target_options
def list_repos(target: AdminTarget, namespace: str | None, as_json: bool) -> None:
    """List the repositories of NAMESPACE, or of the whole hub, including private and disabled ones.

    \b
    Examples:
      entrepot admin repos list
      entrepot admin repos list acme --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    found = target.run(administration.list_repos, calls.list_repos, namespace)
    rows = list(found.repos)
    while found.after is not None:
        found = target.run(administration.list_repos, calls.list_repos, namespace, found.after)
        rows += found.repos
    if as_json:
        show_json([fields_of(row) for row in rows])
        return
    show_table(
        ("REPOSITORY", "TYPE", "VISIBILITY", "GATED", "STATE", "UPDATED"),
        [
            (
                row.repo,
                row.type,
                "private" if row.private else "public",
                row.gated,
                "disabled" if row.disabled else "active",
                row.updated_at,
            )
            for row in rows
        ],
    )


@click.command(short_help="Move all repositories of a namespace into another one.")
@click.argument("source")
@click.argument("destination")
@json_option
@target_options
def transfer_repos(target: AdminTarget, source: str, destination: str, as_json: bool) -> None:
    """Move all repositories of SOURCE to DESTINATION, all or none; the old names redirect.

    \b
    Example:
      entrepot admin repos transfer bob research
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import account_removal

    moved = target.run(account_removal.transfer_all, calls.transfer_all, source, destination)
    lines = [
        *(f"moved {path}" for path in moved.moved),
        f"{counted(len(moved.moved), 'repository', 'repositories')} moved to {destination}",
    ]
    show_result(fields_of(moved), "\n".join(lines), as_json=as_json)
