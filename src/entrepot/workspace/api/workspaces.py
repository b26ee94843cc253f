"""Projects as Python objects: typed methods for what the commands of ``ml-git`` do.

Nothing is printed, the current folder is neither used nor changed, and several
projects and threads work at the same time. Failures are errors of
:mod:`entrepot.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from entrepot.client.progress import Progress, Silent
from entrepot.workspace.configuration.settings_edits import ConfigFile
from entrepot.workspace.configuration.tables import StorageSettings
from entrepot.workspace.entities.kinds import DATASETS, LABELS, MODELS, EntityKind, parse_kind
from entrepot.workspace.entities.mutability import parse_mutability
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.exchange.buckets import open_plain_bucket
from entrepot.workspace.exchange.entity_data import data_from
from entrepot.workspace.exchange.exports import export_version
from entrepot.workspace.exchange.imports import ExchangeReport, import_objects
from entrepot.workspace.maintenance.garbage import LocalGarbage, collect_local
from entrepot.workspace.maintenance.integrity import FsckReport, check_local, check_remote
from entrepot.workspace.maintenance.migrations import MigratedVersion, migrate_entity
from entrepot.workspace.merging.merges import MergeReport, merge_version
from entrepot.workspace.projects.changes.additions import AddReport, add_files
from entrepot.workspace.projects.changes.commits import CommitReport, commit_version
from entrepot.workspace.projects.changes.statuses import StatusReport, read_status
from entrepot.workspace.projects.changes.unlocks import unlock_files
from entrepot.workspace.projects.clones import clone_project, push_settings
from entrepot.workspace.projects.entities import Entity, create_entity, find_entity
from entrepot.workspace.projects.projects import KindState, Notify, Project, Surroundings, create_project, open_project
from entrepot.workspace.projects.remotes.settings import set_remote
from entrepot.workspace.projects.resets import ResetMode, ResetReport, reset_entity
from entrepot.workspace.projects.transfers.checkouts import CheckoutReport, FileSelection, checkout_version
from entrepot.workspace.projects.transfers.linked_checkouts import checkout_linked
from entrepot.workspace.projects.transfers.pushes import PushOptions, PushReport, push_versions
from entrepot.workspace.projects.updates import NewVersions, initialise_metadata, update_metadata
from entrepot.workspace.reports.graphs import VersionGraph, read_graph
from entrepot.workspace.reports.histories import DiffReport, LoggedVersion, read_diff, read_log, read_shown
from entrepot.workspace.reports.listings import ListedTag, list_entities, list_tags
from entrepot.workspace.reports.metrics_tables import VersionMetrics, read_metrics
from entrepot.workspace.stores import CheckLevel, CheckReport


def _surroundings(progress: Progress | None, notify: Notify | None) -> Surroundings:
    around = Surroundings(dict(os.environ), Path.home(), progress or Silent())
    return around if notify is None else Surroundings(around.environ, around.home, around.progress, notify)


class Workspace:
    """A project; its configuration is read again by every call, so it may change in between.

    Args:
        root: the folder of the project, or one inside it.
        progress: shows the progress of long work; None shows nothing.
        notify: receives remarks and warnings; None drops them.

    Raises:
        ProjectMissing: the folder is in no project.
    """

    def __init__(
        self, root: str | os.PathLike[str], *, progress: Progress | None = None, notify: Notify | None = None
    ) -> None:
        self._around = _surroundings(progress, notify)
        self.root = open_project(Path(root), self._around).root
        """The folder of the project."""
        self.datasets = KindWorkspace(self, DATASETS)
        """The datasets of the project."""
        self.labels = KindWorkspace(self, LABELS)
        """The labels of the project."""
        self.models = KindWorkspace(self, MODELS)
        """The models of the project."""

    @classmethod
    def create(cls, root: str | os.PathLike[str]) -> Workspace:
        """Create a project in a folder and return it.

        Raises:
            ProjectExists: the folder is in a project.
        """
        Path(root).mkdir(parents=True, exist_ok=True)
        return cls(create_project(Path(root)))

    @classmethod
    def clone(cls, url: str, root: str | os.PathLike[str], *, is_untracked: bool = False) -> Workspace:
        """Clone the settings of a project and its metadata, and return the project; raises as ``clone_project``."""
        target = Path(root).absolute()
        return cls(clone_project(url, target, target.parent, _surroundings(None, None), is_untracked=is_untracked).root)

    @property
    def project(self) -> Project:
        """The project with its present configuration."""
        return open_project(self.root, self._around)

    def of_kind(self, word: str) -> KindWorkspace:
        """Return the datasets, labels or models of the project.

        Raises:
            InvalidName: no kind has this word.
        """
        return {"datasets": self.datasets, "labels": self.labels, "models": self.models}[parse_kind(word).word]

    def add_remote(self, word: str, url: str, *, is_global: bool = False) -> str | None:
        """Set the metadata remote of a kind and return the one that was set before; raises as ``set_remote``."""
        return set_remote(self._config_file(is_global), parse_kind(word), url, folder=self.root).old

    def add_storage(
        self, bucket: str, type_: str = "s3h", settings: StorageSettings | None = None, *, is_global: bool = False
    ) -> bool:
        """Add or replace a storage; return False if it was replaced; raises as ``ConfigFile.add_storage``."""
        return self._config_file(is_global).add_storage(type_, bucket, settings or StorageSettings())

    def push_settings(self, message: str | None = None) -> bool:
        """Commit and push the configuration; return whether it had changed; raises as ``push_settings``."""
        return push_settings(self.project, message)

    def update(self) -> dict[str, tuple[NewVersions, ...]]:
        """Fetch all metadata and return what is new by kind; raises as ``update_metadata``."""
        return {state.kind.word: update_metadata(state) for state in self.project.configured()}

    def collect_garbage(self, *, is_rehearsal: bool = False) -> LocalGarbage:
        """Remove local files that nothing needs."""
        return collect_local(self.project, is_rehearsal=is_rehearsal)

    def graph(self) -> VersionGraph:
        """Return all versions of the project and the links between them."""
        return read_graph(self.project)

    def _config_file(self, is_global: bool) -> ConfigFile:
        return ConfigFile.of(None if is_global else self.root, self._around.home, self._around.environ)


class KindWorkspace:
    """The entities of one kind in a project. Methods raise what the use cases of the same name raise."""

    def __init__(self, workspace: Workspace, kind: EntityKind) -> None:
        self._workspace = workspace
        self.kind = kind

    @property
    def _state(self) -> KindState:
        return self._workspace.project.of_kind(self.kind)

    def _entity(self, name: str) -> Entity:
        return find_entity(self._state, name)

    def init(self) -> tuple[NewVersions, ...]:
        """Clone the metadata, or repair a clone."""
        return initialise_metadata(self._state)

    def update(self) -> tuple[NewVersions, ...]:
        """Fetch the metadata and return what is new."""
        return update_metadata(self._state)

    def create(
        self,
        name: str,
        categories: Sequence[str],
        mutability: str,
        *,
        storage_type: str | None = None,
        bucket: str | None = None,
        version: int = 1,
        folder: str = "",
        repository: str = "",
        source: Path | None = None,
        url: str | None = None,
        credentials_path: str | None = None,
        unzip: bool = False,
    ) -> Path:
        """Create an entity and return its folder; ``source`` and the words after it are those of ``data_from``."""
        around = self._state.project.around
        entity = create_entity(
            self._state,
            name,
            categories,
            parse_mutability(mutability),
            storage_type=storage_type,
            bucket=bucket,
            version=version,
            folder=folder,
            repository=repository,
            fill=data_from(around, source=source, url=url, credentials=credentials_path, unpacks=unzip),
        )
        return entity.path

    def status(self, name: str) -> StatusReport:
        """Return what is staged, untracked, corrupted, changed and not published."""
        return read_status(self._entity(name))

    def add(
        self,
        name: str,
        paths: Sequence[str] = (),
        *,
        bumpversion: bool = False,
        metrics: Mapping[str, float] | None = None,
        follows_links: bool = False,
    ) -> AddReport:
        """Stage files; look at ``corrupted`` of the report for files that were left out."""
        entity = self._entity(name)
        return add_files(entity, paths, bumps_version=bumpversion, metrics=metrics, follows_links=follows_links)

    def commit(
        self,
        name: str,
        *,
        version: int | None = None,
        message: str | None = None,
        links: Mapping[str, str] | None = None,
        inherits_links: bool = True,
    ) -> CommitReport:
        """Create a version from the staged files; ``links`` are names by root key: ``{"dataset": "imagenet8"}``."""
        entity = self._entity(name)
        return commit_version(entity, version=version, message=message, links=links, inherits_links=inherits_links)

    def push(self, name: str, options: PushOptions | None = None) -> PushReport:
        """Publish the local versions of an entity."""
        return push_versions(self._entity(name), options)

    def checkout(
        self,
        name: str,
        number: int | None = None,
        *,
        selection: FileSelection | None = None,
        force: bool = False,
        linked: Sequence[str] = (),
    ) -> Path:
        """Put the files of a version into the workspace and return the folder of the entity.

        Args:
            linked: root keys of linked versions to check out too: ``dataset``, ``labels``.
        """
        return Path(self.checkout_reports(name, number, selection=selection, force=force, linked=linked)[0].path)

    def checkout_reports(
        self,
        name: str,
        number: int | None = None,
        *,
        selection: FileSelection | None = None,
        force: bool = False,
        linked: Sequence[str] = (),
    ) -> list[CheckoutReport]:
        """As :meth:`checkout`, but return what was done for the version and for every linked one."""
        state = self._state
        first = checkout_version(state, name, number, selection=selection, is_forced=force)
        return [first, *checkout_linked(state, first.tag, linked, is_forced=force)]

    def list(self) -> list[str]:
        """Return the folders of all entities that have a version."""
        return list_entities(self._state)

    def tags(self, name: str) -> Sequence[ListedTag]:
        """Return the versions of an entity in ascending order."""
        return list_tags(self._state, name)

    def show(self, name: str, tag: str | None = None) -> Spec:
        """Return the spec of a version: the named one, the checked out one, or the latest."""
        return read_shown(self._state, name, tag).spec

    def log(self, name: str, *, has_statistics: bool = False) -> Sequence[LoggedVersion]:
        """Return the versions of an entity with author, time and message."""
        return read_log(self._state, name, has_statistics=has_statistics)

    def diff(self, first: str, second: str) -> DiffReport:
        """Return which files differ between two tags."""
        return read_diff(self._state, first, second)

    def metrics(self, name: str) -> Sequence[VersionMetrics]:
        """Return the metrics of every version."""
        return read_metrics(self._state, name)

    def reset(self, name: str, mode: str = "mixed", *, undoes_version: bool = False) -> ResetReport:
        """Unstage (``mixed``), also restore files (``hard``), or only undo a local version (``soft``)."""
        return reset_entity(self._entity(name), ResetMode(mode), undoes_version=undoes_version)

    def merge(self, name: str, tag: str) -> MergeReport:
        """Stage the changes of another version since its last common version with the one checked out."""
        return merge_version(self._entity(name), tag)

    def unlock(self, name: str, paths: Sequence[str] = (), *, unlocks_all: bool = False) -> tuple[str, ...]:
        """Allow changes of files until the next commit and return their paths."""
        return unlock_files(self._entity(name), paths, unlocks_all=unlocks_all)

    def fsck(self, name: str | None = None, *, is_full: bool = False, fixes: bool = False) -> FsckReport:
        """Check what is kept locally."""
        return check_local(self._state, name, is_full=is_full, fixes=fixes)

    def remote_fsck(self, name: str, level: CheckLevel = CheckLevel.PRESENCE) -> CheckReport:
        """Check the data of a version in the storage."""
        return check_remote(self._state, name, level)

    def migrate(self, name: str, *, has_all_versions: bool = False) -> tuple[MigratedVersion, ...]:
        """Copy versions of ML-Git 2.9.9 into chunks."""
        return migrate_entity(self._state, name, has_all_versions=has_all_versions)

    def import_objects(
        self,
        bucket: str,
        target: Path,
        *,
        storage_type: str = "s3",
        credentials: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        path: str = "",
        key: str = "",
        is_forced: bool = False,
    ) -> ExchangeReport:
        """Fetch plain objects of a bucket into a folder; arguments as for ``open_plain_bucket``, ``import_objects``."""
        state = self._state
        opened = open_plain_bucket(
            state.project, storage_type, bucket, credentials=credentials, region=region, endpoint_url=endpoint_url
        )
        return import_objects(state, opened, target, path=path, key=key, is_forced=is_forced)

    def export(
        self,
        name: str,
        bucket: str,
        *,
        storage_type: str = "s3",
        credentials: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        prefix: str = "",
        is_forced: bool = False,
    ) -> ExchangeReport:
        """Store the files of a version as plain objects; arguments as for ``open_plain_bucket``, ``export_version``."""
        state = self._state
        opened = open_plain_bucket(
            state.project, storage_type, bucket, credentials=credentials, region=region, endpoint_url=endpoint_url
        )
        return export_version(state, name, opened, prefix=prefix, is_forced=is_forced)[1]
