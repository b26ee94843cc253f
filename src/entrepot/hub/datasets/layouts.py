"""The configurations and splits of a repository at a commit, with their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.cards import DatasetConfig, JsonValue, declared_features, find_configs, read_dataset_card
from entrepot.catalog import Read
from entrepot.catalog.repos import conversions
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Malformed, SplitNotFound, UnsupportedDataset
from entrepot.git import Mode
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.conversions.folder_plans import plan_media_folder, unread_option
from entrepot.hub.repos import contents
from entrepot.hub.tables.known_layouts import KnownLayout, key_of
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.previews.features import fits
from entrepot.previews.folders import MediaFolder
from entrepot.storage import objects
from entrepot.storage.trees import Trees

MAX_FILES = 50_000
"""Files of a repository in which splits are looked for."""

_README = RepoPath("README.md")
_MAX_README = 1 << 20


@attrs.frozen
class SplitRef:
    """A split by name: the configuration and the split of a dataset at a revision; it need not exist."""

    repo: RepoRef
    revision: str
    config: str
    split: str


@attrs.frozen
class SplitFiles:
    """The files from which a split is read: its own, or the Parquet files that the hub has made of them.

    ``commit``: where they are. ``declared``: the features that the card states, for columns of these names.
    ``folder``: the plan of the rows of a folder of media, whose files are ``paths``. ``separator``: of the fields of
    CSV files.
    """

    commit: Oid
    format: str
    paths: Sequence[str]
    sizes: Mapping[str, int]
    declared: Mapping[str, Any]
    folder: MediaFolder | None = None
    separator: str = ""

    @property
    def is_preliminary(self) -> bool:
        """Whether the types of columns are guessed from the beginning of the files; ``datasets`` may see others."""
        return self.format in ("csv", "json") and not self.declared

    def features(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the features of the split, given those of one of its files; what does not fit the file is left out."""
        if self.declared.keys() != found.keys():
            return found
        return {name: kind if fits(kind, found[name]) else found[name] for name, kind in self.declared.items()}


@attrs.frozen
class _Reading:
    """How the splits of a configuration are read; ``sizes``: of the files that were made of a split, by its name."""

    config: DatasetConfig
    declared: Mapping[str, Any]
    sizes: Mapping[str, Sequence[int]]
    folder: MediaFolder | None = None
    reason: str | None = None


@attrs.frozen
class Layout:
    """The configurations of a repository at a commit; ``sizes``: bytes of their files, by path.

    ``card``: the metadata of its README. ``made``: what was converted to Parquet, by configuration, and ``made_in``:
    the commit where it is.
    """

    repo: RepoRow
    commit: Oid
    configs: Sequence[DatasetConfig]
    sizes: Mapping[str, int]
    card: Mapping[str, JsonValue] = attrs.field(factory=dict)
    made: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    made_in: Oid | None = None
    _readings: dict[str, _Reading] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    def config(self, name: str) -> DatasetConfig:
        """Return a configuration.

        Raises:
            SplitNotFound: there is none of this name.
        """
        found = next((config for config in self.configs if config.name == name), None)
        if found is None:
            raise SplitNotFound("configuration", name, tuple(config.name for config in self.configs))
        return found

    @property
    def first(self) -> tuple[str, str]:
        """The default configuration, or the first one, and its first split; empty if it has none."""
        chosen = next((config for config in self.configs if config.is_default), self.configs[0])
        return chosen.name, next(iter(chosen.splits), "")

    def files(self, config: str, split: str) -> Sequence[str]:
        """Return the paths of the files of a split, in order.

        Raises:
            SplitNotFound: the configuration or split does not exist.
        """
        splits = self.config(config).splits
        if split not in splits:
            raise SplitNotFound("split", split, tuple(splits))
        return splits[split]

    def table(self, config: str, split: str) -> SplitFiles:
        """Return the files from which a split is read, the converted ones if there are any.

        Raises:
            SplitNotFound: the configuration or split does not exist.
            UnsupportedDataset: the card says how the files are read, in a way that the hub does not know.
        """
        paths = self.files(config, split)
        how = self._readings.get(config)
        if how is None:  # it takes as long as the configuration has files, which may all be in splits of their own
            how = self._readings[config] = self._reading(self.config(config))
        sizes = how.sizes.get(split)
        if sizes is not None and self.made_in is not None:
            made = {f"{config}/{split}/{number:04}.parquet": size for number, size in enumerate(sizes)}
            return SplitFiles(
                self.made_in, "parquet", tuple(made), made, {}
            )  # they were made with what the card states
        if how.reason is not None:
            raise UnsupportedDataset(str(self.repo.ref.id), how.reason)
        form, declared = how.config.format, {} if how.folder else how.declared
        separator = how.config.separator if form == "csv" else ""
        return SplitFiles(self.commit, form, paths, self.sizes, declared, how.folder, separator)

    def _reading(self, config: DatasetConfig) -> _Reading:
        try:
            declared = declared_features(self.card, config.name) or {}
        except Malformed:
            declared = {}
        sizes = {made["name"]: made["sizes"] for made in self.made.get(config.name, {}).get("splits", ())}
        if sizes.keys() >= config.splits.keys():  # nothing else is read
            return _Reading(config, declared, sizes)
        try:
            folder = plan_media_folder(config)
        except Malformed as error:
            return _Reading(config, declared, sizes, reason=error.reason)
        reason = unread_option(config, is_converted=False) if config.format != "parquet" else None
        return _Reading(config, declared, sizes, folder, reason or None)


