from __future__ import annotations

import pytest

from entrepot.errors import EntryNotFound, LimitExceeded, RepoNotFound, RevisionNotFound
from entrepot.git.tree_names import TreeNames
from entrepot.hub.files.operations import AddFile
from entrepot.hub.search import paths
from entrepot.hub.search.paths import FoundPaths, find_paths
from entrepot.names import ROOT, RepoPath, RepoRef
from entrepot.storage import trees
from tests.support.worlds import World

FILES = ("README.md", "docs/guide.md", "src/app/config.json", "src/app/main.py", "src/Config.yaml", "src-old/config.py")


@pytest.fixture
def ref(world: World) -> RepoRef:
    ref = world.repo()
    for path in FILES:
        world.add(ref, path, path.encode())
    return ref


def find(world: World, ref: RepoRef, text: str, folder: str = "", limit: int = 100) -> FoundPaths:
    return find_paths(world.hub, world.alice, ref, "main", RepoPath(folder), text, limit=limit)


def names(found: FoundPaths) -> list[str]:
    return [str(item.path) for item in found.files]


def test_files_are_found_by_all_words_of_their_paths_upper_folders_first(world: World, ref: RepoRef) -> None:
    assert names(find(world, ref, "config")) == ["src-old/config.py", "src/Config.yaml", "src/app/config.json"]
    assert names(find(world, ref, "CONFIG app")) == ["src/app/config.json"]
    assert names(find(world, ref, "app")) == ["src/app/config.json", "src/app/main.py"]
    assert find(world, ref, "config").files[2].size == len("src/app/config.json")
    assert find(world, ref, "config").is_complete
    assert names(find(world, ref, "config nothing")) == []
    assert names(find(world, ref, " ")) == []


def test_a_folder_limits_the_search_and_is_not_part_of_the_paths(world: World, ref: RepoRef) -> None:
    assert names(find(world, ref, "config", "src")) == ["src/Config.yaml", "src/app/config.json"]
    assert names(find(world, ref, "src config", "src")) == []
    with pytest.raises(EntryNotFound):
        find(world, ref, "config", "none")


def test_a_search_that_ends_early_says_so(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    some = find(world, ref, "config", limit=2)
    assert (len(some.files), some.is_complete) == (2, False)
    assert find(world, ref, "config", limit=3).is_complete
    for name in ("MAX_FOLDERS", "MAX_TREE_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(paths, name, 1)
            short = find(world, ref, "main")
            assert (names(short), short.is_complete) == ([], False), name
    with pytest.raises(LimitExceeded):
        find(world, ref, "x" * (paths.MAX_TEXT + 1))


def test_words_that_others_imply_are_not_searched_for(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[tuple[bytes, ...]]()
    monkeypatch.setattr(TreeNames, "files", lambda _names, words: asked.append(tuple(words)) or ())
    find(world, ref, "c CONF config main c Config " + "n " * 80)
    assert set(asked) == {(b"config", b"main")}


def test_folders_that_were_searched_are_not_read_again(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(world, ref, "config")
    world.add(ref, "docs/config.txt", b"new")
    read = list[int]()
    monkeypatch.setattr(trees, "TreeNames", lambda content: read.append(len(content)) or TreeNames(content))
    assert len(names(find(world, ref, "config"))) == 4
    assert len(read) == 2  # docs, and the top


def test_thousands_of_folders_are_searched(world: World) -> None:
    ref = world.repo("alice/folders")
    world.commit(ref, *(AddFile(RepoPath(f"{number:04}/file.txt"), b"x") for number in range(1_200)))
    found = find(world, ref, "1199 file")
    assert (names(found), found.is_complete) == (["1199/file.txt"], True)
    assert find(world, ref, "absent").is_complete


def test_only_who_sees_a_repository_searches_it(world: World) -> None:
    hidden = world.repo("alice/hidden", visibility="private")
    world.add(hidden, "config.json", b"x")
    assert names(find(world, hidden, "config")) == ["config.json"]
    with pytest.raises(RepoNotFound):
        find_paths(world.hub, world.bob, hidden, "main", ROOT, "config", limit=9)
    with pytest.raises(RevisionNotFound):
        find_paths(world.hub, world.alice, hidden, "none", ROOT, "config", limit=9)
