"""``entrepot cache``: list, verify and delete downloaded files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrepot.cli.client.options import HubClient, confirm, hub_options, revision_option, show_unless_quiet, type_option
from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.reports import counted, render_bytes, show, show_json
from entrepot.cli.results import json_option, show_result

if TYPE_CHECKING:
    from entrepot.client.cache.cache_reports import CacheReport, Deletion

_HERE = "entrepot.cli.client.caches"

_ENTRIES = (
    CommandEntry("scan", f"{_HERE}:scan", "List the contents of the cache."),
    CommandEntry("delete", f"{_HERE}:delete", "Delete repositories or revisions from the cache."),
    CommandEntry("verify", f"{_HERE}:verify", "Compare cached files with the hub."),
)

cache_option = click.option(
    "--cache-dir", type=click.Path(path_type=Path), help="Cache folder; default: that of the hub."
)


@click.group(cls=LazyGroup, entries=_ENTRIES, short_help="List, verify and delete downloaded files.")
def cache() -> None:
    """List, verify and delete files downloaded from a hub.

    \b
    Examples:
      entrepot cache scan
      entrepot cache delete model/alice/my-model
      entrepot cache verify alice/my-model
    """


@click.command(short_help="List the contents of the cache.")
@click.option("--verbose", "-v", is_flag=True, help="Print a line for each revision.")
@cache_option
@json_option
@hub_options
def scan(client: HubClient, verbose: bool, cache_dir: Path | None, as_json: bool) -> None:
    """List the repositories in the cache of the hub with their sizes.

    \b
    Example:
      entrepot cache scan --verbose
    """
    report = _report(client, cache_dir)
    for warning in report.warnings:
        show_unless_quiet(client, f"damaged: {warning}")
    if as_json:
        show_json(_rows(report))
        return
    show(report.export_as_table(verbosity=int(verbose)))
    repos = counted(len(report.repos), "repository", "repositories")
    show(f"{repos}, {render_bytes(report.size_on_disk)} in {report.cache_dir}")


@click.command(short_help="Delete repositories or revisions from the cache.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@cache_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@hub_options
def delete(client: HubClient, names: tuple[str, ...], cache_dir: Path | None, yes: bool, as_json: bool) -> None:
    """Delete each NAME from the cache: TYPE/NAMESPACE/NAME, or the id of a commit.

    Deleted files are downloaded again when they are needed.

    \b
    Example:
      entrepot cache delete model/acme/bert
    """
    report = _report(client, cache_dir)
    plans = _plans(report, names)
    freed = sum(plan.expected_freed_size for plan in plans)
    confirm(f"Delete {', '.join(names)} from the cache ({render_bytes(freed)})?", is_sure=yes)
    for plan in plans:
        plan.execute()
    show_result({"deleted": list(names), "freed": freed}, f"freed {render_bytes(freed)}", as_json=as_json)


@click.command(short_help="Compare cached files with the hub.")
@click.argument("repo", metavar="REPO")
@type_option
@revision_option
@click.option(
    "--local-dir", type=click.Path(path_type=Path), help="Compare the files in this folder instead of the cache."
)
@cache_option
@json_option
@hub_options
def verify(
    client: HubClient,
    repo: str,
    repo_type: str,
    revision: str | None,
    local_dir: Path | None,
    cache_dir: Path | None,
    as_json: bool,
) -> int:
    """Hash the local files of REPO and compare them with the digests listed by the hub.

    The exit code is 1 if a file differs.

    \b
    Examples:
      entrepot cache verify acme/bert
      entrepot cache verify acme/bert --local-dir ./bert
    """
    found = client.api.verify_repo_checksums(
        repo, repo_type=repo_type, revision=revision, local_dir=local_dir, cache_dir=cache_dir
    )
    rows = [
        {"path": bad.path, "expected": bad.expected, "actual": bad.actual, "algorithm": bad.algorithm}
        for bad in found.mismatches
    ]
    if as_json:
        show_json(
            {
                "path": str(found.verified_path),
                "revision": found.revision,
                "checked": found.checked_count,
                "different": rows,
                "missing": found.missing_paths,
                "extra": found.extra_paths,
            }
        )
    else:
        for row in rows:
            show(f"different: {row['path']}")
        checked, missing = counted(found.checked_count, "file"), len(found.missing_paths)
        show(f"{checked} checked, {len(rows)} different, {missing} not here")
    return 0 if found.is_intact else 1


def _report(client: HubClient, cache_dir: Path | None) -> CacheReport:
    from entrepot.client.cache.cache_scans import scan as scan_cache
    from entrepot.client.cache.caches import cache_root

    places = client.places
    return scan_cache(cache_dir or cache_root(places.cache, client.endpoint or places.endpoint))


def _plans(report: CacheReport, names: tuple[str, ...]) -> list[Deletion]:
    repos = [name for name in names if "/" in name]
    revisions = [name for name in names if "/" not in name]
    ids = {repo.cache_id for repo in report.repos}
    wanted = [name if name in ids else f"model/{name}" for name in repos]
    plans = [report.delete_repos(*wanted)] if wanted else []
    return plans + ([report.delete_revisions(*revisions)] if revisions else [])


def _rows(report: CacheReport) -> dict[str, object]:
    repos = sorted(report.repos, key=lambda repo: repo.cache_id)
    return {
        "path": str(report.cache_dir),
        "size": report.size_on_disk,
        "repos": [
            {
                "name": repo.cache_id,
                "size": repo.size_on_disk,
                "files": repo.nb_files,
                "revisions": [
                    {
                        "commit": one.commit_hash,
                        "refs": sorted(one.refs),
                        "size": one.size_on_disk,
                        "files": one.nb_files,
                    }
                    for one in sorted(repo.revisions, key=lambda one: one.commit_hash)
                ],
            }
            for repo in repos
        ],
        "warnings": [str(warning) for warning in report.warnings],
    }
