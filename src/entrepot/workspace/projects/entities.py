"""Entities in the workspace: finding one by its name, creating one, reading its spec."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from entrepot.errors import (
    CannotWrite,
    ConfigError,
    EntityAmbiguous,
    EntityMissing,
    EntrepotError,
    InvalidName,
    Malformed,
    Refused,
    SourceUnreadable,
    shown,
)
from entrepot.names import parse_path
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.configuration.tables import CONFIG_NAME
from entrepot.workspace.entities.ignored_paths import IGNORE_NAME
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.entities.specs import Spec, StorageRef, new_spec, parse_spec, parse_storage
from entrepot.workspace.entities.version_tags import parse_categories, parse_name, parse_number
from entrepot.workspace.projects.projects import KindState

README = "README.md"
_DEEPEST = 32


@attrs.frozen
class Entity:
    """An entity of a project; ``folder`` is its path in the workspace and in the metadata (``a/b/name``)."""

    state: KindState
    folder: str

    @property
    def name(self) -> str:
        """The name of the entity, which is that of its folder."""
        return self.folder.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """The folder on disk."""
        return self.state.workspace / self.folder

    @property
    def spec_path(self) -> Path:
        """The spec on disk."""
        return self.path / f"{self.name}.spec"

    @property
    def document_names(self) -> tuple[str, str, str]:
        """The files at the root of the folder that are metadata, not data: spec, README and ignored paths."""
        return f"{self.name}.spec", README, IGNORE_NAME

    def path_inside(self, text: str) -> str:
        """Return a path as it is inside the entity; it may be absolute, or begin with the folder in the project."""
        absolute = os.path.abspath(text)
        if os.path.isabs(text) and absolute.startswith(f"{self.path}{os.sep}"):
            text = os.path.relpath(absolute, self.path)
        plain = text.replace("\\", "/").removeprefix("./").rstrip("/")
        return plain.removeprefix(f"{self.state.kind.word}/{self.folder}/")

    def spec_text(self) -> str:
        """Return the text of the spec in the workspace.

        Raises:
            SourceUnreadable, Malformed: it cannot be read, or is not UTF-8.
        """
        try:
            return self.spec_path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(str(self.spec_path), "it is not UTF-8") from error
        except OSError as error:
            raise SourceUnreadable(str(self.spec_path), error.strerror or str(error)) from error

    def spec(self) -> Spec:
        """Return the spec in the workspace.

        Raises:
            Malformed, InvalidName: it cannot be used, or names another entity than its folder.
        """
        spec = parse_spec(self.spec_text(), self.state.kind, str(self.spec_path))
        if spec.name != self.name:
            raise Malformed(str(self.spec_path), f"it names {spec.name!r}, but its folder is {self.name!r}")
        return spec

    def documents(self) -> dict[str, bytes]:
        """Return the documents of the workspace by name.

        Raises:
            SourceUnreadable: one cannot be read.
        """
        found: dict[str, bytes] = {}
        for name in self.document_names:
            try:
                found[name] = (self.path / name).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SourceUnreadable(str(self.path / name), error.strerror or str(error)) from error
        return found


def find_entity(state: KindState, name: str) -> Entity:
    """Return the entity of the workspace with a name, or with a folder such as ``a/b/name``.

    Raises:
        EntityMissing: the workspace has none.
        EntityAmbiguous: several folders have this name.
    """
    text = name.replace("\\", "/").strip("/")
    folders = [folder for folder in entity_folders(state.workspace) if folder == text or folder.endswith(f"/{text}")]
    if not folders:
        cure = f"create it, or check it out: 'ml-git {state.kind.word} checkout {shown(name, quote=False)}'"
        raise EntityMissing(name, cure)
    if len(folders) > 1 and not (text in folders and "/" in text):
        raise EntityAmbiguous(name, tuple(folders))
    entity = Entity(state, text if text in folders else folders[0])
    _follow_move(entity)
    return entity


def _follow_move(entity: Entity) -> None:
    """Find what is known of an entity whose folder the user has moved inside the workspace."""
    state = entity.state
    heads = state.database.heads()
    if entity.folder in heads:
        return
    gone = [folder for folder in heads if folder.rpartition("/")[2] == entity.name]
    gone = [folder for folder in gone if not Entity(state, folder).spec_path.exists()]
    try:
        identity = entity.spec().identity
    except (Malformed, InvalidName, SourceUnreadable):
        return
    moved = [folder for folder in gone if heads[folder].tag.rpartition("__")[0] == str(identity)]
    if len(moved) == 1:
        with state.database.transaction() as transaction:
            transaction.unstage(entity.folder)
            transaction.put_documents(entity.folder, {})
            transaction.rename_entity(moved[0], entity.folder)


def entity_folders(workspace: Path) -> list[str]:
    """Return the folders of all entities in a workspace, sorted; folders inside entities are not searched."""
    return sorted(_walk(workspace, "", 0))


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for entry in entries:
        path = f"{prefix}{entry.name}"
        if os.path.isfile(os.path.join(entry.path, f"{entry.name}.spec")):
            yield path
        else:
            yield from _walk(Path(entry.path), f"{path}/", depth + 1)


def create_entity(
    state: KindState,
    name: str,
    categories: Sequence[str],
    mutability: Mutability,
    *,
    storage_type: str | None = None,
    bucket: str | None = None,
    version: int = 1,
    folder: str = "",
    repository: str = "",
    fill: Callable[[Path], object] | None = None,
) -> Entity:
    """Create an entity with a spec, a README and a folder for its data.

    Args:
        storage_type, bucket: where the data goes; without them, the only storage of the project.
        folder: the folder of the workspace below which the entity is created.
        repository: the name of the repository on a hub, if it is not that of the entity.
        fill: puts data into the folder ``data``, which it is called with; after an error there is no entity.

    Raises:
        InvalidName, InvalidPath: a name breaks a rule.
        ConfigError: no bucket is named, and the project has none or several.
        InvalidArgument: a repository is named, and the remote is no hub.
        Refused: the folder exists, or an entity of another kind has the repository.
        CannotWrite, or an error of ``fill``: nothing was created.
    """
    parse_name(name)
    above = folder.replace("\\", "/").rstrip("/")
    place = str(parse_path(f"{above}/{name}" if above else name))
    storage = _storage(state, storage_type, bucket)
    spec = new_spec(state.kind, name, parse_categories(categories), mutability, storage, parse_number(version))
    spec = state.metadata.with_repository(spec, repository)
    for other in state.project.configured():
        if other.kind != state.kind:
            other.metadata.check_unused(state.url, spec)
    entity = Entity(state, place)
    if entity.path.exists():
        raise Refused(f"the folder {entity.path} exists already; nothing was changed")
    try:
        (entity.path / "data").mkdir(parents=True)
        replace_text(entity.spec_path, spec.render())
        replace_text(entity.path / README, "")
        if fill is not None:
            fill(entity.path / "data")
    except EntrepotError:
        shutil.rmtree(entity.path, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(entity.path, ignore_errors=True)
        raise CannotWrite(str(entity.path), error.strerror or str(error)) from error
    return entity


def _storage(state: KindState, storage_type: str | None, bucket: str | None) -> StorageRef:
    own = state.metadata.own_storage
    if own is not None:
        if storage_type not in (None, own.type) or bucket not in (None, own.bucket):
            raise ConfigError(state.kind.word, CONFIG_NAME, f"the data of {state.kind.word} goes to the hub: use {own}")
        return own
    if bucket is not None:
        return parse_storage(f"{storage_type or 's3h'}://{bucket}")
    storages = state.project.configuration.storages
    found = [
        StorageRef(type_, name)
        for type_, buckets in storages.items()
        for name in buckets
        if storage_type in (None, type_)
    ]
    if len(found) != 1:
        reason = "name a bucket: --bucket-name" if found else "there is no storage; run 'ml-git repository storage add'"
        raise ConfigError("storages", CONFIG_NAME, reason)
    return found[0]
