"""Commands that change the workspace or the metadata: init, update, checkout, fetch, reset, unlock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from entrepot.cli.workspace.consoles import Console, console_options, native, retry_option
from entrepot.cli.workspace.wizards import asked_argument, asked_option

if TYPE_CHECKING:
    from entrepot.workspace.projects.transfers.checkouts import CheckoutReport, FileSelection

Function = TypeVar("Function", bound=Callable[..., object])


def sampling_options(function: Function) -> Function:
    """Add the options that select a part of a version."""
    options = (
        click.option("--paths", multiple=True, help="Only files that match this wildcard; may be repeated."),
        click.option("--seed", type=int, help="Seed of random and group samples; default: 1."),
        click.option("--sampling", help="amount:of, or start:stop[:step] for a range."),
        click.option("--sample-type", type=click.Choice(["random", "range", "group"]), help="How files are chosen."),
    )
    for option in options:
        function = option(function)
    return function


@click.command(short_help="Clone the metadata.")
@console_options
def init(console: Console) -> None:
    """Clone the metadata, or repair a clone that was interrupted.

    \b
    Example:
      ml-git datasets init
    """
    from entrepot.workspace.projects.updates import initialise_metadata

    state = console.state
    found = initialise_metadata(state)
    console.info(f"Metadata: the metadata of {state.kind.word} is in {state.metadata.folder}")
    console.result({"entities": len(found), "versions": sum(row.count for row in found)}, [])


@click.command(short_help="Fetch the metadata.")
@console_options
def update(console: Console) -> None:
    """Fetch the metadata, and say what is new.

    \b
    Example:
      ml-git datasets update
    """
    from entrepot.cli.workspace.project_commands import json_rows, update_lines
    from entrepot.workspace.projects.updates import update_metadata

    found = update_metadata(console.state)
    console.result(json_rows(found), update_lines(found))


@click.command(short_help="Put the files of a version into the workspace.")
@asked_argument("name", metavar="TAG|NAME")
@asked_option(
    "--version", question="Version, if you gave no tag", type=int, help="Number of the version; default: the latest."
)
@click.option("--force", is_flag=True, help="Overwrite local changes.")
@click.option("--bare", is_flag=True, help="Fetch no data: files can be added to a version without it.")
@click.option("-d", "--with-dataset", is_flag=True, help="Also check out the linked dataset.")
@click.option("-l", "--with-labels", is_flag=True, help="Also check out the linked labels.")
@retry_option
@click.option("--fail-limit", type=click.IntRange(0), help="Stop after this many objects have failed.")
@click.option("--full", is_flag=True, help="Accepted for existing scripts; has no effect.")
@sampling_options
@console_options
def checkout(
    console: Console,
    name: str,
    version: int | None,
    force: bool,
    bare: bool,
    with_dataset: bool,
    with_labels: bool,
    retry: int,
    fail_limit: int | None,
    full: bool,
    sample_type: str | None,
    sampling: str | None,
    seed: int | None,
    paths: Sequence[str],
) -> None:
    """Put the files of a version into the workspace: all of them, or none if one fails.

    \b
    Examples:
      ml-git datasets checkout images
      ml-git datasets checkout images --version=1 --sample-type=random --sampling=2:10 --seed=1
    """
    from entrepot.workspace.projects.transfers.checkouts import checkout_version
    from entrepot.workspace.projects.transfers.linked_checkouts import checkout_linked

    selection = select(console, sample_type, sampling, seed, paths, is_bare=bare)
    state = console.state
    reports = [checkout_version(state, name, version, selection=selection, is_forced=force, fail_limit=fail_limit)]
    roots = [root for root, wanted in (("dataset", with_dataset), ("labels", with_labels)) if wanted]
    reports += checkout_linked(state, reports[0].tag, roots, is_forced=force)
    rows = [_row(report) for report in reports]
    console.result(rows[0] if len(rows) == 1 else rows, map(_summary, reports))


@click.command(short_help="Fetch the content of a version for a later checkout.")
@asked_argument("name", metavar="TAG|NAME")
@retry_option
@sampling_options
@console_options
def fetch(
    console: Console,
    name: str,
    retry: int,
    sample_type: str | None,
    sampling: str | None,
    seed: int | None,
    paths: Sequence[str],
) -> None:
    """Fetch the content of a version, so that its checkout needs no network.

    \b
    Example:
      ml-git datasets fetch images
    """
    from entrepot.workspace.projects.sizes import render_size
    from entrepot.workspace.projects.transfers.checkouts import fetch_version

    selection = select(console, sample_type, sampling, seed, paths, is_bare=False)
    tag, counts = fetch_version(console.state, name, selection=selection)
    row = {"tag": tag, "files": counts.files, "bytes": counts.bytes, "received": counts.bytes_received}
    contents = f"{counts.files} content{'' if counts.files == 1 else 's'}"
    console.result(row, [f"{tag}: {contents}, {render_size(counts.bytes_received)} received"])


def select(
    console: Console,
    sample_type: str | None,
    sampling: str | None,
    seed: int | None,
    paths: Sequence[str],
    *,
    is_bare: bool,
) -> FileSelection:
    """Return the selection that options name.

    Raises:
        click.UsageError: options are missing or exclude each other.
        InvalidArgument: the rule of a sample cannot be used.
    """
    from entrepot.workspace.entities.samples import parse_sample
    from entrepot.workspace.projects.transfers.checkouts import FileSelection

    if (sample_type is None) != (sampling is None):
        raise click.UsageError("--sample-type and --sampling need each other")
    if seed is not None and sample_type is None:
        raise click.UsageError("--seed needs --sample-type")
    if is_bare and (sample_type is not None or paths):
        raise click.UsageError("--bare excludes --sample-type and --paths")
    if sample_type is None or sampling is None:
        return FileSelection(None, tuple(paths), is_bare)
    if seed is None and sample_type != "range":
        console.info("Repository: the seed of the sample is 1")
    return FileSelection(parse_sample(sample_type, sampling, seed), tuple(paths))


@click.command(short_help="Stage the changes of another version.")
@asked_argument("name")
@asked_argument("tag")
@retry_option
@console_options
def merge(console: Console, name: str, tag: str, retry: int) -> None:
    """Stage the changes of the version TAG since its last common version with the one checked out.

    Nothing is merged if both have changed the same file.

    \b
    Example:
      ml-git datasets merge images vision__images__3
    """
    from entrepot.workspace.merging.merges import merge_version

    report = merge_version(console.entity(name), tag)
    row = {"tag": report.tag, "base": report.base, "taken": report.taken, "removed": report.removed}
    files = f"{report.taken} file{'' if report.taken == 1 else 's'} taken, {report.removed} removed"
    console.result(row, [f"merged {report.tag}: {files}"])
    if report.taken or report.removed:
        console.info("Repository: 'add --bumpversion' and 'commit' make a version of it")


@click.command(short_help="Unstage, discard changes, or undo a version.")
@asked_argument("name")
@click.option("--soft", is_flag=True, help="Move the head only.")
@click.option("--mixed", is_flag=True, help="Also unstage; this is the default.")
@click.option("--hard", is_flag=True, help="Also restore the files of the workspace.")
@click.option("--reference", type=click.Choice(["head", "head~1"], case_sensitive=False), default="head")
@console_options
def reset(console: Console, name: str, soft: bool, mixed: bool, hard: bool, reference: str) -> None:
    """Unstage, discard changes, or undo a version that is not published (--reference=head~1).

    \b
    Examples:
      ml-git datasets reset images --hard
      ml-git datasets reset images --reference=head~1
    """
    from entrepot.workspace.projects.resets import ResetMode, reset_entity

    modes = [mode for mode, is_wanted in (("soft", soft), ("mixed", mixed), ("hard", hard)) if is_wanted]
    if len(modes) > 1:
        raise click.UsageError("--soft, --mixed and --hard exclude each other")
    undoes = reference.lower() == "head~1"
    report = reset_entity(console.entity(name), ResetMode((*modes, "mixed")[0]), undoes_version=undoes)
    if report.undone is not None:
        console.info(f"Repository: {report.undone} was undone")
    console.result({"head": report.head, "undone": report.undone}, [])


@click.command(short_help="Allow changes of files of a flexible entity.")
@asked_argument("name")
@asked_argument("files", "File, if you do not mean all files", nargs=-1)
@click.option("--all", "unlocks_all", is_flag=True, help="Unlock every file of the entity.")
@console_options
def unlock(console: Console, name: str, files: Sequence[str], unlocks_all: bool) -> None:
    """Allow changes of files of a flexible entity until the next commit.

    \b
    Example:
      ml-git datasets unlock images data/labels.csv
    """
    from entrepot.workspace.projects.changes.unlocks import unlock_files

    if not files and not unlocks_all:
        raise click.UsageError("name files, or use --all")
    unlocked = unlock_files(console.entity(name), files, unlocks_all=unlocks_all)
    for path in unlocked:
        console.info(f"Repository: {native(path)} is unlocked")
    console.result({"unlocked": list(unlocked)}, [])


def _row(report: CheckoutReport) -> dict[str, object]:
    return {
        "tag": report.tag,
        "sha": report.commit,
        "path": report.path,
        "files": report.files,
        "bytes": report.bytes,
        "changed": report.changed,
        "kept": report.kept,
        "removed": report.removed,
        "received": report.bytes_received,
    }


def _summary(report: CheckoutReport) -> str:
    from entrepot.workspace.projects.sizes import render_size

    counts = f"{report.changed} changed, {report.kept} kept, {report.removed} removed"
    files = f"{report.files} file{'' if report.files == 1 else 's'}"
    return f"{report.tag}: {files}, {render_size(report.bytes)} ({counts})"
