"""``entrepot admin repos show``, ``protect`` and ``unprotect``: protected branches and immutable tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.imports import read_repo
from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.results import json_option, show_result

if TYPE_CHECKING:
    from entrepot.names import RepoRef
    from entrepot.wire.repos.restrictions import ProtectionChanges, RepoProtections


@click.command("show", short_help="Show protected branches and tags.")
@click.argument("name", metavar="REPO")
@json_option
@target_options
def show_protections(target: AdminTarget, name: str, as_json: bool) -> None:
    """Show which branches are protected, and whether tags are immutable.

    \b
    Example:
      entrepot admin repos show acme/bert --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import restrictions

    ref = read_repo(name)
    _show(ref, target.run(restrictions.show_protections, calls.show_protections, ref), as_json=as_json)


@click.command("protect", short_help="Protect branches, make tags immutable.")
@click.argument("name", metavar="REPO")
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="PATTERN",
    help="Branch name or pattern such as release/*; may be repeated.",
)
@click.option("--tags/--no-tags", "tags", default=None, help="Make tags immutable, or mutable again.")
@json_option
@target_options
def protect(target: AdminTarget, name: str, branches: tuple[str, ...], tags: bool | None, as_json: bool) -> None:
    """Protect branches or make tags immutable; existing protections stay.

    PATTERN is the name of a branch; * matches any text.

    \b
    Example:
      entrepot admin repos protect alice/model --branch main --tags
    """
    from entrepot.wire.repos.restrictions import ProtectionChanges

    if not branches and tags is None:
        raise click.UsageError("name what to protect: --branch PATTERN, or --tags")
    _change(target, name, ProtectionChanges(protect=branches, tags=tags), as_json=as_json)


@click.command("unprotect", short_help="Remove the protection of branches and tags.")
@click.argument("name", metavar="REPO")
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="PATTERN",
    help="The pattern as it was given to 'protect'; may be repeated.",
)
@click.option("--tags", is_flag=True, help="Make tags mutable again.")
@json_option
@target_options
def unprotect(target: AdminTarget, name: str, branches: tuple[str, ...], tags: bool, as_json: bool) -> None:
    """Remove the protection of the given branches and tags, or of all if none is given.

    \b
    Example:
      entrepot admin repos unprotect alice/model --branch 'release/*'
    """
    from entrepot.wire.repos.restrictions import ProtectionChanges

    is_all = not branches and not tags
    changes = ProtectionChanges(unprotect=branches, unprotect_all=is_all, tags=False if tags or is_all else None)
    _change(target, name, changes, as_json=as_json)


def _change(target: AdminTarget, name: str, changes: ProtectionChanges, *, as_json: bool) -> None:
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import restrictions

    ref = read_repo(name)
    found = target.run(restrictions.change_protections, calls.change_protections, ref, changes)
    _show(ref, found, as_json=as_json)


def _show(ref: RepoRef, found: RepoProtections, *, as_json: bool) -> None:
    branches = ", ".join(found.branches) or "none"
    tags = "immutable" if found.tags else "not immutable"
    text = f"{ref.path}: protected branches: {branches}; tags are {tags}"
    show_result(fields_of(found), text, as_json=as_json)
