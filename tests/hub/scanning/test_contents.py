from __future__ import annotations

import pytest

from entrepot.catalog.repos import repositories
from entrepot.git.pointers import Pointer, render_pointer
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents as trees
from entrepot.hub.scanning.contents import (
    PICKLES,
    NamedContent,
    name_contents,
    needs_pickle_scan,
    open_content,
    scanners_for,
    version_of,
)
from entrepot.names import ROOT, RepoRef
from tests.support.worlds import World


def named(world: World, ref: RepoRef) -> dict[str, NamedContent]:
    page = trees.list_tree(world.hub, world.root, ref, "main", ROOT, is_deep=True, with_commits=False, limit=100)
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        return {file.path: file for file in name_contents(tx, row, [item.listed for item in page.entries])}


@pytest.mark.parametrize("name", ["a.pkl", "dir/B.PT", "pytorch_model.bin", "x.npz", "m.joblib"])
def test_files_that_programs_load_as_pickles_are_scanned(name: str) -> None:
    assert needs_pickle_scan(name)


@pytest.mark.parametrize("name", ["model.safetensors", "README.md", "data.parquet", "pkl", "a.pkl.txt"])
def test_others_are_not(name: str) -> None:
    assert not needs_pickle_scan(name)


def test_scanners_depend_on_the_settings(hub: HubContext, scanning: World, with_command: World) -> None:
    assert scanners_for(hub, "a.pkl") == []
    assert [name for name, _ in scanners_for(scanning.hub, "a.pkl")] == [PICKLES]
    assert scanners_for(scanning.hub, "a.txt") == []
    assert [name for name, _ in scanners_for(with_command.hub, "a.txt")] == ["command"]
    assert [name for name, _ in scanners_for(with_command.hub, "a.pkl")] == [PICKLES, "command"]
    assert version_of(("a", "b")) != version_of(("a b",))


def test_equal_large_files_of_one_owner_have_one_name(scanning: World) -> None:
    world = scanning
    one, two, other = world.repo("alice/one"), world.repo("alice/two"), world.repo("bob/m")
    for ref in (one, two, other):
        world.add_large(ref, "a.bin", b"the same")
        world.add(ref, "small.bin", b"the same")
    found = [named(world, ref) for ref in (one, two, other)]
    assert found[0]["a.bin"].content == found[1]["a.bin"].content
    assert found[0]["a.bin"].content != found[2]["a.bin"].content, "nobody learns what others store"
    assert len({files["small.bin"].content for files in found}) == 3


def test_a_pointer_to_a_file_of_another_repository_has_no_content(scanning: World) -> None:
    world = scanning
    secret, public = world.repo("alice/secret", visibility="private"), world.repo("alice/public")
    sha256 = world.add_large(secret, "a.bin", b"the content")
    world.plant(public, {"b.bin": (0o100644, render_pointer(Pointer(sha256, 11)))})
    assert set(named(world, public)) == {".gitattributes"}
    assert "a.bin" in named(world, secret)


def test_contents_are_read(scanning: World) -> None:
    world = scanning
    ref = world.repo()
    world.add_large(ref, "large.bin", b"l" * 3000)
    world.add(ref, "small.bin", b"small")
    world.add(ref, "middle.bin", bytes(range(256)) * 2000)
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    for path, data in (("large.bin", b"l" * 3000), ("small.bin", b"small"), ("middle.bin", bytes(range(256)) * 2000)):
        content = open_content(world.hub, row, named(world, ref)[path])
        assert content is not None
        assert content.read_at(0, 1 << 20) == data
        content.close()
