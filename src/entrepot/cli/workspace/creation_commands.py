"""The command that creates an entity, with questions for what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from entrepot.cli.workspace.consoles import Console, console_options
from entrepot.cli.workspace.wizards import asked_argument, asked_option, is_asking

_CATEGORIES = "Categories, separated by commas"
_MUTABILITIES = ("strict", "flexible", "mutable")


@click.command(short_help="Create an entity.")
@asked_argument("name")
@asked_option("--categories", question=_CATEGORIES, required=True, help=f"{_CATEGORIES}.")
@asked_option("--mutability", question="Mutability", required=True, type=click.Choice(_MUTABILITIES))
@click.option("--storage-type", help="Type of the storage; default: s3h, or that of the only storage.")
@click.option("--bucket-name", help="Bucket of the data; default: the only one of the project.")
@click.option("--version", type=int, help="Number of the first version; default: 1.")
@click.option("--entity-dir", default="", help="Folder below which the entity is created.")
@click.option("--repo-name", default="", help="Repository on the hub, if its name differs from the entity's.")
@click.option("--import", "source", type=click.Path(path_type=Path), help="Folder or file to copy into the entity.")
@click.option("--import-url", help="Address to fetch: of a file, or of a file or folder of Google Drive.")
@click.option("--credentials-path", help="File with the credentials of Google, for Drive.")
@click.option("--unzip", is_flag=True, help="Replace imported zip archives with their contents.")
@console_options
def create(
    console: Console,
    name: str,
    categories: str,
    mutability: str,
    storage_type: str | None,
    bucket_name: str | None,
    version: int | None,
    entity_dir: str,
    repo_name: str,
    source: Path | None,
    import_url: str | None,
    credentials_path: str | None,
    unzip: bool,
) -> None:
    """Create an entity: a folder with a spec, a README and a folder for the data.

    \b
    Example:
      ml-git datasets create images --categories="vision, cats" --mutability=strict --bucket-name=my-bucket
    """
    from entrepot.workspace.entities.mutability import parse_mutability
    from entrepot.workspace.exchange.entity_data import data_from
    from entrepot.workspace.projects.entities import create_entity

    state = console.state
    if bucket_name is None and is_asking(click.get_current_context()):
        bucket_name = _chosen_bucket(console, storage_type)
    entity = create_entity(
        state,
        name,
        categories.split(","),
        parse_mutability(mutability),
        storage_type=storage_type,
        bucket=bucket_name,
        version=1 if version is None else version,
        folder=entity_dir,
        repository=repo_name,
        fill=data_from(console.around, source=source, url=import_url, credentials=credentials_path, unpacks=unzip),
    )
    spec = str(entity.spec_path.relative_to(entity.state.project.root))
    console.result({"entity": entity.folder, "spec": spec}, [spec])


def _chosen_bucket(console: Console, storage_type: str | None) -> str | None:
    """Return the bucket that the user chooses; None if there is no choice."""
    state = console.state
    if state.metadata.own_storage is not None:
        return None
    storages = state.project.configuration.storages
    names = [name for type_, buckets in storages.items() if storage_type in (None, type_) for name in buckets]
    if len(names) < 2:
        return None
    answer: str = click.prompt("Bucket", type=click.Choice(names), err=True)
    return answer
