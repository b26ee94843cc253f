"""``entrepot repo``: create, find, inspect, move and delete repositories of a hub."""

from __future__ import annotations

import datetime
import itertools
from typing import TYPE_CHECKING, Any

import click

from entrepot.cli.client.options import HubClient, confirm, hub_options, revision_option, type_option
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import render_bytes, show, show_json, show_table, show_text
from entrepot.cli.results import json_option, show_result

if TYPE_CHECKING:
    from entrepot.hf.shapes.files import RepoFile, RepoFolder

_HERE = "entrepot.cli.client.repositories"
_REFS = "entrepot.cli.client.refs"
_PUBLISHERS = "entrepot.cli.client.publishers"

_ENTRIES = (
    CommandEntry("create", f"{_HERE}:create", "Create a repository."),
    CommandEntry("delete", f"{_HERE}:delete", "Delete a repository with everything in it."),
    CommandEntry("move", f"{_HERE}:move", "Rename or transfer a repository."),
    CommandEntry("visibility", f"{_HERE}:visibility", "Set who can see a repository."),
    CommandEntry("archive", f"{_HERE}:archive", "Make a repository read-only."),
    CommandEntry("unarchive", f"{_HERE}:unarchive", "Make an archived repository writable again."),
    CommandEntry("list", f"{_HERE}:list_repos", "Find repositories."),
    CommandEntry("info", f"{_HERE}:info", "Show information about a repository."),
    CommandEntry("files", f"{_HERE}:files", "List the files of a repository."),
    CommandEntry("log", f"{_HERE}:log", "List the commits of a branch."),
    CommandEntry("diff", f"{_HERE}:diff", "Show the changes between two revisions."),
    CommandEntry("branch", f"{_REFS}:branch", "List, create and delete branches."),
    CommandEntry("tag", f"{_REFS}:tag", "List, create and delete tags."),
    CommandEntry("publisher", f"{_PUBLISHERS}:publisher", "Let jobs publish without a secret."),
)


@click.group(cls=LazyGroup, entries=_ENTRIES, short_help="Create, find, move and delete repositories.")
def repo() -> None:
    """Create, find, inspect, move and delete repositories of a hub.

    \b
    Examples:
      entrepot repo create my-model --private
      entrepot repo files alice/my-model
      entrepot repo tag create alice/my-model v1.0
    """


