"""``entrepot admin repos show``, ``protect`` and ``unprotect``: protected branches and immutable tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.imports import read_repo
from entrepot.cli.results import json_option, show_result
from entrepot.cli.sessions import Session, folder_options, pass_session

if TYPE_CHECKING:
    from entrepot.hub.repos.protections import Protections
    from entrepot.names import RepoRef


@click.command("show", short_help="Show protected branches and tags.")
@click.argument("name", metavar="REPO")
@json_option
@folder_options
@pass_session
def show_protections(session: Session, name: str, as_json: bool) -> None:
    """Show which branches are protected, and whether tags are immutable."""
    from entrepot.hub.repos import protections

    ref = read_repo(name)
    with session.opened_hub() as hub:
        _show(ref, protections.read(hub, ref), as_json=as_json)


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
@folder_options
@pass_session
def protect(session: Session, name: str, branches: tuple[str, ...], tags: bool | None, as_json: bool) -> None:
    """Protect branches or make tags immutable; existing protections stay.

    PATTERN is the name of a branch; * matches any text.

    \b
    Example:
      entrepot admin repos protect alice/model --branch main --tags
    """
    from entrepot.hub.repos import protections
    from entrepot.hub.repos.protections import Protections

    if not branches and tags is None:
        raise click.UsageError("name what to protect: --branch PATTERN, or --tags")

    def alter(now: Protections) -> Protections:
        return Protections(tuple(dict.fromkeys((*now.branches, *branches))), now.tags if tags is None else tags)

    ref = read_repo(name)
    with session.opened_hub() as hub:
        _show(ref, protections.change(hub, ref, alter), as_json=as_json)


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
@folder_options
@pass_session
def unprotect(session: Session, name: str, branches: tuple[str, ...], tags: bool, as_json: bool) -> None:
    """Remove the protection of the given branches and tags, or of all if none is given.

    \b
    Example:
      entrepot admin repos unprotect alice/model --branch 'release/*'
    """
    from entrepot.hub.repos import protections
    from entrepot.hub.repos.protections import Protections

    def alter(now: Protections) -> Protections:
        if not branches and not tags:
            return Protections((), tags=False)
        absent = [pattern for pattern in branches if pattern not in now.branches]
        if absent:
            raise click.ClickException(f"{absent[0]!r} is not protected; see 'entrepot admin repos show {name}'")
        kept = tuple(pattern for pattern in now.branches if pattern not in branches)
        return Protections(kept, now.tags and not tags)

    ref = read_repo(name)
    with session.opened_hub() as hub:
        _show(ref, protections.change(hub, ref, alter), as_json=as_json)


def _show(ref: RepoRef, found: Protections, *, as_json: bool) -> None:
    row = {"repo": str(ref.id), "type": ref.type.value, "branches": list(found.branches), "tags": found.tags}
    branches = ", ".join(found.branches) or "none"
    tags = "immutable" if found.tags else "not immutable"
    show_result(row, f"{ref.path}: protected branches: {branches}; tags are {tags}", as_json=as_json)
