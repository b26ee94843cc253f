"""Commands that import and export plain objects of buckets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from entrepot.cli.workspace.consoles import Console, console_options, retry_option
from entrepot.cli.workspace.wizards import asked_argument

if TYPE_CHECKING:
    from entrepot.workspace.exchange.imports import ExchangeReport

Function = TypeVar("Function", bound=Callable[..., object])

TYPES = ("s3", "gdrive", "s3h", "azureblobh", "gdriveh", "sftph", "file")


def bucket_options(function: Function) -> Function:
    """Add the options that name a bucket and its credentials."""
    options = (
        click.option("--force", is_flag=True, help="Replace other contents."),
        retry_option,
        click.option("--endpoint-url", "--endpoint", "endpoint_url", help="URL of the service."),
        click.option("--storage-type", type=click.Choice(TYPES), default="s3", show_default=True),
        click.option("--region", help="Region of the bucket; default: that of the profile."),
        click.option("--credentials", help="Profile of ~/.aws, or the file with the credentials (gdrive)."),
    )
    for option in options:
        function = option(function)
    return function


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
    credentials: str | None,
    region: str | None,
    storage_type: str,
    endpoint_url: str | None,
    retry: int,
    force: bool,
) -> None:
    """Fetch plain objects of a bucket into DIRECTORY; settings of a storage of the project are the defaults.

    \b
    Example:
      ml-git datasets import my-bucket datasets/images/data --path=raw
    """
    from entrepot.workspace.exchange.buckets import open_plain_bucket
    from entrepot.workspace.exchange.imports import import_objects

    if path and key:
        raise click.UsageError("--path and --object exclude each other")
    state = console.state
    opened = open_plain_bucket(
        state.project, storage_type, bucket, credentials=credentials, region=region, endpoint_url=endpoint_url
    )
    report = import_objects(state, opened, directory.absolute(), path=path, key=key, is_forced=force)
    console.result(_row(report), [_summary("imported", opened.label, report)])


@click.command("export", short_help="Store the files of a version as plain objects.")
@asked_argument("name", metavar="TAG|NAME")
@asked_argument("bucket")
@click.option("--prefix", default="", help="Keys begin with this folder.")
@bucket_options
@console_options
def export(
    console: Console,
    name: str,
    bucket: str,
    prefix: str,
    credentials: str | None,
    region: str | None,
    storage_type: str,
    endpoint_url: str | None,
    retry: int,
    force: bool,
) -> None:
    """Store every file of a version as a plain object of a bucket.

    \b
    Example:
      ml-git datasets export vision__images__2 my-bucket --prefix=export
    """
    from entrepot.workspace.exchange.buckets import open_plain_bucket
    from entrepot.workspace.exchange.exports import export_version

    state = console.state
    opened = open_plain_bucket(
        state.project, storage_type, bucket, credentials=credentials, region=region, endpoint_url=endpoint_url
    )
    tag, report = export_version(state, name, opened, prefix=prefix, is_forced=force)
    console.result({"tag": tag, **_row(report)}, [f"{tag}: {_summary('exported', opened.label, report)}"])


def _row(report: ExchangeReport) -> dict[str, int]:
    return {"objects": report.objects, "bytes": report.bytes, "kept": report.kept}


def _summary(verb: str, label: str, report: ExchangeReport) -> str:
    from entrepot.workspace.projects.sizes import render_size

    objects = f"{report.objects} object{'' if report.objects == 1 else 's'}"
    kept = f", {report.kept} kept" if report.kept else ""
    return f"{verb} {objects} {'to' if verb == 'exported' else 'from'} {label}, {render_size(report.bytes)}{kept}"