@click.command(short_help="Create a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@click.option("--private/--public", "private", default=None, help="Visibility; default: that of the hub.")
@click.option("--exist-ok", is_flag=True, help="Succeed if it already exists.")
@click.option("--space-sdk", metavar="SDK", help="SDK of a space: static, gradio, streamlit or docker.")
@json_option
@hub_options
def create(
    client: HubClient,
    repo: str,
    repo_type: str,
    private: bool | None,
    exist_ok: bool,
    space_sdk: str | None,
    as_json: bool,
) -> None:
    """Create REPO: NAMESPACE/NAME, or NAME in your own namespace.

    \b
    Examples:
      entrepot repo create acme/bert
      entrepot repo create acme/squad --repo-type dataset --private
    """
    made = client.api.create_repo(repo, repo_type=repo_type, private=private, exist_ok=exist_ok, space_sdk=space_sdk)
    row = {"id": made.repo_id, "type": made.repo_type, "url": str(made)}
    show_result(row, str(made), as_json=as_json)


@click.command(short_help="Delete a repository with everything in it.")
@click.argument("repo", metavar="REPO")
@type_option
@click.option("--missing-ok", is_flag=True, help="Succeed if it does not exist.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@hub_options
def delete(client: HubClient, repo: str, repo_type: str, missing_ok: bool, yes: bool, as_json: bool) -> None:
    """Delete REPO with its files, history and discussions. This cannot be undone.

    \b
    Examples:
      entrepot repo delete acme/bert
      entrepot repo delete acme/squad --repo-type dataset --yes
    """
    confirm(f"Delete the {repo_type} {repo} and everything in it?", is_sure=yes)
    client.api.delete_repo(repo, repo_type=repo_type, missing_ok=missing_ok)
    show_result({"id": repo, "type": repo_type}, f"deleted the {repo_type} {repo}", as_json=as_json)


@click.command(short_help="Rename or transfer a repository.")
@click.argument("repo", metavar="FROM")
@click.argument("target", metavar="TO")
@type_option
@json_option
@hub_options
def move(client: HubClient, repo: str, target: str, repo_type: str, as_json: bool) -> None:
    """Move the repository FROM to the name TO; the old name redirects to it.

    \b
    Example:
      entrepot repo move alice/bert acme/bert
    """
    client.api.move_repo(repo, target, repo_type=repo_type)
    show_result({"from": repo, "to": target, "type": repo_type}, f"{repo} is now {target}", as_json=as_json)


@click.command(short_help="Set who can see a repository.")
@click.argument("repo", metavar="REPO")
@click.argument("word", metavar="VISIBILITY", type=click.Choice(("public", "private", "folder")))
@type_option
@json_option
@hub_options
def visibility(client: HubClient, repo: str, word: str, repo_type: str, as_json: bool) -> None:
    """Make REPO public or private, or let it follow its folder again.

    VISIBILITY is public, private, or folder: that of the folder of the
    repository, now and whenever it changes.

    \b
    Example:
      entrepot repo visibility acme/bert private
    """
    client.api.update_repo_settings(repo, visibility=word, repo_type=repo_type)
    private = bool(client.api.repo_info(repo, repo_type=repo_type).private)
    said = f"follows its folder and is {'private' if private else 'public'}" if word == "folder" else f"is {word}"
    show_result(
        {"id": repo, "type": repo_type, "private": private, "follows": word == "folder"},
        f"{repo} {said}",
        as_json=as_json,
    )


@click.command(short_help="Make a repository read-only.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def archive(client: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """Archive REPO: it can be read, downloaded and copied, and nothing in it can be changed.

    \b
    Example:
      entrepot repo archive acme/bert
    """
    _set_archived(client, repo, repo_type, as_json=as_json, archived=True)


@click.command(short_help="Make an archived repository writable again.")
@click.argument("repo", metavar="REPO")
@type_option
@json_option
@hub_options
def unarchive(client: HubClient, repo: str, repo_type: str, as_json: bool) -> None:
    """Unarchive REPO, so that it can be changed again.

    \b
    Example:
      entrepot repo unarchive acme/bert
    """
    _set_archived(client, repo, repo_type, as_json=as_json, archived=False)


def _set_archived(client: HubClient, repo: str, repo_type: str, *, as_json: bool, archived: bool) -> None:
    client.api.update_repo_settings(repo, archived=archived, repo_type=repo_type)
    said = f"{repo} is {'' if archived else 'not '}archived"
    show_result({"id": repo, "type": repo_type, "archived": archived}, said, as_json=as_json)


@click.command("list", short_help="Find repositories.")
@type_option
@click.option("--author", metavar="NAMESPACE", help="Only repositories of this user or organisation.")
@click.option("--search", metavar="TEXT", help="Only repositories whose id contains these words.")
@click.option(
    "--filter", "tags", multiple=True, metavar="TAG", help="Only repositories with this tag; may be repeated."
)
@click.option("--archived/--not-archived", "archived", default=None, help="Only archived repositories, or only others.")
@click.option(
    "--sort",
    type=click.Choice(("last_modified", "created_at", "downloads", "likes", "size", "trending_score")),
    default="last_modified",
    show_default=True,
    help="Sort order.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Maximum number of repositories.")
@json_option
@hub_options
def list_repos(
    client: HubClient,
    repo_type: str,
    author: str | None,
    search: str | None,
    tags: tuple[str, ...],
    archived: bool | None,
    sort: str,
    limit: int,
    as_json: bool,
) -> None:
    """Find repositories that you can read.

    \b
    Examples:
      entrepot repo list
      entrepot repo list --json
    """
    api = client.api
    find: Any = {"model": api.list_models, "dataset": api.list_datasets, "space": api.list_spaces}[repo_type]
    wanted = {"author": author, "search": search, "filter": list(tags) or None, "archived": archived}
    found = list(find(**wanted, sort=sort, limit=limit))
    if as_json:
        show_json([_row(item) for item in found])
        return
    show_table(
        ("ID", "PRIVATE", "DOWNLOADS", "LIKES", "UPDATED"),
        [
            (
                item.id,
                "yes" if item.private else "no",
                str(getattr(item, "downloads", None) or 0),
                str(item.likes or 0),
                _time(item.last_modified) or "",
            )
            for item in found
        ],
    )


@click.command(short_help="Show information about a repository.")
@click.argument("repo", metavar="REPO")
@type_option
@revision_option
@json_option
@hub_options
def info(client: HubClient, repo: str, repo_type: str, revision: str | None, as_json: bool) -> None:
    """Show information about REPO.

    \b
    Examples:
      entrepot repo info acme/bert
      entrepot repo info acme/bert --json
    """
    found = client.api.repo_info(repo, repo_type=repo_type, revision=revision)
    row = _row(found)
    if as_json:
        show_json(row)
        return
    for key, value in row.items():
        if value not in (None, []):
            show(f"{key + ':':15} {', '.join(value) if isinstance(value, list) else value}")


@click.command(short_help="List the files of a repository.")
@click.argument("repo", metavar="REPO")
@click.argument("folder", metavar="[FOLDER]", required=False)
@type_option
@revision_option
@click.option("--flat", is_flag=True, help="Do not descend into subfolders.")
@click.option("--long", "-l", "is_long", is_flag=True, help="Also print sizes and ids.")
@json_option
@hub_options
def files(
    client: HubClient,
    repo: str,
    folder: str | None,
    repo_type: str,
    revision: str | None,
    flat: bool,
    is_long: bool,
    as_json: bool,
) -> None:
    """List the files of REPO or of a FOLDER in it.

    \b
    Examples:
      entrepot repo files acme/bert
      entrepot repo files acme/bert --revision v1 --json
    """
    found = client.api.list_repo_tree(repo, folder, recursive=not flat, revision=revision, repo_type=repo_type)
    rows = [_entry(item) for item in found]
    if as_json:
        show_json(rows)
        return
    shown = [row for row in rows if row["type"] == "file" or flat]
    for row in shown:
        name = f"{row['path']}/" if row["type"] == "folder" else str(row["path"])
        size = render_bytes(int(str(row["size"]))) if row["size"] is not None else ""
        show(f"{str(row['id'])[:10]}  {size:>10}  {name}" if is_long else name)


@click.command(short_help="List the commits of a branch.")
@click.argument("repo", metavar="REPO")
@type_option
@revision_option
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="Maximum number of commits.")
@json_option
@hub_options
def log(client: HubClient, repo: str, repo_type: str, revision: str | None, limit: int, as_json: bool) -> None:
    """List the commits of main, or of --revision, newest first.

    \b
    Examples:
      entrepot repo log acme/bert
      entrepot repo log acme/bert --json
    """
    from entrepot.client.calls import refs
    from entrepot.hf.base import repo_ref
    from entrepot.hf.shapes.refs import commit_of

    call = refs.log(repo_ref(repo, repo_type), revision or "main", limit=min(limit, 1000))
    found = [commit_of(entry) for entry in itertools.islice(client.hub.pages(call), limit)]
    if as_json:
        show_json(
            [
                {
                    "commit": item.commit_id,
                    "authors": item.authors,
                    "date": _time(item.created_at),
                    "title": item.title,
                    "message": item.message,
                }
                for item in found
            ]
        )
        return
    for item in found:
        show(f"{item.commit_id[:10]}  {_time(item.created_at)}  {', '.join(item.authors)}  {item.title}")


@click.command(short_help="Show the changes between two revisions.")
@click.argument("repo", metavar="REPO")
@click.argument("revisions", metavar="A..B")
@type_option
@json_option
@hub_options
def diff(client: HubClient, repo: str, revisions: str, repo_type: str, as_json: bool) -> None:
    """Show the changes in REPO from A to B as a unified diff.

    With three dots, A...B, show the changes in B since its merge base with A.

    \b
    Examples:
      entrepot repo diff acme/bert v1..main
      entrepot repo diff acme/bert v1...main --json
    """
    from entrepot.client.calls import comparisons
    from entrepot.hf.base import repo_ref

    if ".." not in revisions:
        raise click.UsageError("write two revisions with two dots between them, such as v1..main")
    text = client.hub.send(comparisons.compare(repo_ref(repo, repo_type), revisions))
    if as_json:
        show_json({"repo": repo, "revisions": revisions, "diff": text})
    else:
        show_text(text)


def _entry(item: RepoFile | RepoFolder) -> dict[str, Any]:
    """Return a file or folder as a JSON row."""
    from entrepot.hf.shapes.files import RepoFolder

    if isinstance(item, RepoFolder):
        return {"path": item.path, "type": "folder", "size": None, "id": item.tree_id, "sha256": None}
    sha256 = item.lfs.sha256 if item.lfs else None
    return {"path": item.path, "type": "file", "size": item.size, "id": item.blob_id, "sha256": sha256}


def _row(item: Any) -> dict[str, Any]:  # noqa: ANN401 - one of three kinds of infos, with different fields
    """Return the information about a repository as a JSON row."""
    return {
        "id": item.id,
        "private": item.private,
        "gated": item.gated,
        "archived": bool(item.archived),
        "sha": item.sha,
        "created": _time(item.created_at),
        "updated": _time(item.last_modified),
        "downloads": getattr(item, "downloads", None),
        "likes": item.likes,
        "pipeline_tag": getattr(item, "pipeline_tag", None),
        "library": getattr(item, "library_name", None),
        "tags": list(item.tags or []),
        "storage": getattr(item, "used_storage", None),
    }


def _time(moment: datetime.datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
