"""``entrepot admin repos disable`` and ``enable``: restrict repositories to administrators, and undo it."""

from __future__ import annotations

import click

from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.results import json_option, show_result
from entrepot.names import parse_repo_link


@click.command(short_help="Restrict a repository to administrators of the hub.")
@click.argument("repo")
@click.option("--reason", required=True, help="The reason; kept in the audit log and not shown to other users.")
@json_option
@target_options
def disable_repo(target: AdminTarget, repo: str, reason: str, as_json: bool) -> None:
    """Restrict REPO (alice/model, datasets/alice/data, buckets/alice/b) to administrators of the hub.

    The repository stays listed and keeps its data; 'entrepot admin repos enable'
    opens it again.

    \b
    Example:
      entrepot admin repos disable alice/model --reason "reported: contains private data"
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import restrictions

    ref = parse_repo_link(repo, takes_buckets=True)
    done = target.run(restrictions.disable, calls.disable, ref, reason)
    show_result(fields_of(done), f"disabled {ref.path}", as_json=as_json)


@click.command(short_help="Enable a disabled repository.")
@click.argument("repo")
@json_option
@target_options
def enable_repo(target: AdminTarget, repo: str, as_json: bool) -> None:
    """Enable REPO (alice/model, datasets/alice/data, buckets/alice/b) after it was disabled.

    \b
    Example:
      entrepot admin repos enable acme/bert
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import restrictions

    ref = parse_repo_link(repo, takes_buckets=True)
    done = target.run(restrictions.enable, calls.enable, ref)
    show_result(fields_of(done), f"enabled {ref.path}", as_json=as_json)
