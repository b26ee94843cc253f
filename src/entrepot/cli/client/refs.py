"""``entrepot repo branch`` and ``entrepot repo tag``."""

from __future__ import annotations

import click

from entrepot.cli.client.options import HubClient, confirm, hub_options, revision_option, type_option
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import show, show_json
from entrepot.cli.results import json_option, show_result

_HERE = "entrepot.cli.client.refs"

_BRANCHES = (
    CommandEntry("list", f"{_HERE}:list_branches", "List the branches of a repository."),
    CommandEntry("create", f"{_HERE}:create_branch", "Create a branch."),
    CommandEntry("delete", f"{_HERE}:delete_branch", "Delete a branch."),
)
_TAGS = (
    CommandEntry("list", f"{_HERE}:list_tags", "List the tags of a repository."),
    CommandEntry("create", f"{_HERE}:create_tag", "Create a tag."),
    CommandEntry("delete", f"{_HERE}:delete_tag", "Delete a tag."),
)


@click.group(cls=LazyGroup, entries=_BRANCHES, short_help="List, create and delete branches.")
def branch() -> None:
    """List, create and delete branches."""


@click.group(cls=LazyGroup, entries=_TAGS, short_help="List, create and delete tags.")
def tag() -> None:
    """List, create and delete tags."""


@click.command("list", short_help="List the branches of a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def list_branches(client: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """List the branches of REPO with their head commits.

    \b
    Example:
      entrepot repo branch list acme/bert --json
    """
    found = client.api.list_repo_refs(repo, repo_type=repo_type).branches
    _show([(item.name, item.target_commit) for item in found], as_json=as_json)


@click.command("list", short_help="List the tags of a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def list_tags(client: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """List the tags of REPO with the commits that they name.

    \b
    Example:
      entrepot repo tag list acme/bert
    """
    found = client.api.list_repo_refs(repo, repo_type=repo_type).tags
    _show([(item.name, item.target_commit) for item in found], as_json=as_json)


@click.command("create", short_help="Create a branch.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="BRANCH")
@type_option
@revision_option
@click.option("--exist-ok", is_flag=True, help="Succeed if it already exists.")
@json_option
@hub_options
def create_branch(
    client: HubClient, repo: str, name: str, repo_type: str, revision: str | None, exist_ok: bool, as_json: bool
) -> None:
    """Create BRANCH in REPO at --revision.

    \b
    Example:
      entrepot repo branch create acme/bert dev --revision v1
    """
    client.api.create_branch(repo, branch=name, revision=revision, repo_type=repo_type, exist_ok=exist_ok)
    show_result({"repo": repo, "branch": name}, f"created branch {name} of {repo}", as_json=as_json)


@click.command("create", short_help="Create a tag.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="TAG")
@type_option
@revision_option
@click.option("--message", "-m", metavar="TEXT", help="Message of an annotated tag; default: a lightweight tag.")
@click.option("--exist-ok", is_flag=True, help="Succeed if it already exists.")
@json_option
@hub_options
def create_tag(
    client: HubClient,
    repo: str,
    name: str,
    repo_type: str,
    revision: str | None,
    message: str | None,
    exist_ok: bool,
    as_json: bool,
) -> None:
    """Create TAG in REPO at --revision.

    \b
    Example:
      entrepot repo tag create acme/bert v1 --message "first release"
    """
    client.api.create_tag(
        repo, tag=name, tag_message=message, revision=revision, repo_type=repo_type, exist_ok=exist_ok
    )
    show_result({"repo": repo, "tag": name}, f"created tag {name} of {repo}", as_json=as_json)


@click.command("delete", short_help="Delete a branch.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="BRANCH")
@type_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@hub_options
def delete_branch(client: HubClient, repo: str, name: str, repo_type: str, yes: bool, as_json: bool) -> None:
    """Delete BRANCH of REPO; commits that no other ref reaches are lost.

    \b
    Example:
      entrepot repo branch delete acme/bert dev
    """
    confirm(f"Delete the branch {name} of {repo}?", is_sure=yes)
    client.api.delete_branch(repo, branch=name, repo_type=repo_type)
    show_result({"repo": repo, "branch": name}, f"deleted branch {name} of {repo}", as_json=as_json)


@click.command("delete", short_help="Delete a tag.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="TAG")
@type_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@hub_options
def delete_tag(client: HubClient, repo: str, name: str, repo_type: str, yes: bool, as_json: bool) -> None:
    """Delete TAG of REPO.

    \b
    Example:
      entrepot repo tag delete acme/bert v1 --yes
    """
    confirm(f"Delete the tag {name} of {repo}?", is_sure=yes)
    client.api.delete_tag(repo, tag=name, repo_type=repo_type)
    show_result({"repo": repo, "tag": name}, f"deleted tag {name} of {repo}", as_json=as_json)


def _show(found: list[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        show_json([{"name": name, "commit": commit} for name, commit in found])
        return
    for name, commit in found:
        show(f"{commit[:10]}  {name}")
