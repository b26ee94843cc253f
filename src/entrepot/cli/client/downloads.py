"""``entrepot download``: a file, selected files, or a whole repository."""

from __future__ import annotations

from pathlib import Path

import click

from entrepot.cli.client.options import (
    HubClient,
    exclude_option,
    hub_options,
    include_option,
    literal_pattern,
    revision_option,
    type_option,
)
from entrepot.cli.reports import render_bytes, show, show_json, show_table
from entrepot.cli.results import json_option
from entrepot.errors import EntryNotFound, InvalidArgument


@click.command(short_help="Download files or a whole repository.")
@click.argument("repo", metavar="REPO")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@type_option
@revision_option
@include_option
@exclude_option
@click.option(
    "--local-dir", type=click.Path(path_type=Path), help="Write the files to this folder instead of the cache."
)
@click.option("--cache-dir", type=click.Path(path_type=Path), help="Cache folder; default: that of the hub.")
@click.option("--force-download", is_flag=True, help="Also fetch files that are already here.")
@click.option("--dry-run", is_flag=True, help="Only list what would be fetched.")
@click.option(
    "--max-workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Number of concurrent downloads."
)
@json_option
@hub_options
def download(
    client: HubClient,
    repo: str,
    files: tuple[str, ...],
    repo_type: str,
    revision: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    local_dir: Path | None,
    cache_dir: Path | None,
    force_download: bool,
    dry_run: bool,
    max_workers: int,
    as_json: bool,
) -> None:
    """Download one FILE, several, or all files of REPO, and print their location.

    Files that are already here are not fetched again, interrupted downloads
    are continued, and every file is checked against its digest. A FILE with a
    slash at its end is a folder. REPO may be the address of a page of the hub,
    also of a file, a folder or a revision.

    \b
    Examples:
      entrepot download alice/my-model
      entrepot download alice/my-model config.json
      entrepot download alice/my-model tokenizer/
      entrepot download https://hub.example.org/datasets/alice/data/blob/v1/train.csv
      entrepot download alice/data --repo-type dataset --include "*.parquet" --local-dir data
    """
    if files and (include or exclude):
        raise InvalidArgument("name files, or patterns with --include and --exclude, not both")
    api = client.api
    how: dict[str, object] = {
        "repo_type": repo_type,
        "revision": revision,
        "cache_dir": cache_dir,
        "local_dir": local_dir,
        "force_download": force_download,
    }
    if len(files) == 1 and not files[0].endswith("/") and not dry_run:
        try:
            path = api.hf_hub_download(repo, files[0], **how)  # type: ignore[call-overload]
        except EntryNotFound:
            _check_all_there(api.list_repo_files(repo, repo_type=repo_type, revision=revision), files, repo, repo_type)
            raise
        _show_path(path, as_json=as_json)
        return
    how |= {
        "allow_patterns": [literal_pattern(name) for name in files] or list(include) or None,
        "ignore_patterns": list(exclude) or None,
        "max_workers": max_workers,
    }
    if files:
        _check_all_there(api.list_repo_files(repo, repo_type=repo_type, revision=revision), files, repo, repo_type)
    if dry_run:
        _show_forecast(api.snapshot_download(repo, dry_run=True, **how), as_json=as_json)  # type: ignore[call-overload]
        return
    _show_path(api.snapshot_download(repo, **how), as_json=as_json)  # type: ignore[call-overload]


def _check_all_there(found: list[str], wanted: tuple[str, ...], repo: str, repo_type: str) -> None:
    paths, named = set(found), f"{repo_type} {repo}"
    for name in wanted:
        is_there = _has_folder(found, name) if name.endswith("/") else name in paths
        if is_there:
            continue
        if _has_folder(found, f"{name}/"):
            raise InvalidArgument(f"{name!r} is a folder of {named}; write {f'{name}/'!r} for all files in it")
        if literal_pattern(name) != name:
            raise InvalidArgument(f"{name!r} not found in {named}; if it is a pattern, write --include {name!r}")
        listing = f"entrepot repo files {repo}" + ("" if repo_type == "model" else f" --repo-type {repo_type}")
        raise InvalidArgument(f"{name!r} not found in {named}; {listing!r} lists its files")


def _has_folder(paths: list[str], folder: str) -> bool:
    return any(path.startswith(folder) for path in paths)


def _show_path(path: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"path": path})
    else:
        show(path)


def _show_forecast(found: list[object], *, as_json: bool) -> None:
    rows = [
        {
            "file": getattr(item, "filename", None),
            "size": getattr(item, "file_size", None),
            "is_cached": getattr(item, "is_cached", None),
            "will_download": getattr(item, "will_download", None),
        }
        for item in found
    ]
    if as_json:
        show_json(rows)
        return
    show_table(
        ("FILE", "SIZE", "FETCH"),
        [
            (str(row["file"]), render_bytes(int(str(row["size"] or 0))), "yes" if row["will_download"] else "no")
            for row in rows
        ],
    )
