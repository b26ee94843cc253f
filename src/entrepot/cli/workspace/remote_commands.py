"""Commands that configure git remotes and storages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.workspace.consoles import Console, config_file, console_options, global_option
from entrepot.cli.workspace.wizards import asked_argument, is_asking

_HERE = "entrepot.cli.workspace.remote_commands"
TYPES = ("s3h", "azureblobh", "gdriveh", "sftph", "file")
_ENDPOINT = "URL of the service (empty: that of the provider)"
_QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "s3h": {
        "credentials": "Profile of ~/.aws (empty: default)",
        "endpoint_url": _ENDPOINT,
        "region": "Region (empty: that of the profile)",
    },
    "azureblobh": {"endpoint_url": _ENDPOINT},
    "gdriveh": {"credentials": "File with the credentials"},
    "sftph": {
        "endpoint_url": "Host",
        "username": "User (empty: yours)",
        "private_key": "File with the private key (empty: the agent's)",
    },
    "file": {},
}


@click.group(
    cls=LazyGroup,
    short_help="Configure the git remotes of the metadata.",
    entries=(
        *(
            CommandEntry(word, f"{_HERE}:of_kind", "Set or remove a metadata remote.")
            for word in ("datasets", "labels", "models")
        ),
        *(CommandEntry(word, f"{_HERE}:of_kind", hidden=True) for word in ("dataset", "label", "model", "config")),
    ),
)
def remote() -> None:
    """Configure the git remotes of the metadata."""


@click.group(short_help="Set or remove a metadata remote.")
def of_kind() -> None:
    """Configure the remote of one kind of entities."""


@of_kind.command("add")
@asked_argument("url")
@global_option
@console_options
def add_remote(console: Console, url: str, is_global: bool) -> None:
    """Set the git URL of the metadata, or the namespace on a hub (https://HUB/NAME) for metadata and data.

    \b
    Examples:
      ml-git repository remote datasets add git@github.com:example/datasets.git
      ml-git repository remote datasets add https://hub.example.org/alice
    """
    from entrepot.errors.redactions import redact

    if not console.word:
        _set_project_remote(console, url)
        return
    from entrepot.workspace.projects.remotes.settings import set_remote

    kind = console.kind
    found = set_remote(config_file(console, is_global=is_global), kind, url, folder=Path.cwd())
    if found.old is not None:
        console.say("warning", f"Repository: the remote of {kind.word} was {found.old} and is now {found.url}")
    console.info(f"Repository: the remote of {kind.word} is {found.url}")
    shown = {"kind": kind.word, "url": redact(found.url), "old": found.old and redact(found.old)}
    console.result(shown, [])


@of_kind.command("del")
@global_option
@console_options
def delete_remote(console: Console, is_global: bool) -> None:
    """Remove the git URL of the metadata from the configuration.

    \b
    Example:
      ml-git repository remote datasets del
    """
    kind = console.kind
    old = config_file(console, is_global=is_global).delete_remote(kind)
    console.info(f"Repository: the remote of {kind.word}, {old}, was removed")
    console.result({"kind": kind.word, "url": None}, [])


@click.group(short_help="Configure the storages of the data.")
def storage() -> None:
    """Configure the storages of the data."""


@storage.command("add")
@asked_argument("bucket")
@click.option("--type", "type_", type=click.Choice(TYPES), default="s3h", show_default=True)
@click.option("--credentials", help="Profile of ~/.aws, or the file with the credentials (gdriveh).")
@click.option("--region", help="Region of the bucket; default: that of the profile.")
@click.option("--endpoint-url", help="URL of the service, or the host (sftph).")
@click.option("--username", help="User on the host (sftph).")
@click.option("--private-key", help="File with the private key (sftph).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the host (sftph).")
@click.option("--host-key", help="Public key of the host (sftph).")
@click.option("--prefix", help="Prefix of the keys.")
@click.option("--create", is_flag=True, help="Create the bucket if it does not exist.")
@click.option("--check", is_flag=True, help="Write, read and delete a small object.")
@global_option
@console_options
def add_storage(
    console: Console,
    bucket: str,
    type_: str,
    create: bool,
    check: bool,
    is_global: bool,
    **settings: str | int | None,
) -> None:
    """Add a bucket, or change its settings; the network is used by --create and --check only.

    \b
    Examples:
      ml-git repository storage add my-bucket --credentials=default --region=eu-central-1
      ml-git repository storage add /srv/bucket --type=file --create
    """
    from entrepot.workspace.configuration.tables import StorageSettings

    if is_asking(click.get_current_context()):
        settings |= _answers(type_, settings)
    values = StorageSettings(**settings)  # type: ignore[arg-type] # click has parsed them
    is_new = config_file(console, is_global=is_global).add_storage(type_, bucket, values)
    console.info(f"Repository: the storage {type_}://{bucket} was {'added' if is_new else 'changed'}")
    if create or check:
        _use(console, type_, bucket, creates=create, checks=check)
    console.result({"type": type_, "bucket": bucket, "new": is_new}, [])


def _answers(type_: str, settings: Mapping[str, object]) -> dict[str, str | None]:
    """Ask for the settings that are not given and return the answers; an empty answer sets nothing."""
    questions = {name: question for name, question in _QUESTIONS[type_].items() if settings[name] is None}
    return {
        name: click.prompt(question, default="", show_default=False, err=True) or None
        for name, question in questions.items()
    }


@storage.command("del")
@asked_argument("bucket")
@click.option("--type", "type_", type=click.Choice(TYPES), default="s3h", show_default=True)
@global_option
@console_options
def delete_storage(console: Console, bucket: str, type_: str, is_global: bool) -> None:
    """Remove a bucket from the configuration; its content stays.

    \b
    Example:
      ml-git repository storage del my-bucket
    """
    config_file(console, is_global=is_global).delete_storage(type_, bucket)
    console.info(f"Repository: the storage {type_}://{bucket} was removed")
    console.result({"type": type_, "bucket": bucket}, [])


def _use(console: Console, type_: str, bucket: str, *, creates: bool, checks: bool) -> None:
    """Create a bucket, or try it."""
    from entrepot.workspace.entities.kinds import DATASETS
    from entrepot.workspace.entities.specs import StorageRef
    from entrepot.workspace.stores import create_bucket

    project, ref = console.project, StorageRef(type_, bucket)
    if creates:
        is_new = create_bucket(project.storage(ref), environ=project.around.environ, home=project.around.home)
        console.info(f"Storage: the bucket {bucket} {'was created' if is_new else 'exists already'}")
    if checks:
        with project.of_kind(DATASETS).store(ref) as store:
            store.probe()
        console.info(f"Storage: {ref} can be written, read and deleted from")


def _set_project_remote(console: Console, url: str) -> None:
    """Set the remote of the project's own git repository, where its configuration is pushed to."""
    from entrepot.workspace.projects.clones import set_settings_remote

    set_settings_remote(console.project, url, Path.cwd())
    console.info("Repository: the remote of the configuration was set")
    console.result({"url": url}, [])
