"""Keys of objects."""

from __future__ import annotations

import attrs
import pytest

from entrepot.blobs.keys import check_key
from entrepot.errors import InvalidName
from entrepot.names import Oid, XetHash
from entrepot.workspace.stores import VersionRef
from entrepot.workspace.stores.formats import keys

REF = VersionRef("datasets", "imagenet8", 3, Oid("a" * 40))


def test_the_exact_keys() -> None:
    assert keys.pack_key(XetHash("ab" * 32), "0123456789abcdef") == f"ws1/xorbs/ab/ab/{'ab' * 32}.0123456789abcdef"
    assert keys.index_key("cd" * 32) == f"ws1/indexes/cd/{'cd' * 32}"
    assert keys.manifest_key("cd" * 32) == f"ws1/manifests/cd/{'cd' * 32}"
    assert keys.record_key(REF) == f"ws1/versions/datasets/imagenet8/3.{'a' * 40}.json"
    assert keys.FORMAT == "ws1/format.json"


@pytest.mark.parametrize("name", ["a", "a.b-c", "a+b", "a_b", "x y", "ü", "a/b"])
def test_every_name_has_a_key_of_its_own(name: str) -> None:
    ref = attrs.evolve(REF, name=name)
    key = keys.record_key(ref)
    assert check_key(key) == key
    assert keys.parse_record_key(key) == ref


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 201, "ü" * 40])
def test_names_without_a_key(name: str) -> None:
    with pytest.raises(InvalidName, match="entity name"):
        keys.record_key(attrs.evolve(REF, name=name))


def test_other_keys_are_not_taken_for_these() -> None:
    assert keys.parse_pack_key("ws1/xorbs/x") is None
    assert keys.parse_record_key("ws1/versions/datasets/x/1.json") is None
    assert keys.parse_pack_key(keys.pack_key(XetHash("ab" * 32), "0" * 16)) == ("ab" * 32, "0" * 16)
