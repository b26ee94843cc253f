"""``entrepot admin repos disable`` and ``enable``: restrict repositories to administrators, and undo it."""

from __future__ import annotations

import click

from entrepot.cli.admin.imports import read_repo
from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import Session, folder_options, pass_session


@click.command(short_help="Restrict a repository to administrators of the hub.")
@click.argument("repo")
@click.option("--reason", required=True, help="The reason; kept in the audit log and not shown to other users.")
@json_option
@folder_options
@pass_session
def disable_repo(session: Session, repo: str, reason: str, as_json: bool) -> None:
    """Restrict REPO (alice/model, datasets/alice/data) to administrators of the hub.

    The repository stays listed and keeps its data; 'entrepot admin repos enable'
    opens it again.

    \b
    Example:
      entrepot admin repos disable alice/model --reason "reported: contains private data"
    """
    from entrepot.hub.community import moderation

    with session.opened_hub() as hub:
        row = moderation.disable(hub, read_repo(repo), reason)
    result = {"repo": str(row.ref.id), "type": row.type.value, "disabled": True, "reason": moderation.reason_of(row)}
    show_result(result, f"disabled {row.ref.path}", as_json=as_json)


@click.command(short_help="Open a disabled repository again.")
@click.argument("repo")
@json_option
@folder_options
@pass_session
def enable_repo(session: Session, repo: str, as_json: bool) -> None:
    """Open REPO (alice/model, datasets/alice/data) again."""
    from entrepot.hub.community import moderation

    with session.opened_hub() as hub:
        row = moderation.enable(hub, read_repo(repo))
    result = {"repo": str(row.ref.id), "type": row.type.value, "disabled": False, "reason": None}
    show_result(result, f"enabled {row.ref.path}", as_json=as_json)
