from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards.dataset_splits import DatasetConfig
from entrepot.errors import RepoNotFound, RevisionNotFound, SplitNotFound, UnsupportedDataset
from entrepot.hub.conversions import folder_plans
from entrepot.hub.datasets import layouts
from entrepot.hub.datasets.layouts import find_layout
from entrepot.hub.repos import contents, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoType
from tests.support.worlds import World

CARD = b"---\nconfigs:\n- config_name: en\n  data_files: en.csv\n---\n"


def test_a_layout_is_that_of_its_revision(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    first = world.add(ref, "en.csv", b"a\n1\n")
    world.add(ref, "README.md", CARD)
    layout = find_layout(world.hub, world.alice, ref, "main")
    assert [(config.name, dict(config.splits)) for config in layout.configs] == [("en", {"train": ("en.csv",)})]
    assert (layout.sizes, layout.files("en", "train")) == ({"en.csv": 4}, ("en.csv",))
    assert find_layout(world.hub, None, ref, first).configs[0].name == "default"
    with pytest.raises(SplitNotFound, match="configuration 'de'; it has en"):
        layout.config("de")
    with pytest.raises(SplitNotFound, match="split 'test'; it has train"):
        layout.files("en", "test")


@pytest.mark.parametrize("card", [b"---\nviewer: false\n---\n", b"---\na: [\n---\n", b"---\nconfigs: 1\n---\n"])
def test_a_card_may_prevent_the_viewer(world: World, card: bytes) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "a.csv", b"a\n1\n")
    world.add(ref, "README.md", card)
    with pytest.raises(UnsupportedDataset):
        find_layout(world.hub, None, ref, "main")


def test_too_many_files_are_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "MAX_FILES", 1)
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "a.csv", b"a\n")
    world.add(ref, "b.csv", b"a\n")
    with pytest.raises(UnsupportedDataset, match="no data files"):
        find_layout(world.hub, None, ref, "main")


def test_a_private_dataset_is_an_absent_one(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET, visibility="private")
    world.add(ref, "a.csv", b"a\n")
    with pytest.raises(RepoNotFound):
        find_layout(world.hub, world.bob, ref, "main")
    with pytest.raises(RevisionNotFound):
        find_layout(world.hub, world.alice, ref, "absent")


def test_a_tree_is_walked_once_and_rights_are_judged_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "en.csv", b"a\n1\n")
    first = world.add(ref, "README.md", CARD)
    walked: list[str] = []
    files_of = contents.files_of

    def watched(*args: Any, **options: Any) -> Any:
        walked.append(args[3])
        return files_of(*args, **options)

    monkeypatch.setattr(contents, "files_of", watched)
    found = find_layout(world.hub, world.alice, ref, "main")
    assert find_layout(world.hub, None, ref, "main").configs == found.configs
    assert find_layout(world.hub, None, ref, first).sizes == found.sizes
    assert walked == [first]
    second = world.add(ref, "README.md", b"---\nviewer: false\n---\n")
    for _ in range(2):
        with pytest.raises(UnsupportedDataset, match="viewer: false"):
            find_layout(world.hub, None, ref, "main")
    assert find_layout(world.hub, None, ref, first).configs == found.configs
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    for revision in ("main", first, second):
        with pytest.raises(RepoNotFound):
            find_layout(world.hub, world.bob, ref, revision)
    assert walked == [first]


def test_errors_of_a_tree_are_remembered_without_the_name(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "a.csv", b"a\n1\n")
    world.add(ref, "README.md", b"---\nconfigs: 1\n---\n")
    with pytest.raises(UnsupportedDataset, match="alice/d") as first:
        find_layout(world.hub, None, ref, "main")
    with pytest.raises(UnsupportedDataset) as again:
        find_layout(world.hub, None, ref, "main")
    assert str(again.value) == str(first.value)


def test_the_files_of_a_configuration_are_looked_at_once_for_all_splits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    for split in ("train", "test", "validation"):
        world.add(ref, f"{split}.csv", b"a\n")
    looked: list[str] = []
    read = folder_plans.unread_option

    def note(config: DatasetConfig, *, is_converted: bool) -> str | None:
        looked.append(config.name)
        return read(config, is_converted=is_converted)

    monkeypatch.setattr(layouts, "unread_option", note)
    layout = find_layout(world.hub, None, ref, "main")
    found = [layout.table("default", split) for split in layout.configs[0].splits]
    assert ([list(one.paths) for one in found], looked) == (
        [["train.csv"], ["validation.csv"], ["test.csv"]],
        ["default"],
    )
