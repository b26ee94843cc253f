"""The groups of ``ml-git``, which are also those of ``entrepot ws``."""

from __future__ import annotations

import copy
import re

import click

import entrepot
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.sessions import Session

_HERE = "entrepot.cli.workspace"
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_EPILOG = (
    "Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong usage; 3 a conflict: version taken, local changes, "
    "mutability; 4 damage; 70 a bug in entrepot; 130 interrupted."
)

_ROOT = (
    CommandEntry("repository", f"{_HERE}.commands:repository", "Create and configure a project."),
    CommandEntry("datasets", f"{_HERE}.commands:datasets", "Version datasets."),
    CommandEntry("labels", f"{_HERE}.commands:labels", "Version labels."),
    CommandEntry("models", f"{_HERE}.commands:models", "Version models."),
    CommandEntry("clone", f"{_HERE}.project_commands:clone", "Clone the settings of a project, and its metadata."),
    CommandEntry("completion", "entrepot.cli.completion:completion", "Print the completion script for a shell."),
    CommandEntry("dataset", f"{_HERE}.commands:datasets", hidden=True),
    CommandEntry("label", f"{_HERE}.commands:labels", hidden=True),
    CommandEntry("model", f"{_HERE}.commands:models", hidden=True),
)

_ENTITY = (
    CommandEntry("init", f"{_HERE}.version_commands:init", "Clone the metadata."),
    CommandEntry("create", f"{_HERE}.creation_commands:create", "Create an entity."),
    CommandEntry("status", f"{_HERE}.staging_commands:status", "Show what is new, changed and staged."),
    CommandEntry("add", f"{_HERE}.staging_commands:add", "Stage new and changed files."),
    CommandEntry("commit", f"{_HERE}.staging_commands:commit", "Create a version from the staged files."),
    CommandEntry("push", f"{_HERE}.staging_commands:push", "Publish the versions that are not published."),
    CommandEntry("checkout", f"{_HERE}.version_commands:checkout", "Put the files of a version into the workspace."),
    CommandEntry("fetch", f"{_HERE}.version_commands:fetch", "Fetch the content of a version for a later checkout."),
    CommandEntry("update", f"{_HERE}.version_commands:update", "Fetch the metadata."),
    CommandEntry("list", f"{_HERE}.reading_commands:list_", "List the entities that have a version."),
    CommandEntry("show", f"{_HERE}.reading_commands:show_", "Show the spec of a version."),
    CommandEntry("tag", f"{_HERE}.reading_commands:tag", "List, add and delete tags."),
    CommandEntry("branch", f"{_HERE}.reading_commands:branch", "Show which version is checked out."),
    CommandEntry("log", f"{_HERE}.reading_commands:log", "Show the versions of an entity."),
    CommandEntry("diff", f"{_HERE}.reading_commands:diff", "Show what differs between two versions."),
    CommandEntry("merge", f"{_HERE}.version_commands:merge", "Stage the changes of another version."),
    CommandEntry("reset", f"{_HERE}.version_commands:reset", "Unstage, discard changes, or undo a version."),
    CommandEntry("unlock", f"{_HERE}.version_commands:unlock", "Allow changes of files of a flexible entity."),
    CommandEntry("fsck", f"{_HERE}.integrity_commands:fsck", "Check what is kept locally."),
    CommandEntry(
        "remote-fsck", f"{_HERE}.integrity_commands:remote_fsck", "Check the data of a version in the storage."
    ),
    CommandEntry("migrate", f"{_HERE}.integrity_commands:migrate", "Copy versions of ML-Git 2.9.9 into chunks."),
    CommandEntry("import", f"{_HERE}.exchange_commands:import_", "Fetch plain objects of a bucket."),
    CommandEntry("export", f"{_HERE}.exchange_commands:export", "Store the files of a version as plain objects."),
    CommandEntry("to-hub", f"{_HERE}.hub_commands:to_hub", "Copy all versions to a hub."),
)

_MODEL = tuple(
    CommandEntry(entry.name, f"{entry.target}_model", entry.summary) if entry.name in ("add", "commit") else entry
    for entry in _ENTITY
)
_LABELS = tuple(
    CommandEntry(entry.name, f"{entry.target}_labels", entry.summary) if entry.name == "commit" else entry
    for entry in _ENTITY
)


class EntityGroup(LazyGroup):
    """The commands for one kind of entities, whose examples name this kind."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command as :class:`~entrepot.cli.groups.LazyGroup` does, with examples of this group."""
        command = super().get_command(ctx, cmd_name)
        if command is None or not command.help:
            return command
        shown = copy.copy(command)
        shown.help = re.sub(r"ml-git (?:datasets|labels|models) ", f"ml-git {self.name} ", command.help)
        return shown


@click.group(
    cls=LazyGroup,
    entries=_ROOT,
    context_settings=_SETTINGS,
    epilog=_EPILOG,
    short_help="Version datasets, labels and models in buckets (ml-git).",
)
@click.option("--debug", is_flag=True, help="Print tracebacks of errors.")
@click.version_option(entrepot.__version__, "--version", message="ml-git (entrepot) %(version)s")
@click.pass_context
def ws(ctx: click.Context, debug: bool) -> None:
    """Version datasets, labels and models: data in a bucket, metadata in git.

    \b
    Set up a project:
      ml-git repository init
      ml-git repository remote datasets add git@host:team/datasets.git
      ml-git repository storage add my-bucket
      ml-git datasets init
    \b
    Publish a version:
      ml-git datasets create images --categories=vision --mutability=strict
      ml-git datasets add images
      ml-git datasets commit images
      ml-git datasets push images
    """
    session = ctx.ensure_object(Session)
    session.debug = session.debug or debug


@click.group(
    cls=LazyGroup,
    short_help="Create and configure a project.",
    entries=(
        CommandEntry("init", f"{_HERE}.project_commands:init", "Create a project in the current folder."),
        CommandEntry("config", f"{_HERE}.project_commands:config", "Show, change and push the configuration."),
        CommandEntry("remote", f"{_HERE}.remote_commands:remote", "Configure the git remotes of the metadata."),
        CommandEntry("storage", f"{_HERE}.remote_commands:storage", "Configure the storages of the data."),
        CommandEntry("update", f"{_HERE}.project_commands:update", "Fetch all metadata."),
        CommandEntry("graph", f"{_HERE}.project_commands:graph", "Draw the versions and their links."),
        CommandEntry("gc", f"{_HERE}.integrity_commands:gc", "Remove local files that nothing needs."),
    ),
)
def repository() -> None:
    """Create and configure a project."""


@click.group(cls=LazyGroup, entries=_ENTITY, short_help="Version datasets.")
def datasets() -> None:
    """Version datasets."""


@click.group(cls=EntityGroup, entries=_LABELS, short_help="Version labels.")
def labels() -> None:
    """Version labels, which may be linked to a dataset."""


@click.group(
    cls=EntityGroup,
    short_help="Version models.",
    entries=(
        *_MODEL,
        CommandEntry("metrics", f"{_HERE}.reading_commands:metrics", "Show the metrics of all versions."),
    ),
)
def models() -> None:
    """Version models, which have metrics and may be linked to a dataset and labels."""
