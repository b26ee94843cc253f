"""The Python API under the names and arguments of ML-Git 2.9.9.

Failures are raised, where the old program logged them, and ``checkout`` returns
the path that it promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from entrepot.errors import CacheDamaged, InvalidArgument, LockedByMutability
from entrepot.workspace.api.entity_managers import LocalEntityManager
from entrepot.workspace.api.workspaces import Workspace
from entrepot.workspace.configuration.tables import StorageSettings
from entrepot.workspace.entities.metrics import parse_metrics, parse_metrics_file
from entrepot.workspace.entities.samples import TYPES, parse_sample
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.projects.projects import create_project
from entrepot.workspace.projects.transfers.checkouts import FileSelection
from entrepot.workspace.projects.transfers.pushes import PushOptions
from entrepot.workspace.reports.metrics_tables import export_metrics, metrics_document

Metrics = Mapping[str, float | str] | Iterable[tuple[str, float | str]]


class MLGitAPI:
    """The operations of ML-Git on one project.

    Args:
        root_path: the folder of the project; empty is the current folder. It may be created by :meth:`init` or
            :meth:`clone`.
    """

    def __init__(self, root_path: str = "") -> None:
        self._root = Path(root_path).absolute()

    @property
    def workspace(self) -> Workspace:
        """The project as a :class:`Workspace`.

        Raises:
            ProjectMissing: there is none.
        """
        return Workspace(self._root)

    def clone(self, repository_url: str, untracked: bool = False) -> None:
        """Clone the settings of a project into the folder, which must be absent or empty."""
        Workspace.clone(repository_url, self._root, is_untracked=untracked)

    def init(self, entity: str) -> None:
        """Create a project (``repository``), or clone the metadata of ``datasets``, ``labels`` or ``models``.

        Raises:
            ProjectExists, ProjectMissing, GitFailed: nothing was changed.
        """
        if entity == "repository":
            self._root.mkdir(parents=True, exist_ok=True)
            create_project(self._root)
        else:
            self.workspace.of_kind(entity).init()

    def remote_add(self, entity: str, remote_url: str, global_configuration: bool = False) -> None:
        """Set the metadata remote of a kind."""
        self.workspace.add_remote(entity, remote_url, is_global=global_configuration)

    def storage_add(
        self,
        bucket_name: str,
        bucket_type: str = "s3h",
        credentials: str | None = None,
        global_configuration: bool = False,
        endpoint_url: str | None = None,
        username: str | None = None,
        private_key: str | None = None,
        port: int | None = None,
        region: str | None = None,
    ) -> None:
        """Add a storage to the configuration."""
        settings = StorageSettings(
            credentials=credentials,
            region=region,
            endpoint_url=endpoint_url,
            username=username,
            private_key=private_key,
            port=port,
        )
        self.workspace.add_storage(bucket_name, bucket_type, settings, is_global=global_configuration)

    def create(
        self,
        entity: str,
        entity_name: str,
        categories: Sequence[str] | str,
        mutability: str,
        *,
        storage_type: str | None = None,
        bucket_name: str | None = None,
        version: int = 1,
        entity_dir: str = "",
        import_path: str | None = None,
        import_url: str | None = None,
        credentials_path: str | None = None,
        unzip: bool = False,
    ) -> None:
        """Create an entity with a spec, a README and a folder for its data.

        Args:
            categories: a list, or one string with commas.
            import_path: a file or folder to copy into the entity.
            import_url: the address of a file, or of a file or folder of Google Drive, to fetch into it.
            credentials_path: the file with the credentials of Google.
            unzip: replace zip archives with their contents.
        """
        words = categories.split(",") if isinstance(categories, str) else categories
        self.workspace.of_kind(entity).create(
            entity_name,
            words,
            mutability,
            storage_type=storage_type,
            bucket=bucket_name,
            version=version,
            folder=entity_dir,
            source=None if import_path is None else Path(import_path),
            url=import_url,
            credentials_path=credentials_path,
            unzip=unzip,
        )

    def add(
        self,
        entity_type: str,
        entity_name: str,
        bumpversion: bool = False,
        fsck: bool = False,
        file_path: Sequence[str] = (),
        metric: Metrics = (),
        metrics_file: str = "",
    ) -> None:
        """Stage files, and for a model its metrics.

        Args:
            metric: a mapping, or pairs of name and value.
            metrics_file: a CSV file with a header and one row.

        Raises:
            LockedByMutability: some files were left out, because they must not change; the others are staged.
            CacheDamaged: ``fsck`` found damage; nothing was staged.
        """
        kind = self.workspace.of_kind(entity_type)
        if fsck:
            left = kind.fsck().left
            if left:
                raise CacheDamaged(left[0].where, left[0].what)
        report = kind.add(entity_name, file_path, bumpversion=bumpversion, metrics=_metrics(metric, metrics_file))
        if report.corrupted:
            names = ", ".join(report.corrupted[:20])
            raise LockedByMutability(f"The following files cannot be added because they are corrupted: {names}")

    def commit(
        self,
        entity: str,
        ml_entity_name: str,
        commit_message: str | None = None,
        related_dataset: str | None = None,
        related_labels: str | None = None,
        version: int | None = None,
    ) -> None:
        """Create a version from the staged files, linked to a dataset and labels of the project."""
        named = {"dataset": related_dataset, "labels": related_labels}
        links = {root: name for root, name in named.items() if name}
        self.workspace.of_kind(entity).commit(ml_entity_name, version=version, message=commit_message, links=links)

    def push(
        self,
        entity: str,
        entity_name: str,
        retries: int = 2,
        clear_on_fail: bool = False,
        fail_limit: int | None = None,
    ) -> None:
        """Publish the local versions of an entity. ``retries`` and ``clear_on_fail`` are accepted, and not needed."""
        self.workspace.of_kind(entity).push(entity_name, PushOptions(fail_limit=fail_limit))

    def checkout(
        self,
        entity: str,
        tag: str,
        sampling: Mapping[str, str | int] | None = None,
        retries: int = 2,
        force: bool = False,
        dataset: bool = False,
        labels: bool = False,
        version: int = -1,
        fail_limit: int | None = None,
        full: bool = False,
    ) -> str:
        """Put the files of a version into the workspace and return the path of the entity.

        Args:
            tag: a tag, or the name of an entity.
            sampling: ``{"group": "1:5", "seed": 1}``, or with ``range`` or ``random``.
            version: the number for a name; -1 is the latest.
        """
        roots = [root for root, wanted in (("dataset", dataset), ("labels", labels)) if wanted]
        number = None if version < 0 or find_tag(tag) is not None else version
        selection = _selection(sampling)
        return str(self.workspace.of_kind(entity).checkout(tag, number, selection=selection, force=force, linked=roots))

    def init_local_entity_manager(self) -> LocalEntityManager:
        """Return an object that reads entities, versions and links of the project.

        Raises:
            ProjectMissing: there is none.
        """
        return LocalEntityManager(self.workspace)

    def get_models_metrics(
        self, entity_name: str, export_path: str | None = None, export_type: str = "json"
    ) -> dict[str, object]:
        """Return the metrics of all versions of a model; with a path, also write a file of the type."""
        versions = self.workspace.models.metrics(entity_name)
        if export_path is not None:
            if export_type not in ("csv", "json"):
                raise InvalidArgument(f"unknown export type {export_type!r}: use csv or json")
            export_metrics(entity_name, versions, export_type, export_path)
        return metrics_document(entity_name, versions)


def _metrics(pairs: Metrics, file: str) -> dict[str, float] | None:
    if file:
        return parse_metrics_file(Path(file).read_bytes(), file)
    found = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    return parse_metrics((name, str(value)) for name, value in found) if found else None


def _selection(sampling: Mapping[str, str | int] | None) -> FileSelection | None:
    if not sampling:
        return None
    types = [type_ for type_ in TYPES if type_ in sampling]
    if len(types) != 1:
        raise InvalidArgument("the sampling needs one of the keys group, range and random")
    seed = sampling.get("seed")
    return FileSelection(parse_sample(types[0], str(sampling[types[0]]), None if seed is None else int(seed)))
