"""``ah`` and ``entrepot ah``: folders, assets and their branches on the command line."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

import entrepot
from entrepot.cli.client.options import HubClient, hub_options
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import render_bytes, show, show_json, show_message, show_table
from entrepot.cli.results import json_option
from entrepot.errors import EntrepotError

_HERE = "entrepot.cli.asset_hub"
_STAGED = "entrepot.cli.asset_hub_sharing"

_ENTRIES = (
    CommandEntry("ls", f"{_HERE}:ls", "List folders, assets, objects, branches, tags or commits."),
    CommandEntry("list", f"{_HERE}:ls", hidden=True),
    CommandEntry("get", f"{_HERE}:get", "Show a resource."),
    CommandEntry("create", f"{_HERE}:create", "Create a folder, an asset, a branch or a tag."),
    CommandEntry("commit", f"{_HERE}:commit", "Commit changes to a branch."),
    CommandEntry("download", f"{_HERE}:download", "Download objects."),
    CommandEntry("update", f"{_HERE}:update", "Rename, relabel or describe a folder or an asset."),
    CommandEntry("delete", f"{_HERE}:delete", "Delete a folder, an asset, a branch or a tag."),
    CommandEntry("merge", f"{_HERE}:merge", "Replace the objects of main with those of a branch."),
    CommandEntry("stage", f"{_STAGED}:stage", "Put changes on a branch without committing them."),
    CommandEntry("status", f"{_STAGED}:status", "List your staged changes of a branch."),
    CommandEntry("reset", f"{_STAGED}:reset", "Drop your staged changes of a branch."),
    CommandEntry("share", f"{_STAGED}:share", "Share a folder."),
    CommandEntry("unshare", f"{_STAGED}:unshare", "Revoke a grant of a folder."),
    CommandEntry("grants", f"{_STAGED}:grants", "List with whom a folder is shared."),
)


@click.group(
    cls=LazyGroup,
    entries=_ENTRIES,
    short_help="Folders, models, datasets and their branches, as in Asset Hub.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(entrepot.__version__, "--version", message="entrepot %(version)s")
def ah() -> None:
    """Folders of models and datasets, with branches, tags and commits.

    A PATH is model/FOLDER/ASSET:REF or dataset/FOLDER/ASSET; the path of an asset of another
    owner is /OWNER/t9k-assethub/model/FOLDER/ASSET:REF.

    \b
    Examples:
      ah create model/llm/gpt2
      ah commit model/llm/gpt2 -m "add weights" -a model.pt -a ./saved_model:saved/
      ah ls model/llm/gpt2:main
    """


add_option = click.option(
    "-a",
    "--add",
    "additions",
    multiple=True,
    metavar="LOCAL[:PATH]",
    help="A local file or folder, and its path in the asset; may be repeated.",
)
"""The option ``-a``, passed to a command as ``additions``."""

delete_option = click.option(
    "-d",
    "--delete",
    "deletions",
    multiple=True,
    metavar="PATH",
    help="An object, or a folder (x/), to delete; may be repeated.",
)
"""The option ``-d`` of commits, passed to a command as ``deletions``."""


@click.command(
    short_help="List folders, assets, objects, branches, tags or commits.",
    context_settings={"help_option_names": ["--help"]},
)
@click.argument("path")
@click.option("-d", "--detail", "is_long", is_flag=True, help="Show all columns of folders and assets.")
@click.option("-h", "--human", "is_human", is_flag=True, help="Show sizes of objects in KiB, MiB …")
@click.option("-b", "--branch", "resource", flag_value="branch", help="List the branches of an asset.")
@click.option("-t", "--tag", "resource", flag_value="tag", help="List the tags of an asset.")
@click.option("-c", "--commit", "resource", flag_value="commit", help="List the commits of a branch.")
@json_option
@hub_options
def ls(client: HubClient, path: str, is_long: bool, is_human: bool, resource: str | None, as_json: bool) -> None:
    """List the folders, assets or objects at PATH.

    \b
    Examples:
      ah ls model
      ah ls model/llm/gpt2:main -h
      ah ls model/llm/gpt2 --branch
    """
    from entrepot.ah import functions

    with opened(client):
        rows = functions.list(path, resource or "default")
    if as_json:
        show_json(rows)
    elif rows:
        show_table(*_table(rows, resource, is_long=is_long, is_human=is_human))


@click.command(short_help="Show a resource.")
@click.argument("path")
@json_option
@hub_options
def get(client: HubClient, path: str, as_json: bool) -> None:
    """Show the folder, asset, branch, tag or commit at PATH.

    \b
    Examples:
      ah get model/llm/gpt2
      ah get model/llm/gpt2:v1 --json
    """
    from entrepot.ah import functions

    with opened(client):
        found = functions.get(path)
        names = ("id", "name", "path", "kind", "owner", "labels", "description", "permission", "commit_id")
        row: dict[str, Any] = {name: getattr(found, name) for name in names if hasattr(found, name)}
        row |= {"type": type(found).__name__}
        row |= {name: getattr(found, name) for name in ("message", "committer", "created") if hasattr(found, name)}
    if as_json:
        show_json(row)
        return
    for key, value in row.items():
        show(f"{key + ':':14} {', '.join(value) if isinstance(value, list) else value}".rstrip())


@click.command(short_help="Create a folder, an asset, a branch or a tag.")
@click.argument("path")
@click.option("-l", "--label", "labels", multiple=True, metavar="LABEL", help="A label; may be repeated.")
@click.option("-d", "--description", default="", metavar="TEXT", help="Description of a folder or an asset.")
@click.option("-t", "--create-tag", is_flag=True, help="Create a tag instead of a branch.")
@click.option(
    "-s",
    "--source",
    default="main",
    metavar="REF",
    help="The branch, tag or commit to start from; default: main for a tag, and no objects for a branch.",
)
@click.option("--exist-ok", is_flag=True, help="Succeed if the folder or asset exists.")
@json_option
@hub_options
def create(
    client: HubClient,
    path: str,
    labels: tuple[str, ...],
    description: str,
    create_tag: bool,
    source: str,
    exist_ok: bool,
    as_json: bool,
) -> None:
    """Create the folder, asset, branch or tag PATH.

    \b
    Examples:
      ah create model/llm
      ah create model/llm/gpt2 -l PyTorch -d "A small GPT"
      ah create model/llm/gpt2:v1 --create-tag --source main
    """
    from entrepot.ah import functions

    with opened(client):
        functions.create(path, list(labels), description, exist_ok, create_tag, source)
    show_done({"path": path, "created": True}, as_json=as_json)


@click.command(short_help="Commit changes to a branch.")
@click.argument("path")
@click.option("-m", "--message", required=True, metavar="TEXT", help="Message of the commit.")
@add_option
@delete_option
@click.option("-f", "--force", is_flag=True, help="Commit even if unknown or unimplemented changes are found.")
@json_option
@hub_options
def commit(
    client: HubClient,
    path: str,
    message: str,
    additions: Sequence[str],
    deletions: Sequence[str],
    force: bool,
    as_json: bool,
) -> None:
    """Commit changes to the branch PATH: first deletions, then additions.

    \b
    Examples:
      ah commit model/llm/gpt2 -m "add weights" -a model.pt -a ./saved_model:saved/
      ah commit model/llm/gpt2:main -m "remove weights" -d model.pt
    """
    from entrepot.ah import functions

    with opened(client):
        functions.commit(path, message, list(deletions), [split_addition(item) for item in additions], force)
    show_done({"path": path, "committed": True}, as_json=as_json)


@click.command(short_help="Download objects.")
@click.argument("path")
@click.option(
    "-o", "--object", "objects", multiple=True, metavar="PATH", help="An object, or a folder (x/); may be repeated."
)
@click.option(
    "-s", "--save-dir", default=".", metavar="FOLDER", help="The folder to download to; default: the current one."
)
@json_option
@hub_options
def download(client: HubClient, path: str, objects: tuple[str, ...], save_dir: str, as_json: bool) -> None:
    """Download the objects of the branch, tag or commit PATH.

    \b
    Examples:
      ah download model/llm/gpt2:main -s ./gpt2
      ah download model/llm/gpt2:v1 -o config.json
    """
    from entrepot.ah import functions

    with opened(client):
        functions.download(path, list(objects) or None, save_dir)
    show_done({"path": path, "folder": save_dir, "downloaded": True}, as_json=as_json)


@click.command(short_help="Rename, relabel or describe a folder or an asset.")
@click.argument("path")
@click.option("-n", "--name", metavar="NAME", help="The new name.")
@click.option(
    "-l",
    "--label",
    "labels",
    multiple=True,
    metavar="LABEL",
    help="A label; may be repeated. The labels replace all present ones; -l '' removes those.",
)
@click.option("-d", "--description", metavar="TEXT", help="The new description.")
@json_option
@hub_options
def update(
    client: HubClient, path: str, name: str | None, labels: tuple[str, ...], description: str | None, as_json: bool
) -> None:
    """Rename, relabel or describe the folder or asset PATH.

    \b
    Examples:
      ah update model/llm/gpt2 -n gpt2-small
      ah update model/llm/gpt2 -l PyTorch -l NLP
    """
    from entrepot.ah import functions

    with opened(client):
        functions.update(path, name, [label for label in labels if label] if labels else None, description)
    show_done({"path": path, "updated": True}, as_json=as_json)


@click.command(short_help="Delete a folder, an asset, a branch or a tag.")
@click.argument("path")
@click.option("-f", "--force", is_flag=True, help="Succeed if it does not exist.")
@json_option
@hub_options
def delete(client: HubClient, path: str, force: bool, as_json: bool) -> None:
    """Delete the folder, asset, branch or tag PATH. This cannot be undone.

    \b
    Examples:
      ah delete model/llm/gpt2:v1
      ah delete model/llm -f
    """
    from entrepot.ah import functions

    with opened(client):
        functions.delete(path, force)
    show_done({"path": path, "deleted": True}, as_json=as_json)


@click.command(short_help="Replace the objects of main with those of a branch.")
@click.argument("path")
@json_option
@hub_options
def merge(client: HubClient, path: str, as_json: bool) -> None:
    """Replace the objects of the main branch with those of the branch PATH, in one commit.

    \b
    Example:
      ah merge model/llm/gpt2:dev
    """
    from entrepot.ah import functions

    with opened(client):
        functions.merge(path)
    show_done({"path": path, "merged": True}, as_json=as_json)


def show_done(row: Mapping[str, object], *, as_json: bool) -> None:
    """Print what a command has done as JSON, if that was asked for; for people, ``AH INFO: …`` says it."""
    if as_json:
        show_json(row)


def split_addition(text: str) -> tuple[str, str]:
    """Return the local path and the path in the asset of ``LOCAL[:PATH]``; without one, the name is kept.

    The last colon separates them, unless it is that of a drive (``C:\\x``).
    """
    at = text.rfind(":")
    is_drive = at == 1 and text[0].isalpha() and (text[2:3] == "\\" or (os.name == "nt" and text[2:3] == "/"))
    return (text, "/") if at < 0 or is_drive else (text[:at], text[at + 1 :])


@contextlib.contextmanager
def opened(client: HubClient) -> Iterator[None]:
    """Log in for the block, and print what is done as ``AH INFO: …``, and an error as ``AH ERROR: …``."""
    from entrepot.ah import sessions

    printer = _Printer(logging.WARNING if client.is_quiet else logging.INFO)
    level = sessions.LOG.level
    sessions.LOG.addHandler(printer)
    sessions.LOG.setLevel(printer.level)
    try:
        session = sessions.opened(client.endpoint, None, client.token, paths=client.places, environ=_environ(client))
        with sessions.using(session):
            yield
    except (EntrepotError, TypeError, ValueError) as error:
        show_message(f"AH ERROR: {error}")
        if client.session.debug:
            traceback.print_exception(error)
        raise click.exceptions.Exit(1) from error
    finally:
        sessions.LOG.removeHandler(printer)
        sessions.LOG.setLevel(level)


class _Printer(logging.Handler):
    """Prints records to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        show_message(f"AH {record.levelname}: {record.getMessage()}")


