from __future__ import annotations

from entrepot.hub.conversions import conversions
from entrepot.hub.datasets.parquet_files import ParquetFile, find_parquet
from entrepot.names import PARQUET, RepoType
from tests.support.parquet_files import parquet_of
from tests.support.worlds import World

CARD = b"---\nconfigs:\n- {config_name: own, data_files: a.parquet}\n- {config_name: other, data_files: b.csv}\n---\n"


def test_files_of_other_formats_are_those_of_the_ref_once_it_is_up_to_date(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    data = parquet_of({"a": [1]})
    world.add(ref, "a.parquet", data)
    world.add(ref, "b.csv", b"a\n1\n")
    first = world.add(ref, "README.md", CARD)
    own = {"own": {"train": [ParquetFile(first, "a.parquet", len(data))]}}
    before = find_parquet(world.hub, None, ref, "main")
    assert (before.splits, before.pending) == (own, ["other"])
    list(conversions.convert_steps(world.hub, world.row_id(ref)))
    after = find_parquet(world.hub, None, ref, "main")
    [made] = after.splits["other"]["train"]
    assert (made.revision, made.path, after.pending) == (PARQUET, "other/train/0000.parquet", ())
    assert len(world.read(ref, made.path, PARQUET)) == made.size
    assert after.converted["other"]["features"] == {"a": {"dtype": "int64", "_type": "Value"}}
    world.add(ref, "b.csv", b"a\n1,2\n")
    assert find_parquet(world.hub, None, ref, "main").pending == ["other"]
    list(conversions.convert_steps(world.hub, world.row_id(ref)))
    assert find_parquet(world.hub, None, ref, first).splits == own, "an older commit has its own files only"
    assert list(find_parquet(world.hub, None, ref, "main").failed) == ["other"]


def test_models_are_not_converted(world: World) -> None:
    ref = world.repo()
    world.add(ref, "b.csv", b"a\n1\n")
    assert find_parquet(world.hub, None, ref, "main").pending == ()
