"""Commands that make versions: status, add, commit, push."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entrepot.cli.workspace.consoles import IN_CONFLICT, Console, console_options, native, retry_option
from entrepot.cli.workspace.folding import fold
from entrepot.cli.workspace.wizards import asked_argument, asked_option

if TYPE_CHECKING:
    from entrepot.workspace.projects.changes.statuses import StatusReport
    from entrepot.workspace.projects.transfers.pushes import PushedVersion

CORRUPTED = "The following files cannot be added because they are corrupted:"
NO_NEWS = "There is no new data to add"
_BUMPS = "Write the next free version into the spec?"
_METRICS = "CSV file with metrics"
_MESSAGE = "Message of the commit"
_NUMBER = "Version, if it differs from the spec's"
NOTHING_TO_PUSH = "No blobs to push at this time."


@click.command(short_help="Show what is new, changed and staged.")
@asked_argument("name")
@click.argument("directory", required=False)
@click.option("--full", is_flag=True, help="List every file, even if there are many.")
@console_options
def status(console: Console, name: str, directory: str | None, full: bool) -> None:
    """Show what is staged, untracked, corrupted and changed; with DIRECTORY, inside this folder of the entity.

    \b
    Example:
      ml-git datasets status images
    """
    from entrepot.workspace.projects.changes.statuses import read_status

    report = read_status(console.entity(name))
    kind = console.kind
    console.info(f"Repository: {kind.singular}: status of ml-git index for [{name}]")
    if report.unpublished:
        count = len(report.unpublished)
        console.info(f"Repository: {count} version{'' if count == 1 else 's'} to be published")
    console.result(_status_json(report), status_lines(report, directory, is_full=full))


def status_lines(report: StatusReport, directory: str | None, *, is_full: bool) -> list[str]:
    """Return the lines of a status: three headings that are always there, and one that is only shown with rows."""
    inside = (directory or "").replace("\\", "/").strip("/")

    def chosen(path: str) -> bool:
        return inside in ("", ".") or path == inside or path.startswith(f"{inside}/")

    labels = {"new file": "new file:   ", "modified": "modified:   ", "deleted": "deleted:    "}
    staged = [(labels[change], path) for change, path in report.staged if chosen(path)]
    untracked = [("", path) for path in report.untracked if chosen(path)]
    corrupted = [("", path) for path in report.corrupted if chosen(path)]
    changed = [
        (labels["deleted"] if change == "deleted" else "", path) for change, path in report.changed if chosen(path)
    ]
    sections = [("Changes to be committed", staged), ("untracked files", untracked), ("corrupted files", corrupted)]
    if changed:
        sections.append(("changes not staged for commit", changed))
    lines: list[str] = []
    for heading, rows in sections:
        lines += [*([""] if lines else []), heading, *(f"    {line}" for line in fold(rows, is_full=is_full))]
    return lines


def _status_json(report: StatusReport) -> dict[str, object]:
    return {
        "entity": report.name,
        "head": None if report.head is None else {"tag": report.head.tag, "sha": report.head.commit},
        "staged": [{"path": path, "change": str(change)} for change, path in report.staged],
        "untracked": list(report.untracked),
        "corrupted": list(report.corrupted),
        "changed": [{"path": path, "change": str(change)} for change, path in report.changed],
        "unpublished": list(report.unpublished),
    }


def _add_command(name: str, *, has_metrics: bool) -> click.Command:
    """Return the command ``add``; that of models takes metrics."""

    def run(console: Console, **values: Any) -> None:  # noqa: ANN401 - the options below
        _add(console, **values)

    function: Callable[..., object] = console_options(run)
    if has_metrics:
        function = asked_option(
            "--metrics-file", question=_METRICS, type=click.Path(path_type=Path), help="CSV file with one row."
        )(function)
        function = click.option("--metric", "metric", multiple=True, nargs=2, help="Name and value; may be repeated.")(
            function
        )
    function = click.option("--follow-links", is_flag=True, help="Accept links to files outside the entity.")(function)
    function = click.option("--fsck", "checks", is_flag=True, help="Check the local state first.")(function)
    function = asked_option(
        "--bumpversion", question=_BUMPS, is_flag=True, help="Write the next free version into the spec."
    )(function)
    function = click.argument("paths", nargs=-1)(function)
    function = asked_argument("name")(function)
    text = """Stage new, changed and deleted files: of the whole entity, or those that PATHS or wildcards name.

    \b
    Examples:
      ml-git datasets add images
      ml-git datasets add images data/train --bumpversion
    """
    return click.command(name, help=text, short_help="Stage new and changed files.")(function)


def _add(
    console: Console,
    name: str,
    paths: Sequence[str],
    bumpversion: bool,
    checks: bool,
    follow_links: bool,
    metric: Sequence[tuple[str, str]] = (),
    metrics_file: Path | None = None,
) -> None:
    from entrepot.workspace.projects.changes.additions import add_files
    from entrepot.workspace.projects.sizes import render_size

    if metric and metrics_file is not None:
        raise click.UsageError("--metric and --metrics-file exclude each other")
    if checks:
        _check(console)
    metrics = read_metrics(metric, metrics_file)
    report = add_files(
        console.entity(name), paths, bumps_version=bumpversion, metrics=metrics, follows_links=follow_links
    )
    lines = [CORRUPTED, *(f"    {native(path)}" for path in report.corrupted)] if report.corrupted else []
    if report.is_bumped and not (report.files or report.deleted or report.corrupted):
        console.info(f"Repository: the next commit makes version {report.version} of what is staged")
    elif not report.is_news and not report.corrupted:
        lines.append(NO_NEWS)
    elif report.is_news:
        console.info(
            f"Repository: {report.files} file{'' if report.files == 1 else 's'} added, {report.deleted} deleted "
            f"({render_size(report.bytes_new)})"
        )
    row = {
        "files": report.files,
        "deleted": report.deleted,
        "bytes": report.bytes_new,
        "corrupted": list(report.corrupted),
        "version": report.version,
    }
    console.result(row, lines)
    if report.corrupted:
        console.code = IN_CONFLICT


def read_metrics(pairs: Sequence[tuple[str, str]], file: Path | None) -> dict[str, float] | None:
    """Return the metrics that options name, or None if there are none.

    Raises:
        SourceMissing, Malformed: the file cannot be read, or a value is no number.
    """
    from entrepot.errors import SourceMissing
    from entrepot.workspace.entities.metrics import parse_metrics, parse_metrics_file

    if file is not None:
        try:
            return parse_metrics_file(file.read_bytes(), str(file))
        except OSError as error:
            raise SourceMissing(str(file)) from error
    return parse_metrics(pairs) if pairs else None


def _commit_command(name: str, links: Sequence[str]) -> click.Command:
    """Return the command ``commit``; ``links`` are the options for linked entities."""

    def run(console: Console, **values: Any) -> None:  # noqa: ANN401 - the options below
        _commit(console, **values)

    function: Callable[..., object] = console_options(run)
    for link in reversed(links):
        text = f"Name of the {link} that the version was made with; it must be checked out."
        question = f"Name of the linked {link}"
        function = asked_option(f"--{link}", link, question=question, multiple=True, help=text)(function)
    if links:
        function = click.option("--no-links", is_flag=True, help="Do not keep the links of the previous version.")(
            function
        )
    function = click.option("--fsck", "checks", is_flag=True, help="Check the local state first.")(function)
    function = asked_option("-m", "--message", question=_MESSAGE, help="Message of the commit.")(function)
    function = asked_option(
        "--version", question=_NUMBER, type=int, help="Number of the version; default: that of the spec."
    )(function)
    function = asked_argument("name")(function)
    text = """Create a version from the staged files; nothing is sent.

    \b
    Examples:
      ml-git datasets commit images -m "more pictures"
      ml-git labels commit captions --dataset=images
    """
    return click.command(name, help=text, short_help="Create a version from the staged files.")(function)


def _commit(
    console: Console,
    name: str,
    version: int | None,
    message: str | None,
    checks: bool,
    no_links: bool = False,
    dataset: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> None:
    from entrepot.workspace.projects.changes.commits import commit_version
    from entrepot.workspace.projects.sizes import render_size

    links: dict[str, str] = {}
    for root, names in (("dataset", dataset), ("labels", labels)):
        if len(names) > 1 or "" in names:
            raise click.UsageError(f"--{root} takes one name, once")
        if names:
            links[root] = names[0]
    if checks:
        _check(console)
    report = commit_version(
        console.entity(name), version=version, message=message, links=links, inherits_links=not no_links
    )
    for tag in report.inherited:
        console.info(f"Repository: the link to {tag} was kept from the previous version")
    row = {
        "tag": report.tag,
        "sha": report.commit,
        "number": report.number,
        "files": report.files,
        "bytes": report.bytes,
    }
    files = f"{report.files} file{'' if report.files == 1 else 's'}"
    console.result(row, [f"{report.tag} ({report.commit[:8]}): {files}, {render_size(report.bytes)}"])


add = _add_command("add", has_metrics=False)
add_model = _add_command("add", has_metrics=True)
commit = _commit_command("commit", ())
commit_labels = _commit_command("commit", ("dataset",))
commit_model = _commit_command("commit", ("dataset", "labels"))


@click.command(short_help="Publish the versions that are not published.")
@asked_argument("name")
@retry_option
@click.option("--fail-limit", type=click.IntRange(0), help="Stop after this many objects have failed.")
@click.option("--clearonfail", is_flag=True, help="Accepted for existing scripts; has no effect.")
@click.option("--bumpversion", is_flag=True, help="Take the next free number if someone else has published this one.")
@click.option("--all", "follows_links", is_flag=True, help="Publish linked versions first.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@console_options
def push(
    console: Console,
    name: str,
    retry: int,
    fail_limit: int | None,
    clearonfail: bool,
    bumpversion: bool,
    follows_links: bool,
    dry_run: bool,
) -> None:
    """Publish the versions of an entity that are not published yet: data, then metadata.

    \b
    Examples:
      ml-git datasets push images
      ml-git models push net --all
    """
    from entrepot.workspace.projects.transfers.pushes import PushOptions, plan_pushes, push_versions

    entity = console.entity(name)
    options = PushOptions(renumbers=bumpversion, follows_links=follows_links, fail_limit=fail_limit)
    verb = "would publish" if dry_run else "published"

    def say(version: PushedVersion) -> None:
        console.step(f"{verb} {_sent(version)}")

    report = plan_pushes(entity) if dry_run else push_versions(entity, options, say)
    if dry_run:
        for version in report.published:
            say(version)
    row = {
        "published": [{"tag": version.tag, "sha": version.commit} for version in report.published],
        "objects": sum(version.objects for version in report.published),
        "bytes_sent": sum(version.bytes_sent for version in report.published),
        "bytes_known": sum(version.bytes_known for version in report.published),
    }
    console.result(row, [] if report.published else [NOTHING_TO_PUSH])


def _sent(version: PushedVersion) -> str:
    from entrepot.workspace.projects.sizes import render_size

    objects = f"{version.objects} object{'' if version.objects == 1 else 's'}"
    sent, known = render_size(version.bytes_sent), render_size(version.bytes_known)
    return f"{version.tag}: {objects}, {sent} sent, {known} known already"


def _check(console: Console) -> None:
    """Check the local state, and stop a command that would build on damage.

    Raises:
        CacheDamaged: there is damage that could not be repaired.
    """
    from entrepot.errors import CacheDamaged
    from entrepot.workspace.maintenance.integrity import check_local

    report = check_local(console.state)
    if report.left:
        raise CacheDamaged(report.left[0].where, report.left[0].what)
