"""The commands of ``ah`` beyond those of the T9k SDK: staged changes and sharing."""

from __future__ import annotations

from collections.abc import Sequence

import click

from entrepot.cli.asset_hub import add_option, delete_option, opened, show_done, split_addition
from entrepot.cli.client.options import HubClient, hub_options
from entrepot.cli.reports import show_json, show_table
from entrepot.cli.results import json_option


@click.command(short_help="Put changes on a branch without committing them.")
@click.argument("path")
@add_option
@delete_option
@json_option
@hub_options
def stage(client: HubClient, path: str, additions: Sequence[str], deletions: Sequence[str], as_json: bool) -> None:
    """Put changes on the branch PATH without committing them; `ah commit PATH -m TEXT -f` commits them.

    \b
    Examples:
      ah stage model/llm/gpt2:main -a model.pt
      ah commit model/llm/gpt2:main -m "add weights" -f
    """
    from entrepot.ah import functions

    with opened(client):
        functions.stage(path, [split_addition(item) for item in additions], list(deletions))
    show_done({"path": path, "staged": True}, as_json=as_json)


@click.command(short_help="List your staged changes of a branch.")
@click.argument("path")
@json_option
@hub_options
def status(client: HubClient, path: str, as_json: bool) -> None:
    """List your staged changes of the branch PATH.

    \b
    Example:
      ah status model/llm/gpt2:main
    """
    from entrepot.ah import functions

    with opened(client):
        rows = functions.status(path)
    if as_json:
        show_json(rows)
    elif rows:
        show_table(
            ("OP", "PATH", "BYTES", "STAGED"),
            [(row["op"], row["path"], str(row["size_bytes"]), row["time"]) for row in rows],
        )


@click.command(short_help="Drop your staged changes of a branch.")
@click.argument("path")
@click.option(
    "--all-users", is_flag=True, help="Drop the staged changes of all users; only the owner of the folder may."
)
@json_option
@hub_options
def reset(client: HubClient, path: str, all_users: bool, as_json: bool) -> None:
    """Drop your staged changes of the branch PATH.

    \b
    Example:
      ah reset model/llm/gpt2:main
    """
    from entrepot.ah import functions

    with opened(client):
        functions.reset(path, all_users)
    show_done({"path": path, "reset": True}, as_json=as_json)


_user = click.option("--user", metavar="NAME", help="Name of a user.")
_group = click.option("--group", metavar="NAME", help="Name of an organisation, for all its members.")
_public = click.option("--public", is_flag=True, help="Everyone.")


def _need_one(user: str | None, group: str | None, public: bool) -> None:
    """Raise a usage error unless exactly one of the options names a subject."""
    if (user is not None) + (group is not None) + public != 1:
        raise click.UsageError("give exactly one of --user, --group and --public")


@click.command(short_help="Share a folder.")
@click.argument("path")
@_user
@_group
@_public
@click.option("--edit", is_flag=True, help="Also allow changes: permission edit instead of view.")
@json_option
@hub_options
def share(
    client: HubClient, path: str, user: str | None, group: str | None, public: bool, edit: bool, as_json: bool
) -> None:
    """Share the folder PATH with a user, a group or everyone.

    \b
    Examples:
      ah share model/llm --user bob
      ah share model/llm --group research --edit
      ah share model/llm --public
    """
    from entrepot.ah import functions

    _need_one(user, group, public)
    with opened(client):
        functions.share(path, user, group, public, "edit" if edit else "view")
    row = {"path": path, "user": user, "group": group, "public": public, "permission": "edit" if edit else "view"}
    show_done(row, as_json=as_json)


@click.command(short_help="Revoke a grant of a folder.")
@click.argument("path")
@_user
@_group
@_public
@json_option
@hub_options
def unshare(client: HubClient, path: str, user: str | None, group: str | None, public: bool, as_json: bool) -> None:
    """Revoke what was granted on the folder PATH to a user, a group or everyone.

    \b
    Example:
      ah unshare model/llm --user bob
    """
    from entrepot.ah import functions

    _need_one(user, group, public)
    with opened(client):
        functions.unshare(path, user, group, public)
    show_done({"path": path, "user": user, "group": group, "public": public, "removed": True}, as_json=as_json)


@click.command(short_help="List with whom a folder is shared.")
@click.argument("path")
@json_option
@hub_options
def grants(client: HubClient, path: str, as_json: bool) -> None:
    """List with whom the folder PATH is shared.

    \b
    Example:
      ah grants model/llm --json
    """
    from entrepot.ah import functions

    with opened(client):
        rows = functions.list_grants(path)
    if as_json:
        show_json(rows)
    elif rows:
        subjects = [
            f"user {row['user']}" if "user" in row else f"group {row['group']}" if "group" in row else "everyone"
            for row in rows
        ]
        show_table(
            ("SUBJECT", "PERMISSION", "GRANTED", "GRANTER"),
            [
                (name, row["permission"], row["granted"], row["granter"] or "")
                for name, row in zip(subjects, rows, strict=True)
            ],
        )
