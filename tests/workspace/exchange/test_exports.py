import pytest
from obstore.store import MemoryStore

from entrepot.errors import InvalidArgument, Refused
from entrepot.workspace.exchange import exports
from entrepot.workspace.exchange.buckets import PlainBucket
from entrepot.workspace.exchange.exports import export_version
from entrepot.workspace.stores.buckets.remote import RemoteBucket
from tests.support.machines import Machine


@pytest.fixture
def bucket() -> PlainBucket:
    return PlainBucket(RemoteBucket(MemoryStore(), "s3h://b", "nobody"), "s3h://b")


def content(bucket: PlainBucket, key: str) -> bytes:
    found = bucket.bucket.get(key, 1000)
    return b"" if found is None else bytes(found.data)


def test_a_version_becomes_plain_objects_once(machine: Machine, bucket: PlainBucket) -> None:
    state = machine.state()
    tag, report = export_version(state, "x", bucket, prefix="/team/x/")
    assert (tag, report.objects, report.bytes, report.kept) == ("vision__images__x__1", 2, 6, 0)
    assert content(bucket, "team/x/data/a") == b"one"
    assert export_version(state, tag, bucket, prefix="team/x")[1].kept == 2
    assert list(state.drafts.glob("*")) == []


def test_portions_are_fetched_and_dropped(
    machine: Machine, bucket: PlainBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_AT_ONCE", 1)
    assert export_version(machine.state(), "x", bucket)[1].objects == 2
    assert content(bucket, "data/b") == b"two"


@pytest.mark.parametrize("other", [b"longer than that", b"eno"])
def test_other_contents_are_replaced_by_force_only(machine: Machine, bucket: PlainBucket, other: bytes) -> None:
    bucket.bucket.put_new("data/a", other)
    with pytest.raises(Refused, match="--force"):
        export_version(machine.state(), "x", bucket)
    assert content(bucket, "data/a") == other
    export_version(machine.state(), "x", bucket, is_forced=True)
    assert content(bucket, "data/a") == b"one"


def test_a_prefix_is_checked(machine: Machine, bucket: PlainBucket) -> None:
    for prefix in ("a/../b", "a b", "a//b"):
        with pytest.raises(InvalidArgument, match="prefix"):
            export_version(machine.state(), "x", bucket, prefix=prefix)
