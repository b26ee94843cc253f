"""Commands that only read: list, show, tag, branch, log, diff, metrics; and the tags of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.workspace.consoles import Console, console_options, native
from entrepot.cli.workspace.folding import fold
from entrepot.cli.workspace.wizards import asked_argument

if TYPE_CHECKING:
    from entrepot.workspace.reports.histories import DiffReport, LoggedVersion
    from entrepot.workspace.reports.metrics_tables import VersionMetrics


@click.command("list", short_help="List the entities that have a version.")
@click.option("--long", "is_long", is_flag=True, help="Print one folder per line.")
@console_options
def list_(console: Console, is_long: bool) -> None:
    """List the entities that have a version, as a tree of their folders.

    \b
    Example:
      ml-git datasets list --long
    """
    from entrepot.workspace.reports.listings import list_entities, render_tree

    folders = list_entities(console.state)
    lines = folders if is_long else [console.kind.title, *render_tree(folders)]
    console.result({"entities": folders}, lines)


@click.command("show", short_help="Show the spec of a version.")
@asked_argument("name")
@click.option("--tag", help="Tag of the version; default: the checked out one, else the latest.")
@console_options
def show_(console: Console, name: str, tag: str | None) -> None:
    """Show the spec of a version.

    \b
    Example:
      ml-git datasets show images --tag=vision__images__1
    """
    from entrepot.workspace.reports.histories import read_shown

    version = read_shown(console.state, name, tag)
    row = {"tag": str(version.tag), "sha": version.commit, "spec": dict(version.spec.data)}
    heading = f"-- {console.kind.word} : {version.spec.name} --"
    console.result(row, [heading, *version.spec.render_content().splitlines()])


@click.group(short_help="List, add and delete tags.")
def tag() -> None:
    """List, add and delete tags."""


@tag.command("list")
@asked_argument("name")
@click.option("--all", "has_user_tags", is_flag=True, help="Include tags that users have created.")
@console_options
def list_tags(console: Console, name: str, has_user_tags: bool) -> None:
    """List the tags of an entity in ascending order of the versions.

    \b
    Example:
      ml-git datasets tag list images
    """
    from entrepot.workspace.reports.listings import list_tags

    found = list_tags(console.state, name, has_user_tags=has_user_tags)
    rows = [
        {"tag": entry.tag, "number": entry.number, "sha": entry.commit, "published": entry.is_published}
        for entry in found
    ]
    console.result(rows, [entry.tag for entry in found])


@tag.command("add")
@asked_argument("name")
@asked_argument("tag")
@console_options
def add_tag(console: Console, name: str, tag: str) -> None:
    """Tag the checked out version, or else the latest, and publish the tag.

    \b
    Example:
      ml-git datasets tag add images golden
    """
    from entrepot.workspace.reports.listings import add_user_tag

    version = add_user_tag(console.state, name, tag)
    console.info(f"Metadata: {version} has the tag {tag}")
    console.result({"tag": tag, "version": version}, [])


@tag.command("del")
@asked_argument("name")
@asked_argument("tag")
@console_options
def delete_tag(console: Console, name: str, tag: str) -> None:
    """Delete a tag of your own; tags of versions cannot be deleted.

    \b
    Example:
      ml-git datasets tag del images golden
    """
    from entrepot.workspace.reports.listings import delete_user_tag

    delete_user_tag(console.state, name, tag)
    console.info(f"Metadata: the tag {tag} was deleted")
    console.result({"tag": tag}, [])


@click.command(short_help="Show which version is checked out.")
@asked_argument("name")
@console_options
def branch(console: Console, name: str) -> None:
    """Show tag and commit of the version that is checked out.

    \b
    Example:
      ml-git datasets branch images
    """
    from entrepot.workspace.reports.listings import checked_out

    found = checked_out(console.state, name)
    pair = (None, None) if found is None else (str(found[0]), str(found[1]))
    console.result({"tag": pair[0], "sha": pair[1]}, [repr(pair)])


@click.command(short_help="Show the versions of an entity.")
@asked_argument("name")
@click.option("--stat", is_flag=True, help="Also list added and deleted files, long lists shortened.")
@click.option("--fullstat", is_flag=True, help="Also list every added and deleted file.")
@click.option("--reverse", is_flag=True, help="The latest version first.")
@console_options
def log(console: Console, name: str, stat: bool, fullstat: bool, reverse: bool) -> None:
    """Show the versions of an entity, in ascending order.

    \b
    Example:
      ml-git datasets log images --stat
    """
    from entrepot.workspace.reports.histories import read_log

    entries = read_log(console.state, name, has_statistics=stat or fullstat)
    if reverse:
        entries.reverse()
    lines = [line for entry in entries for line in log_lines(entry, is_full=fullstat)]
    console.result([_log_row(entry) for entry in entries], lines)


def log_lines(entry: LoggedVersion, *, is_full: bool) -> list[str]:
    """Return the lines of one version in a history, with an empty one at the end."""
    from entrepot.workspace.projects.sizes import render_size

    made = entry.made
    lines = [
        f"Tag: {entry.tag}",
        f"Author: {made.author}",
        f"Email: {made.email}",
        f"Date: {made.date}",
        f"Message: {made.message}",
    ]
    if entry.metrics:
        lines += table([("Name", "Value"), *((name, str(value)) for name, value in entry.metrics.items())])
    if entry.changes is not None:
        for word, paths in (("Added", entry.changes.added), ("Deleted", entry.changes.deleted)):
            lines.append(f"{word} files [{len(paths)}]:")
            lines += [f"\t{line}" for line in fold([("", path) for path in paths], is_full=is_full)]
        lines += [f"Files size: {entry.declared_size or render_size(entry.bytes)}", f"Amount of files: {entry.files}"]
    return [*lines, ""]


def _log_row(entry: LoggedVersion) -> dict[str, object]:
    row: dict[str, object] = {
        "tag": str(entry.tag),
        "number": entry.tag.number,
        "sha": entry.commit,
        "published": entry.is_published,
        "author": entry.made.author,
        "email": entry.made.email,
        "time": entry.made.time_s,
        "message": entry.made.message,
        "files": entry.files,
        "bytes": entry.bytes,
        "metrics": entry.metrics,
    }
    return row | (_diff_row(entry.changes) if entry.changes is not None else {})


@click.command(short_help="Show what differs between two versions.")
@asked_argument("name")
@asked_argument("first_tag")
@asked_argument("second_tag")
@click.option("--full", is_flag=True, help="List every file, even if there are many.")
@console_options
def diff(console: Console, name: str, first_tag: str, second_tag: str, full: bool) -> None:
    """Show which files differ between two versions.

    \b
    Example:
      ml-git datasets diff images vision__images__1 vision__images__2
    """
    from entrepot.workspace.reports.histories import read_diff

    report = read_diff(console.state, first_tag, second_tag, name)
    lines: list[str] = []
    for heading, paths in (
        ("Added files:", report.added),
        ("Updated files:", report.updated),
        ("Deleted files:", report.deleted),
    ):
        if paths:
            lines += [heading, *(f"\t{line}" for line in fold([("", path) for path in paths], is_full=full))]
    console.result(_diff_row(report), lines)


def _diff_row(report: DiffReport) -> dict[str, object]:
    return {"added": list(report.added), "updated": list(report.updated), "deleted": list(report.deleted)}


@click.command(short_help="Show the metrics of all versions.")
@asked_argument("name")
@click.option("--export-type", type=click.Choice(["csv", "json"]), help="Also write a file of this type.")
@click.option("--export-path", type=click.Path(), help="Folder of that file.")
@console_options
def metrics(console: Console, name: str, export_type: str | None, export_path: str | None) -> None:
    """Show the metrics of all versions of a model.

    \b
    Example:
      ml-git models metrics net --export-type=csv --export-path=.
    """
    from entrepot.workspace.reports.metrics_tables import export_metrics, metrics_document, read_metrics

    if (export_type is None) != (export_path is None):
        raise click.UsageError("--export-type and --export-path need each other")
    versions = read_metrics(console.state, name)
    if export_type is not None and export_path is not None:
        path = export_metrics(name, versions, export_type, export_path)
        console.info(f"Repository: the metrics were written to {native(path)}")
    console.result(metrics_document(name, versions), [line for version in versions for line in metrics_lines(version)])


def metrics_lines(version: VersionMetrics) -> list[str]:
    """Return the lines of one version: its tag, then a table of two columns."""
    from entrepot.workspace.reports.metrics_tables import table_rows

    return [f"Tag: {version.tag}", *table([("Name", "Value"), *table_rows(version)]), ""]


def table(rows: list[tuple[str, str]]) -> list[str]:
    """Return the lines of a table of two columns, the first row being its heading."""
    left, right = (max(len(row[column]) for row in rows) for column in (0, 1))
    rule = f"+{'-' * (left + 2)}+{'-' * (right + 2)}+"
    lines = [f"| {name.ljust(left)} | {value.ljust(right)} |" for name, value in rows]
    return [rule, lines[0], rule, *lines[1:], rule]
