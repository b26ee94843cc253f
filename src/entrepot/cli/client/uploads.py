"""``entrepot upload`` and ``upload-large-folder``: upload a file or a folder, once or every few minutes."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import attrs
import click

from entrepot.cli.client.options import (
    HubClient,
    exclude_option,
    hub_options,
    include_option,
    revision_option,
    show_unless_quiet,
    type_option,
)
from entrepot.cli.reports import show, show_json
from entrepot.cli.results import json_option
from entrepot.errors import InvalidArgument, Refused, SecretsFound

if TYPE_CHECKING:
    from entrepot.hf.api import HubApi
    from entrepot.hf.shapes.addresses import CommitInfo


secrets_option = click.option(
    "--allow-secrets", is_flag=True, help="Also upload files whose names suggest a secret, such as .env or id_rsa."
)


@attrs.frozen
class UploadOptions:
    """The options of ``entrepot upload``."""

    repo: str
    repo_type: str
    local: Path
    path_in_repo: str
    revision: str | None
    include: list[str] | None
    exclude: list[str] | None
    delete: list[str] | None
    message: str | None
    description: str | None
    creates_pr: bool
    is_private: bool | None
    allows_secrets: bool = False


@click.command(short_help="Upload a file or a folder.")
@click.argument("repo", metavar="REPO")
@click.argument("local", metavar="[LOCAL]", required=False)
@click.argument("path_in_repo", metavar="[PATH_IN_REPO]", required=False)
@type_option
@revision_option
@include_option
@exclude_option
@click.option(
    "--delete",
    multiple=True,
    metavar="PATTERN",
    help="Delete files of the repository that match this pattern, in the same commit; may be repeated.",
)
@click.option("--every", type=float, metavar="MINUTES", help="Upload added files every MINUTES minutes until Ctrl-C.")
@click.option("--commit-message", "-m", metavar="TEXT", help="First line of the commit message.")
@click.option("--commit-description", metavar="TEXT", help="Rest of the commit message.")
@click.option("--create-pr", is_flag=True, help="Propose the change as a pull request.")
@click.option(
    "--private/--public", "private", default=None, help="Visibility of the repository if it is created by this command."
)
@secrets_option
@json_option
@hub_options
def upload(
    client: HubClient,
    repo: str,
    local: str | None,
    path_in_repo: str | None,
    repo_type: str,
    revision: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    delete: tuple[str, ...],
    every: float | None,
    commit_message: str | None,
    commit_description: str | None,
    create_pr: bool,
    private: bool | None,
    allow_secrets: bool,
    as_json: bool,
) -> None:
    """Upload a file or a folder to REPO, in one commit.

    The repository and the branch --revision are created if they do not exist.
    Without LOCAL, the file or folder with the name of the repository is
    uploaded. Without PATH_IN_REPO, a folder goes to the root of the repository,
    and a file to its own name in the root. Files that the hub already has are
    not sent again.

    \b
    Examples:
      entrepot upload alice/my-model
      entrepot upload alice/my-model ./models .
      entrepot upload alice/my-model ./path/to/curated/data /data/train
      entrepot upload alice/data ./logs logs --repo-type dataset --include "*.txt" --delete "*"
      entrepot upload alice/data ./logs logs --repo-type dataset --every 10
    """
    order = read_order(
        repo,
        local,
        path_in_repo,
        UploadOptions(
            repo, repo_type, Path(), "", revision, list(include) or None, list(exclude) or None, list(delete) or None,
            commit_message, commit_description, create_pr, private, allow_secrets,
        ),
    )  # fmt: skip
    api = client.api
    if every is not None:
        _upload_again_and_again(client, api, order, every)
        return
    if client.is_quiet:
        logging.getLogger("entrepot").setLevel(logging.ERROR)
    with _secrets_refused():
        made = send(api, order)
    if as_json:
        show_json({"url": made.commit_url, "commit": made.oid, "pull_request": made.pr_url})
    else:
        show(made.pr_url or made.commit_url)


@click.command("upload-large-folder", short_help="Upload a folder of any size.")
@click.argument("repo", metavar="REPO")
@click.argument("local", metavar="LOCAL", type=click.Path(path_type=Path))
@type_option
@revision_option
@include_option
@exclude_option
@click.option(
    "--private/--public", "private", default=None, help="Visibility of the repository if it is created by this command."
)
@click.option("--num-workers", type=click.IntRange(1, 8), help="Number of commits that are prepared concurrently.")
@secrets_option
@json_option
@hub_options
def upload_large_folder(
    client: HubClient,
    repo: str,
    local: Path,
    repo_type: str,
    revision: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    private: bool | None,
    num_workers: int | None,
    allow_secrets: bool,
    as_json: bool,
) -> None:
    """Upload the folder LOCAL to REPO in as many commits as needed.

    Progress is recorded in .cache/entrepot of the folder: run the command
    again after an interruption, and it resumes.

    \b
    Examples:
      entrepot upload-large-folder acme/bert ./checkpoints
      entrepot upload-large-folder acme/squad ./data --repo-type dataset --num-workers 4
    """
    with _secrets_refused():
        client.api.upload_large_folder(
            repo,
            local,
            repo_type=repo_type,
            revision=revision,
            private=private,
            allow_patterns=list(include) or None,
            ignore_patterns=list(exclude) or None,
            num_workers=num_workers,
            print_report=not client.is_quiet,
            allow_secrets=allow_secrets,
        )
    if as_json:
        show_json({"repo": repo, "type": repo_type, "folder": str(local), "uploaded": True})
    else:
        show_unless_quiet(client, f"everything in {local} is in {repo}")


@contextlib.contextmanager
def _secrets_refused() -> Iterator[None]:
    """Rephrase the refusal of files that look like secrets in terms of the command line's options.

    Raises:
        Refused: instead of ``SecretsFound``.
    """
    try:
        yield
    except SecretsFound as error:
        names = ", ".join(error.paths[:5]) + (", ..." if len(error.paths) > 5 else "")
        raise Refused(
            f"the names of {len(error.paths)} file(s) suggest secrets: {names}; none of them was committed: "
            "leave them out with --exclude, or use --allow-secrets"
        ) from error


def read_order(repo: str, local: str | None, path_in_repo: str | None, order: UploadOptions) -> UploadOptions:
    """Determine the source and the target of an upload, with defaults for omitted arguments.

    Raises:
        InvalidArgument: LOCAL is omitted and no file or folder has the name of the repository; or options for
            folders are given with a file.
        SourceMissing: the file or folder does not exist.
        SourceUnreadable: it is neither, such as a broken link or a socket.
    """
    from entrepot.client.sources import PathSource

    name = repo.rpartition("/")[2]
    source = Path(local) if local is not None else Path(name)
    if local is None and not os.path.lexists(source):
        raise InvalidArgument(f"no file or folder named {name!r} here: give LOCAL as the second argument")
    if not source.is_dir():
        PathSource.at(source)
    if source.is_file() and (order.include or order.exclude or order.delete):
        raise InvalidArgument("--include, --exclude and --delete are for folders, but this is a file")
    default = source.name if source.is_file() else "."
    place = (path_in_repo or default).strip("/") or default
    return attrs.evolve(order, local=source, path_in_repo=place)


def send(api: HubApi, order: UploadOptions) -> CommitInfo:
    """Commit the upload, creating the repository and the branch if they do not exist."""
    made = api.create_repo(order.repo, repo_type=order.repo_type, private=order.is_private, exist_ok=True)
    repo = made.repo_id
    if order.revision is not None and not order.creates_pr and not order.revision.startswith("refs/"):
        api.create_branch(repo, branch=order.revision, repo_type=order.repo_type, exist_ok=True)
    if order.local.is_file():
        sent: object = api.upload_file(
            path_or_fileobj=str(order.local), path_in_repo=order.path_in_repo, repo_id=repo, **_shared(order)
        )
    else:
        sent = api.upload_folder(
            folder_path=order.local,
            path_in_repo=None if order.path_in_repo == "." else order.path_in_repo,
            repo_id=repo,
            allow_patterns=order.include,
            ignore_patterns=order.exclude,
            delete_patterns=order.delete,
            **_shared(order),
        )
    # Only run_as_future and multi_commits return another type.
    return cast("CommitInfo", sent)


class _Shared(TypedDict):
    repo_type: str
    revision: str | None
    commit_message: str | None
    commit_description: str | None
    create_pr: bool
    allow_secrets: bool


def _shared(order: UploadOptions) -> _Shared:
    return {
        "repo_type": order.repo_type,
        "revision": order.revision,
        "commit_message": order.message,
        "commit_description": order.description,
        "create_pr": order.creates_pr,
        "allow_secrets": order.allows_secrets,
    }


def _upload_again_and_again(client: HubClient, api: HubApi, order: UploadOptions, every: float) -> None:
    """Upload added files every few minutes until interrupted."""
    from entrepot.hf.schedulers import CommitScheduler

    if order.delete or order.creates_pr:
        raise InvalidArgument("--every cannot be combined with --delete or --create-pr")
    is_file = order.local.is_file()
    folder = order.local.parent if is_file else order.local
    place = order.path_in_repo if not is_file else order.path_in_repo.rpartition("/")[0]
    scheduler = CommitScheduler(
        repo_id=order.repo,
        repo_type=order.repo_type,
        revision=order.revision,
        folder_path=folder,
        path_in_repo=None if place in ("", ".") else place,
        every=every,
        private=order.is_private,
        allow_patterns=[order.local.name] if is_file else order.include,
        ignore_patterns=order.exclude,
        hf_api=api,
        allow_secrets=order.allows_secrets,
    )
    show_unless_quiet(client, f"uploading {folder} to {scheduler.repo_id} every {every:g} minutes; stop with Ctrl-C")
    try:
        while True:
            # Short, because a signal that arrives just before the call begins does not interrupt it.
            time.sleep(1)
    except KeyboardInterrupt:
        show_unless_quiet(client, "one last time")
        scheduler.trigger().result()
        scheduler.stop()
