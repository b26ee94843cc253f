"""``entrepot admin aliases``: short ids (without a namespace) under which repositories can be read."""

from __future__ import annotations

import click

from entrepot.cli.reports import show_json, show_table
from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import Session, folder_options, pass_session

_TYPE = click.option("--type", "repo_type", metavar="TYPE", help="model (default), dataset or space.")


@click.group(short_help="Make ids without a namespace resolve to repositories.")
@folder_options
def aliases() -> None:
    """Make ids without a namespace (gpt2) resolve to repositories in read requests.

    \b
    Examples:
      entrepot admin aliases add gpt2 library/gpt2
      entrepot admin aliases add squad library/squad --type dataset
      entrepot admin aliases list
    """


@aliases.command("add", short_help="Create or replace an alias of a repository.")
@click.argument("name")
@click.argument("repo")
@_TYPE
@json_option
@folder_options
@pass_session
def add_alias(session: Session, name: str, repo: str, repo_type: str | None, as_json: bool) -> None:
    """Make NAME resolve to REPO (namespace/name), replacing an existing alias.

    \b
    Example:
      entrepot admin aliases add gpt2 library/gpt2
    """
    from entrepot.hub import aliases as use_cases
    from entrepot.names import parse_repo_link

    target = parse_repo_link(repo, repo_type)
    with session.opened_hub() as hub:
        row = use_cases.put(hub, name, target)
    result = {"name": row.name, "type": row.repo.type.value, "repo": str(row.repo.ref.id)}
    show_result(result, f"{row.name} resolves to {row.repo.ref.path}", as_json=as_json)


@aliases.command("remove", short_help="Delete an alias.")
@click.argument("name")
@_TYPE
@json_option
@folder_options
@pass_session
def remove_alias(session: Session, name: str, repo_type: str | None, as_json: bool) -> None:
    """Delete the alias NAME; the repository stays.

    \b
    Example:
      entrepot admin aliases remove gpt2
    """
    from entrepot.hub import aliases as use_cases
    from entrepot.names import parse_repo_type

    kind = parse_repo_type(repo_type)
    with session.opened_hub() as hub:
        use_cases.remove(hub, kind, name)
    show_result({"name": name, "type": kind.value, "removed": True}, f"removed {name}", as_json=as_json)


@aliases.command("list", short_help="List the aliases.")
@click.option("--type", "repo_type", metavar="TYPE", help="model, dataset or space; default: all.")
@json_option
@folder_options
@pass_session
def list_aliases(session: Session, repo_type: str | None, as_json: bool) -> None:
    """List the aliases of this hub.

    \b
    Example:
      entrepot admin aliases list --type dataset
    """
    from entrepot.hub import aliases as use_cases
    from entrepot.names import parse_repo_type

    kind = None if repo_type is None else parse_repo_type(repo_type)
    with session.opened_hub() as hub:
        rows: list[tuple[str, str, str]] = []
        while found := use_cases.search(hub, kind, after=(rows[-1][1], rows[-1][0]) if rows else ("", "")):
            rows += [(row.name, row.repo.type.value, str(row.repo.ref.id)) for row in found]
    if as_json:
        show_json([dict(zip(("name", "type", "repo"), row, strict=True)) for row in rows])
        return
    show_table(("NAME", "TYPE", "REPOSITORY"), rows)
