from pathlib import Path

import pytest
from obstore.store import MemoryStore

from entrepot.errors import InvalidArgument, Malformed, ObjectsMissing, Refused
from entrepot.workspace.exchange.buckets import PlainBucket
from entrepot.workspace.exchange.imports import import_objects
from entrepot.workspace.stores.buckets import ObjectStat
from entrepot.workspace.stores.buckets.remote import RemoteBucket
from tests.support.machines import Machine


def bucket_of(**objects: bytes) -> PlainBucket:
    bucket = RemoteBucket(MemoryStore(), "s3h://b", "nobody")
    for name, content in objects.items():
        bucket.put_new(name.replace("__", "/"), content)
    return PlainBucket(bucket, "s3h://b")


class Named(RemoteBucket):
    """A bucket whose service lists keys that a file must not have."""

    def __init__(self, *keys: str) -> None:
        super().__init__(MemoryStore(), "s3h://b", "nobody")
        self.keys = keys

    def list(self, prefix: str):  # type: ignore[no-untyped-def] # noqa: ANN201
        return iter([ObjectStat(key, 1, 0.0) for key in self.keys])

    def read(self, key: str, start: int, end: int) -> bytes:
        return b"x"


def test_folders_and_single_objects_are_imported(machine: Machine, tmp_path: Path) -> None:
    bucket = bucket_of(a=b"1", d__b=b"22", d__e__c=b"")
    state, target = machine.state(), tmp_path / "target"
    report = import_objects(state, bucket, target)
    assert (report.objects, report.bytes, report.kept) == (3, 3, 0)
    assert (target / "d/b").read_bytes() == b"22"
    assert import_objects(state, bucket, target / "inner", path="/d/").objects == 2
    assert (target / "inner/e/c").read_bytes() == b""
    assert import_objects(state, bucket, target / "one", key="d/b").objects == 1
    assert (target / "one/b").exists()
    assert not (state.folder / "incoming").exists()
    for path, key in (("none", ""), ("", "none")):
        with pytest.raises(ObjectsMissing, match="none"):
            import_objects(state, bucket, target, path=path, key=key)
    with pytest.raises(InvalidArgument):
        import_objects(state, bucket, target, path="d", key="a")


def test_no_other_content_is_replaced_without_force(machine: Machine, tmp_path: Path) -> None:
    state, bucket = machine.state(), bucket_of(a=b"1", b=b"2", c=b"3")
    (tmp_path / "a").write_bytes(b"1")
    for content in (b"longer", b"9"):
        (tmp_path / "b").write_bytes(content)
        with pytest.raises(Refused, match="--force"):
            import_objects(state, bucket, tmp_path)
        assert (tmp_path / "b").read_bytes() == content
        assert not (tmp_path / "c").exists()
    assert import_objects(state, bucket, tmp_path, is_forced=True).kept == 1
    assert (tmp_path / "b").read_bytes() == b"2"


@pytest.mark.parametrize(
    "keys",
    [("../x",), ("/x",), (".git/config",), (".ml-git/config.yaml",), ("a//b",), ("a\nb",), ("a", "a/b"), ("A", "a")],
)
def test_hostile_names_are_refused_before_anything_is_written(
    machine: Machine, tmp_path: Path, keys: tuple[str, ...]
) -> None:
    target = tmp_path / "target"
    with pytest.raises(Malformed, match="s3h://b"):
        import_objects(machine.state(), PlainBucket(Named("good", *keys), "s3h://b"), target)
    assert not target.exists()


def test_nothing_is_written_through_a_link(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "target/d").symlink_to(tmp_path / "outside")
    (tmp_path / "target/a").symlink_to(tmp_path / "outside/a")
    for bucket in (bucket_of(d__b=b"2"), bucket_of(a=b"1")):
        with pytest.raises(Refused, match="move it away"):
            import_objects(machine.state(), bucket, tmp_path / "target", is_forced=True)
    assert list((tmp_path / "outside").iterdir()) == []


def test_empty_objects_that_mark_folders_are_no_files(machine: Machine, tmp_path: Path) -> None:
    class Marked(Named):
        def list(self, prefix: str):  # type: ignore[no-untyped-def] # noqa: ANN202
            return iter([ObjectStat("d/", 0, 0.0), ObjectStat("d/a", 1, 0.0)])

    assert import_objects(machine.state(), PlainBucket(Marked(), "s3h://b"), tmp_path, path="d").objects == 1