def _environ(client: HubClient) -> Any:  # noqa: ANN401 - the mapping of the session
    return client.session.environ


def _table(
    rows: Sequence[dict[str, Any]], resource: str | None, *, is_long: bool, is_human: bool
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return header and rows of a table of resources."""
    if resource in ("branch", "tag"):
        return ("NAME", "COMMIT_ID"), [(row["id"], row["commit_id"]) for row in rows]
    if resource == "commit":
        return ("COMMIT_ID", "MESSAGE", "CREATED"), [
            (row["id"], row["message"].partition("\n")[0], _time(row["creation_date"])) for row in rows
        ]
    if "path_type" in rows[0]:
        return ("PATH", "BYTES", "MODIFIED"), [
            (row["path"], _size(row["size_bytes"], is_human=is_human), _time(row["mtime"])) for row in rows
        ]
    columns = ("name", "path", "labels", "permission")
    if is_long:
        columns = ("name", "path", "editor", "labels", "description", "created", "modified", "permission")  # type: ignore[assignment]
    return [column.upper() for column in columns], [[_cell(row, column) for column in columns] for row in rows]


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "created":
        import json

        return str(json.loads(row["extra"])["createdTimestamp"])
    value = row["modifiedTimestamp"] if column == "modified" else row[column]
    if isinstance(value, list):
        return ",".join(value)
    return " ".join(str(value or "").split())


def _size(size: int, *, is_human: bool) -> str:
    return render_bytes(size) if is_human else str(size)


def _time(seconds: int | None) -> str:
    if seconds is None:
        return ""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
