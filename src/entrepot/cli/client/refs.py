"""``entrepot repo branch`` and ``entrepot repo tag``."""

from __future__ import annotations

import click

from entrepot.cli.answers import json_option, show_result
from entrepot.cli.client.options import HubClient, confirm, hub_options, revision_option, type_option
from entrepot.cli.groups import Entry, LazyGroup
from entrepot.cli.reports import show, show_json

_HERE = "entrepot.cli.client.refs"

_BRANCHES = (
    Entry("list", f"{_HERE}:list_branches", "List the branches of a repository."),
    Entry("create", f"{_HERE}:create_branch", "Begin a branch."),
    Entry("delete", f"{_HERE}:delete_branch", "Remove a branch."),
)
_TAGS = (
    Entry("list", f"{_HERE}:list_tags", "List the tags of a repository."),
    Entry("create", f"{_HERE}:create_tag", "Name a revision for good."),
    Entry("delete", f"{_HERE}:delete_tag", "Remove a tag."),
)


@click.group(cls=LazyGroup, entries=_BRANCHES, short_help="List, make and delete branches.")
def branch() -> None:
    """List, make and delete branches."""


@click.group(cls=LazyGroup, entries=_TAGS, short_help="List, make and delete tags.")
def tag() -> None:
    """List, make and delete tags."""


@click.command("list", short_help="List the branches of a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def list_branches(caller: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """List the branches of REPO and the commits they are at."""
    found = caller.api.list_repo_refs(repo, repo_type=repo_type).branches
    _show([(item.name, item.target_commit) for item in found], as_json=as_json)


@click.command("list", short_help="List the tags of a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def list_tags(caller: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """List the tags of REPO and the commits they name."""
    found = caller.api.list_repo_refs(repo, repo_type=repo_type).tags
    _show([(item.name, item.target_commit) for item in found], as_json=as_json)


@click.command("create", short_help="Begin a branch.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="BRANCH")
@type_option
@revision_option
@click.option("--exist-ok", is_flag=True, help="An existing one is as good.")
@json_option
@hub_options
def create_branch(
    caller: HubClient, repo: str, name: str, repo_type: str, revision: str | None, exist_ok: bool, as_json: bool
) -> None:
    """Begin BRANCH of REPO at --revision."""
    caller.api.create_branch(repo, branch=name, revision=revision, repo_type=repo_type, exist_ok=exist_ok)
    show_result({"repo": repo, "branch": name}, f"branch {name} of {repo} begins", as_json=as_json)


@click.command("create", short_help="Name a revision for good.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="TAG")
@type_option
@revision_option
@click.option("--message", "-m", metavar="TEXT", help="Makes it an annotated tag.")
@click.option("--exist-ok", is_flag=True, help="An existing one is as good.")
@json_option
@hub_options
def create_tag(
    caller: HubClient,
    repo: str,
    name: str,
    repo_type: str,
    revision: str | None,
    message: str | None,
    exist_ok: bool,
    as_json: bool,
) -> None:
    """Give --revision of REPO the name TAG."""
    caller.api.create_tag(
        repo, tag=name, tag_message=message, revision=revision, repo_type=repo_type, exist_ok=exist_ok
    )
    show_result({"repo": repo, "tag": name}, f"tag {name} of {repo} is made", as_json=as_json)


@click.command("delete", short_help="Remove a branch.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="BRANCH")
@type_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@hub_options
def delete_branch(caller: HubClient, repo: str, name: str, repo_type: str, yes: bool, as_json: bool) -> None:
    """Remove BRANCH of REPO; commits that nothing else leads to are lost."""
    confirm(f"Remove the branch {name} of {repo}?", is_sure=yes)
    caller.api.delete_branch(repo, branch=name, repo_type=repo_type)
    show_result({"repo": repo, "branch": name}, f"branch {name} of {repo} is gone", as_json=as_json)


@click.command("delete", short_help="Remove a tag.")
@click.argument("repo", metavar="REPO")
@click.argument("name", metavar="TAG")
@type_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@hub_options
def delete_tag(caller: HubClient, repo: str, name: str, repo_type: str, yes: bool, as_json: bool) -> None:
    """Remove TAG of REPO."""
    confirm(f"Remove the tag {name} of {repo}?", is_sure=yes)
    caller.api.delete_tag(repo, tag=name, repo_type=repo_type)
    show_result({"repo": repo, "tag": name}, f"tag {name} of {repo} is gone", as_json=as_json)


def _show(found: list[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        show_json([{"name": name, "commit": commit} for name, commit in found])
        return
    for name, commit in found:
        show(f"{commit[:10]}  {name}")
