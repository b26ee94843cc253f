"""The configurations and splits of a repository at a commit, with their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.cards import DatasetConfig, JsonValue, find_configs, read_card
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Malformed, SplitNotFound, UnsupportedDataset
from entrepot.git import Mode
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage.trees import Trees

MAX_FILES = 50_000
"""Files of a repository in which splits are looked for."""

_README = RepoPath("README.md")
_MOST_README = 1 << 20


@attrs.frozen
class Layout:
    """The configurations of a repository at a commit; ``sizes``: bytes of their files, by path."""

    repo: RepoRow
    commit: Oid
    configs: Sequence[DatasetConfig]
    sizes: Mapping[str, int]

    def config(self, name: str) -> DatasetConfig:
        """Return a configuration.

        Raises:
            SplitNotFound: there is none of this name.
        """
        found = next((config for config in self.configs if config.name == name), None)
        if found is None:
            raise SplitNotFound("configuration", name, tuple(config.name for config in self.configs))
        return found

    def files(self, config: str, split: str) -> Sequence[str]:
        """Return the paths of the files of a split, in order.

        Raises:
            SplitNotFound: there is no such configuration or split.
        """
        splits = self.config(config).splits
        if split not in splits:
            raise SplitNotFound("split", split, tuple(splits))
        return splits[split]


def find_layout(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> Layout:
    """Return the configurations and splits of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
        UnsupportedDataset: it has no data files, too many files, a card that cannot be read, or a card
            that says ``viewer: false``.
    """
    read = contents.read_small_files(
        hub, caller, ref, revision, [_README], most_each=_MOST_README, most_bytes=_MOST_README
    )
    card = _card_of(str(read.repo.ref.id), read.files[0].data if read.files else b"")
    with hub.read() as tx:
        trees = Trees(hub.store, tx, read.repo.id)
        nodes = contents.files_of(hub, tx, read.repo, read.commit, most=MAX_FILES, trees=trees)
        if not nodes:
            raise UnsupportedDataset(str(read.repo.ref.id), f"it has no data files, or more than {MAX_FILES:,} files")
        nodes = [node for node in nodes if node.entry.mode != Mode.GITLINK]
        try:
            configs = find_configs(card, [str(node.path) for node in nodes])
        except Malformed as error:
            raise UnsupportedDataset(str(read.repo.ref.id), error.reason) from error
        used = {path for config in configs for files in config.splits.values() for path in files}
        measured = trees.measure([node for node in nodes if node.path in used])
    return Layout(read.repo, read.commit, configs, {str(item.path): item.size for item in measured})


def _card_of(name: str, data: bytes) -> Mapping[str, JsonValue]:
    try:
        card = read_card(data.decode("utf-8", "replace")).data
    except Malformed as error:
        raise UnsupportedDataset(name, error.message) from error
    if card.get("viewer") is False:
        raise UnsupportedDataset(name, "its card says 'viewer: false'")
    return card
