"""Commands of a whole project: init, clone, update, and the configuration."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entrepot.cli.workspace.consoles import FAILED, Console, config_file, console_options, global_option
from entrepot.cli.workspace.wizards import asked_argument
from entrepot.errors import EntrepotError
from entrepot.errors.redactions import redact

if TYPE_CHECKING:
    from entrepot.workspace.projects.updates import NewVersions


@click.command(short_help="Create a project in the current folder.")
@console_options
def init(console: Console) -> None:
    """Create a project in the current folder.

    \b
    Example:
      ml-git repository init
    """
    from entrepot.workspace.projects.projects import create_project

    root = create_project(Path.cwd())
    place = str(root / ".ml-git")
    console.result({"root": str(root)}, [f"Initialized empty ml-git repository in {place}"])


@click.command(short_help="Clone the settings of a project, and its metadata.")
@asked_argument("url")
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--untracked", is_flag=True, help="Do not keep the git repository of the settings.")
@console_options
def clone(console: Console, url: str, directory: Path | None, untracked: bool) -> None:
    """Clone the settings of a project from a git URL, and the metadata that they name.

    \b
    Example:
      ml-git clone git@github.com:example/project.git
    """
    from entrepot.workspace.projects.clones import clone_project

    project = clone_project(url, directory, Path.cwd(), console.around, is_untracked=untracked)
    kinds = ", ".join(state.kind.word for state in project.configured()) or "no remotes"
    console.info(f"Repository: cloned into {project.root} ({kinds})")
    console.result({"root": str(project.root)}, [])


@click.command(short_help="Fetch all metadata.")
@console_options
def update(console: Console) -> None:
    """Fetch the metadata of all kinds of entities; one that fails does not stop the others.

    \b
    Example:
      ml-git repository update
    """
    from entrepot.workspace.projects.updates import update_metadata

    rows: dict[str, object] = {}
    lines: list[str] = []
    for state in console.project.configured():
        try:
            found = update_metadata(state)
        except EntrepotError as error:
            console.fail(error)
            console.code = FAILED
            continue
        rows[state.kind.word] = json_rows(found)
        lines += [f"{state.kind.word}: {line}" for line in update_lines(found)]
    console.result(rows, lines)


@click.command(short_help="Draw the versions and their links.")
@click.option("--dot", "is_dot", is_flag=True, help="In the language of Graphviz, on standard output.")
@click.option(
    "--export-path", type=click.Path(path_type=Path), help="Folder for the file; pages: the current one by default."
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@console_options
def graph(console: Console, is_dot: bool, export_path: Path | None, opens: bool) -> None:
    """Draw all versions and their links as a page of HTML, or for Graphviz.

    \b
    Example:
      ml-git repository graph --open
    """
    from entrepot.workspace.configuration.config_files import replace_text
    from entrepot.workspace.reports.graphs import graph_document, read_graph, render_dot, render_html

    if is_dot and opens:
        raise click.UsageError("--dot and --open exclude each other")
    project = console.project
    found = read_graph(project)
    if console.as_json:
        console.result(graph_document(found), [])
    elif is_dot and export_path is None:
        console.result({}, render_dot(found).splitlines())
    else:
        text = render_dot(found) if is_dot else render_html(found, project.root.name)
        path = (export_path or Path()).absolute() / f"ml-git-graph.{'dot' if is_dot else 'html'}"
        replace_text(path, text)
        console.result({}, [str(path)])
        if opens:
            click.launch(path.as_uri())


@click.group(short_help="Show, change and push the configuration.", invoke_without_command=True)
@click.option("--set-wizard", type=click.Choice(["enabled", "disabled"]), help="Whether commands ask for options.")
@global_option
@console_options
def config(console: Console, set_wizard: str | None, is_global: bool) -> None:
    """Show, change and push the configuration."""
    ctx = click.get_current_context()
    if set_wizard is not None:
        config_file(console, is_global=is_global).set_value("wizard", set_wizard)
        console.result({"wizard": set_wizard}, [f"wizard: {set_wizard}"])
    elif ctx.invoked_subcommand is None:
        raise click.UsageError("Missing command.")


@config.command()
@click.option("-l", "--local", "is_local", is_flag=True, help="Show the project's file only.")
@click.option("-g", "--global", "is_global", is_flag=True, help="Show the user's file only.")
@console_options
def show(console: Console, is_local: bool, is_global: bool) -> None:
    """Show the effective configuration; secrets are masked.

    \b
    Examples:
      ml-git repository config show
      ml-git repository config show --local --json
    """
    from entrepot.workspace.configuration.config_files import config_path, read_config
    from entrepot.workspace.configuration.tables import GLOBAL_NAME

    if is_local and is_global:
        raise click.UsageError("--local and --global exclude each other")
    values: Mapping[str, Any]
    if is_global:
        values = read_config(console.around.home / GLOBAL_NAME)
    else:
        project = console.project
        values = read_config(config_path(project.root)) if is_local else project.configuration.values
    masked = _masked(values)
    console.result(masked, ["config:", pprint.pformat(masked)])


@config.command("set")
@asked_argument("key")
@asked_argument("value")
@global_option
@console_options
def set_(console: Console, key: str, value: str, is_global: bool) -> None:
    """Set one value, for example: config set push_threads_count 8.

    \b
    Example:
      ml-git repository config set push_threads_count 8
    """
    found = config_file(console, is_global=is_global).set_value(key, value)
    console.result({key: found}, [f"{key}: {redact(str(found))}"])


@config.command()
@click.option("-m", "--message", help="Message of the commit.")
@console_options
def push(console: Console, message: str | None) -> None:
    """Commit the configuration in the project's own git repository, and push it.

    \b
    Example:
      ml-git repository config push -m "settings"
    """
    from entrepot.workspace.projects.clones import push_settings

    is_changed = push_settings(console.project, message)
    text = "the configuration was pushed" if is_changed else "the configuration has not changed: nothing to push"
    console.info(f"Repository: {text}")
    console.result({"pushed": is_changed}, [])


def update_lines(found: tuple[NewVersions, ...]) -> list[str]:
    """Return one line for each entity that has new versions."""
    return [
        f"{row.entity}: {row.count} new version{'' if row.count == 1 else 's'} (latest {row.latest})" for row in found
    ] or ["no new versions"]


def json_rows(found: tuple[NewVersions, ...]) -> list[Mapping[str, object]]:
    """Return the same for JSON."""
    return [{"entity": row.entity, "new": row.count, "latest": row.latest} for row in found]


def _masked(value: Any) -> Any:  # noqa: ANN401 - whatever YAML can contain
    if isinstance(value, Mapping):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return redact(value) if isinstance(value, str) else value
