"""A project: a folder with a configuration, and the state of each kind of entities in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from entrepot.client.progress import Progress, Silent
from entrepot.errors import ConfigError, InvalidArgument, MetadataMissing, ProjectExists, ProjectMissing
from entrepot.workspace.configuration.config_files import (
    Configuration,
    config_path,
    load_configuration,
    replace_text,
    write_config,
)
from entrepot.workspace.configuration.storage_rules import check_storage
from entrepot.workspace.configuration.tables import CONFIG_NAME, PROJECT_FOLDER, STORAGE_TYPES
from entrepot.workspace.entities.kinds import KINDS, EntityKind
from entrepot.workspace.entities.specs import StorageRef
from entrepot.workspace.hubs.addresses import STORAGE, parse_hub_url
from entrepot.workspace.hubs.repositories import HubMetadata
from entrepot.workspace.metadata.repositories import MetadataRepository
from entrepot.workspace.state.content_caches import ContentCache
from entrepot.workspace.state.databases import Database
from entrepot.workspace.state.locks import exclusive
from entrepot.workspace.stores import StorageConfig

if TYPE_CHECKING:
    from entrepot.workspace.stores import ChunkStore, Outbox

IGNORED = """\
/datasets/
/labels/
/models/
/.ml-git/*
!/.ml-git/config.yaml
"""


class Notify(Protocol):
    """Receives the remarks of a use case, which are not part of its result."""

    def __call__(self, level: str, text: str) -> None:
        """Take one sentence; ``level`` is ``info`` or ``warning``."""
        ...


def _silent(level: str, text: str) -> None:
    """Ignore a sentence."""


@attrs.frozen
class Surroundings:
    """The context of use cases in a process: environment, home folder, and the receivers of progress and remarks."""

    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    home: Path = attrs.field(factory=Path.home)
    progress: Progress = attrs.field(factory=Silent)
    notify: Notify = _silent
    retries: int = 5


@attrs.frozen
class Project:
    """An open project. It holds no resources, and is safe to use from several threads."""

    root: Path
    configuration: Configuration
    around: Surroundings

    def of_kind(self, kind: EntityKind) -> KindState:
        """Return the state of one kind of entities."""
        return KindState(self, kind)

    def configured(self) -> list[KindState]:
        """Return the kinds that have a metadata remote."""
        return [state for kind in KINDS if (state := KindState(self, kind)).url]

    def storage(self, ref: StorageRef) -> StorageConfig:
        """Return the configuration of a storage.

        Raises:
            ConfigError: the project does not configure it, or a setting cannot be used.
            InvalidArgument: its type is unknown, or a value cannot be used.
        """
        if ref.type == STORAGE:
            cure = f"its entities need a hub as remote: 'ml-git repository remote … add https://HUB/{ref.bucket}'"
            raise ConfigError("manifest.storage", str(ref), cure)
        if ref.type not in STORAGE_TYPES:
            raise InvalidArgument(f"the storage type {ref.type!r} is unknown: use one of {', '.join(STORAGE_TYPES)}")
        settings = self.configuration.storages.get(ref.type, {}).get(ref.bucket)
        if settings is None:
            cure = f"the storage is not configured; run 'ml-git repository storage add {ref.bucket} --type={ref.type}'"
            raise ConfigError(f"storages.{ref.type}.{ref.bucket}", CONFIG_NAME, cure)
        settings = check_storage(ref.type, ref.bucket, settings, CONFIG_NAME)
        credentials = settings.get("aws-credentials") or {}
        port = settings.get("port")
        if port is not None and not str(port).isdigit():
            raise InvalidArgument(f"the port {port!r} of the storage {ref} is not a number")
        text = {key: None if value in (None, "") else str(value) for key, value in settings.items()}
        return StorageConfig(
            kind=ref.type,
            bucket=ref.bucket,
            prefix=text.get("prefix") or "",
            profile=str(credentials.get("profile") or text.get("credentials-path") or "default"),
            endpoint_url=text.get("endpoint-url"),
            region=text.get("region"),
            username=text.get("username"),
            private_key=text.get("private-key"),
            port=int(port) if port is not None else None,
            host_key=text.get("host-key"),
        )


@attrs.frozen
class KindState:
    """Everything of one kind in a project: workspace folder, metadata, database and chunks."""

    project: Project
    kind: EntityKind

    @property
    def workspace(self) -> Path:
        """The folder of the entities."""
        return self.project.root / self.kind.word

    @property
    def folder(self) -> Path:
        """The folder of the state."""
        return self.project.root / PROJECT_FOLDER / self.kind.word

    @property
    def url(self) -> str:
        """The URL of the metadata remote, or of the namespace on a hub; empty if none is configured."""
        configuration = self.project.configuration
        return configuration.hub_url(self.kind.word) or configuration.git_url(self.kind.word)

    @property
    def hub(self) -> HubMetadata | None:
        """The metadata repository if the remote is a hub, else None.

        Raises:
            UrlRefused: the address of the hub cannot be used.
        """
        metadata = self.metadata
        return metadata if isinstance(metadata, HubMetadata) else None

    @property
    def metadata(self) -> MetadataRepository:
        """The metadata repository; it may not exist yet.

        Raises:
            UrlRefused: the remote is a hub whose address cannot be used.
            ConfigError: the configuration names another folder than the one in which the metadata is.
        """
        address, limits = self.project.configuration.hub_url(self.kind.word), self.project.configuration.limits
        if address:
            # Not the folder of a git remote that was configured before: its versions are others.
            return HubMetadata(
                self._metadata_folder("hub-metadata"),
                address,
                self.project.around.environ,
                limits,
                address=parse_hub_url(address),
                word=self.kind.word,
            )
        return MetadataRepository(self._metadata_folder("metadata"), self.url, self.project.around.environ, limits)

    @property
    def database(self) -> Database:
        """The database of heads and files."""
        return Database(self.folder / "workspace.sqlite3")

    @property
    def outbox(self) -> Outbox:
        """The chunks that are not published yet."""
        from entrepot.workspace.stores import Outbox

        return Outbox(self.folder / "outbox")

    @property
    def indexes(self) -> Path:
        """The folder of cached indexes of stores."""
        return self._place("index_path") / "indexes"

    @property
    def refs_folder(self) -> Path:
        """The folder of the files that say which versions are checked out."""
        return self._place("refs_path") / "refs"

    @property
    def cache(self) -> ContentCache | None:
        """The cache of contents, if the configuration names a folder or a size."""
        configuration, word = self.project.configuration, self.kind.word
        places, size = configuration.state_folders, configuration.cache_size
        shared = places.get((word, "cache_path")) or places.get((word, "object_path"))
        if shared is None and not size:
            return None
        return ContentCache(shared or self.folder / "cache", size, is_shared=shared is not None)

    def _place(self, key: str) -> Path:
        """Return the folder that a key names for this kind, else that of the state; callers add a name of their own."""
        found = self.project.configuration.state_folders.get((self.kind.word, key))
        return self.folder if found is None else found / self.kind.word

    def _metadata_folder(self, name: str) -> Path:
        folder, usual = self._place("metadata_path") / name, self.folder / name
        if folder != usual and usual.exists() and not folder.exists():
            raise ConfigError(
                "metadata_path", CONFIG_NAME, f"the metadata is still elsewhere: move {usual} to {folder}"
            )
        return folder

    @property
    def drafts(self) -> Path:
        """The folder of fetched contents on their way to the workspace."""
        return self.folder / "drafts"

    def initialised_metadata(self) -> MetadataRepository:
        """Return the metadata repository.

        Raises:
            MetadataMissing: it has not been initialised.
        """
        if not self.metadata.exists:
            word = self.kind.word
            cure = "" if self.url else f"'ml-git repository remote {word} add URL', then "
            raise MetadataMissing(word, f"run {cure}'ml-git {word} init'")
        return self.metadata

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the writers of this kind inside the ``with``.

        Raises:
            ProjectBusy: another process held it for a minute.
        """
        with exclusive(self.folder / "lock", f"the {self.kind.word} of {self.project.root}"):
            yield

    def store(self, ref: StorageRef) -> ChunkStore:
        """Return the store of a storage; nothing is sent yet.

        Raises:
            ConfigError, InvalidArgument, StorageRefused, LibraryMissing: it cannot be opened.
        """
        from entrepot.workspace.stores import open_store

        around = self.project.around
        return open_store(
            self.project.storage(ref),
            self.indexes,
            environ=around.environ,
            home=around.home,
            threads=self.project.configuration.threads,
            retries=around.retries,
        )


def find_root(folder: Path) -> Path | None:
    """Return the project that a folder is in, or None."""
    absolute = folder.absolute()
    return next((place for place in (absolute, *absolute.parents) if config_path(place).is_file()), None)


def open_project(folder: Path, around: Surroundings) -> Project:
    """Return the project that a folder is in.

    Raises:
        ProjectMissing: it is in none.
        Malformed, ConfigError, LimitExceeded: the configuration cannot be used.
    """
    root = find_root(folder)
    if root is None:
        raise ProjectMissing(str(folder.absolute()))
    configuration = load_configuration(root, around.home, around.environ)
    for text in configuration.idle:
        around.notify("warning", f"the configuration key {text}; it is kept and has no effect")
    for key in configuration.unknown:
        around.notify("warning", f"the configuration has the unknown key {key!r}; it is kept and has no effect")
    return Project(root, configuration, around)


def create_project(folder: Path) -> Path:
    """Create a project in a folder and return its path.

    Raises:
        ProjectExists: the folder is in a project.
        CannotWrite: the folder cannot be written.
    """
    root = find_root(folder)
    if root is not None:
        raise ProjectExists(str(root))
    absolute = folder.absolute()
    values = {word: {"git": ""} for word in ("datasets", "labels", "models")}
    ignore = absolute / ".gitignore"
    old = ignore.read_text(encoding="utf-8") if ignore.is_file() else ""
    if IGNORED not in old:
        separator = "\n" if old and not old.endswith("\n") else ""
        replace_text(ignore, f"{old}{separator}{IGNORED}")
    write_config(config_path(absolute), {"batch_size": 20, **values, "storages": {}, "verbose": "info"})
    return absolute