def find_layout(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> Layout:
    """Return the configurations and splits of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
        UnsupportedDataset: it has no data files, too many files, a card that cannot be read, or a card
            that says ``viewer: false``.
    """
    read = contents.read_small_files(
        hub, caller, ref, revision, [_README], most_each=_MAX_README, most_bytes=_MAX_README
    )
    name, readme = str(read.repo.ref.id), read.files[0].data if read.files else b""
    with hub.read() as tx:
        key = key_of(read.repo.id, objects.root_of(hub.store, tx, read.repo.id, read.commit), readme)
        known = hub.layouts.find(key)
        if known is None:
            known = _look(hub, tx, read.repo, read.commit, readme)
            hub.layouts.put(key, known)
        row = conversions.find(tx, read.repo.id)
    if known.reason:
        raise UnsupportedDataset(name, known.reason)
    hub.tables.prepare()  # the splits of a dataset are looked at before, or in order to, read their rows
    found = read.repo, read.commit, known.configs, known.sizes, known.card
    if row is None or row.source != read.commit or row.commit is None:
        return Layout(*found)
    made = {config["name"]: config for config in row.configs if config["status"] == "converted"}
    return Layout(*found, made, row.commit)


def _look(hub: HubContext, tx: Read, repo: RepoRow, commit: Oid, readme: bytes) -> KnownLayout:
    """Return the layout of the splits of a commit, read from its tree."""
    try:
        card = read_dataset_card(readme.decode("utf-8", "replace"))
    except Malformed as error:
        return KnownLayout({}, reason=error.message)
    if card.get("viewer") is False:
        return KnownLayout({}, reason="its card says 'viewer: false'")
    trees = Trees(hub.store, tx, repo.id)
    nodes = contents.files_of(hub, tx, repo, commit, most=MAX_FILES, trees=trees)
    if not nodes:
        return KnownLayout({}, reason=f"it has no data files, or more than {MAX_FILES:,} files")
    nodes = [node for node in nodes if node.entry.mode != Mode.GITLINK]
    try:
        configs = find_configs(card, [str(node.path) for node in nodes])
    except Malformed as error:
        return KnownLayout({}, reason=error.reason)
    used = {path for config in configs for path in config.paths}
    measured = trees.measure([node for node in nodes if node.path in used])
    return KnownLayout(card, configs, {str(item.path): item.size for item in measured})
