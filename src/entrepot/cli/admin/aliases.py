"""``entrepot admin aliases``: short ids (without a namespace) under which repositories can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.targets import AdminTarget, target_options
from entrepot.cli.reports import show_json, show_table
from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import folder_options

if TYPE_CHECKING:
    from entrepot.hub.aliases import AliasRow
    from entrepot.hub.context import HubContext
    from entrepot.names import RepoRef, RepoType
    from entrepot.wire.repos.aliases import AliasFacts

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
@target_options
def add_alias(target: AdminTarget, name: str, repo: str, repo_type: str | None, as_json: bool) -> None:
    """Make NAME resolve to REPO (namespace/name), replacing an existing alias.

    \b
    Example:
      entrepot admin aliases add gpt2 library/gpt2
    """
    from entrepot.client.calls import administration as calls
    from entrepot.names import parse_repo_link

    ref = parse_repo_link(repo, repo_type)
    done = target.run(_put, calls.put_alias, ref, name)
    show_result(_fields(done), f"{done.name} resolves to {ref.type.prefix}{done.repo}", as_json=as_json)


@aliases.command("remove", short_help="Delete an alias.")
@click.argument("name")
@_TYPE
@json_option
@target_options
def remove_alias(target: AdminTarget, name: str, repo_type: str | None, as_json: bool) -> None:
    """Delete the alias NAME; the repository stays.

    \b
    Example:
      entrepot admin aliases remove gpt2
    """
    from entrepot.client.calls import administration as calls
    from entrepot.names import parse_repo_type

    kind = parse_repo_type(repo_type)
    target.run(_remove, calls.remove_alias, kind, name)
    show_result({"name": name, "type": kind.value, "removed": True}, f"removed {name}", as_json=as_json)


@aliases.command("list", short_help="List the aliases.")
@click.option("--type", "repo_type", metavar="TYPE", help="model, dataset or space; default: all.")
@json_option
@target_options
def list_aliases(target: AdminTarget, repo_type: str | None, as_json: bool) -> None:
    """List the aliases of a hub.

    \b
    Example:
      entrepot admin aliases list --type dataset
    """
    from entrepot.client.calls import administration as calls
    from entrepot.names import parse_repo_type

    kind = None if repo_type is None else parse_repo_type(repo_type)
    found = target.named(lambda alias: f"{alias.type}/{alias.name}", _list, calls.list_aliases, kind)
    if as_json:
        show_json([_fields(alias) for alias in found])
        return
    show_table(("NAME", "TYPE", "REPOSITORY"), [(alias.name, alias.type, alias.repo) for alias in found])


def _put(hub: HubContext, actor: str, ref: RepoRef, name: str) -> AliasFacts:
    from entrepot.hub import aliases as use_cases

    return _facts(use_cases.put(hub, name, ref, by=actor))


def _remove(hub: HubContext, actor: str, kind: RepoType, name: str) -> None:
    from entrepot.hub import aliases as use_cases

    use_cases.remove(hub, kind, name, by=actor)


def _list(hub: HubContext, _actor: str, kind: RepoType | None, after: str, limit: int) -> list[AliasFacts]:
    from entrepot.hub import aliases as use_cases

    after_kind, _, after_name = after.partition("/")
    return [_facts(row) for row in use_cases.search(hub, kind, after=(after_kind, after_name), limit=limit)]


def _facts(row: AliasRow) -> AliasFacts:
    from entrepot.wire.repos.aliases import AliasFacts

    return AliasFacts(name=row.name, type=row.repo.type.value, repo=str(row.repo.ref.id))


def _fields(alias: AliasFacts) -> dict[str, object]:
    return {"name": alias.name, "type": alias.type, "repo": alias.repo}
