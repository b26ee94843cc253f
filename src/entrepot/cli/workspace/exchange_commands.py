"""Commands that import and export plain objects of buckets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from entrepot.cli.workspace.consoles import Console, console_options, retry_option
from entrepot.cli.workspace.wizards import asked_argument

if TYPE_CHECKING:
    from entrepot.workspace.exchange.buckets import PlainBucket
    from entrepot.workspace.exchange.imports import ExchangeReport
    from entrepot.workspace.projects.projects import Project

TYPES = ("s3", "gdrive", "s3h", "azureblobh", "gdriveh", "sftph", "file")


@attrs.frozen
class BucketOptions:
    """The options that say how a bucket is reached; None and an empty text: as configured in the project."""

    storage_type: str
    credentials: str | None
    region: str | None
    endpoint_url: str | None

    def open(self, project: Project, name: str) -> PlainBucket:
        """Return the bucket; raises as :func:`entrepot.workspace.exchange.buckets.open_plain_bucket`."""
        from entrepot.workspace.exchange.buckets import open_plain_bucket

        return open_plain_bucket(
            project,
            self.storage_type,
            name,
            credentials=self.credentials,
            region=self.region,
            endpoint_url=self.endpoint_url,
        )


def bucket_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add the options that name a bucket and its credentials, and pass them as ``options``."""

    @functools.wraps(function)
    def command(
        *args: object,
        storage_type: str,
        credentials: str | None,
        region: str | None,
        endpoint_url: str | None,
        **others: object,
    ) -> object:
        return function(*args, options=BucketOptions(storage_type, credentials, region, endpoint_url), **others)

    found: Callable[..., object] = command
    options = (
        click.option("--force", is_flag=True, help="Replace files and objects with other content."),
        retry_option,
        click.option("--endpoint-url", "--endpoint", "endpoint_url", help="URL of the service."),
        click.option("--storage-type", type=click.Choice(TYPES), default="s3", show_default=True),
        click.option("--region", help="Region of the bucket; default: that of the profile."),
        click.option("--credentials", help="Profile of ~/.aws, or the file with the credentials (gdrive)."),
    )
    for option in options:
        found = option(found)
    return found


@click.command("import", short_help="Fetch plain objects of a bucket.")
@asked_argument("bucket")
@asked_argument("directory", type=click.Path(path_type=Path))
@click.option("--path", default="", help="Only objects in this folder of the bucket.")
@click.option("--object", "key", default="", help="Only this object.")
@bucket_options
@console_options
def import_(
    console: Console,
    bucket: str,
    directory: Path,
    path: str,
    key: str,
    options: BucketOptions,
    retry: int,
    force: bool,
) -> None:
    """Fetch plain objects of a bucket into DIRECTORY; settings of a storage of the project are the defaults.

    \b
    Example:
      ml-git datasets import my-bucket datasets/images/data --path=raw
    """
    from entrepot.workspace.exchange.imports import import_objects

    if path and key:
        raise click.UsageError("--path and --object exclude each other")
    state = console.state
    opened = options.open(state.project, bucket)
    report = import_objects(state, opened, directory.absolute(), path=path, key=key, is_forced=force)
    console.result(_row(report), [_summary("imported", opened.label, report)])


@click.command("export", short_help="Store the files of a version as plain objects.")
@asked_argument("name", metavar="TAG|NAME")
@asked_argument("bucket")
@click.option("--prefix", default="", help="Folder of the objects in the bucket.")
@bucket_options
@console_options
def export(
    console: Console,
    name: str,
    bucket: str,
    prefix: str,
    options: BucketOptions,
    retry: int,
    force: bool,
) -> None:
    """Store every file of a version as a plain object of a bucket.

    \b
    Example:
      ml-git datasets export vision__images__2 my-bucket --prefix=export
    """
    from entrepot.workspace.exchange.exports import export_version

    state = console.state
    opened = options.open(state.project, bucket)
    tag, report = export_version(state, name, opened, prefix=prefix, is_forced=force)
    console.result({"tag": tag, **_row(report)}, [f"{tag}: {_summary('exported', opened.label, report)}"])


def _row(report: ExchangeReport) -> dict[str, int]:
    return {"objects": report.objects, "bytes": report.bytes, "kept": report.kept}


def _summary(verb: str, label: str, report: ExchangeReport) -> str:
    from entrepot.workspace.projects.sizes import render_size

    objects = f"{report.objects} object{'' if report.objects == 1 else 's'}"
    kept = f", {report.kept} kept" if report.kept else ""
    return f"{verb} {objects} {'to' if verb == 'exported' else 'from'} {label}, {render_size(report.bytes)}{kept}"
