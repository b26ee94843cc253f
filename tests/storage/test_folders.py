from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.git import Entry, encode_tree
from entrepot.git.tree_scan import TreeScan
from entrepot.names import Oid
from entrepot.storage.folders import ParsedFolder, ScannedFolder, parse

# Ids made of the bytes of an entry: the worst case for a search.
DECEPTIVE = Oid((b"\x0040000 b\x00" + b"0" * 12)[:20].hex())
letters = st.text("ab-.0é", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
oids = st.one_of(st.just(DECEPTIVE), st.binary(min_size=20, max_size=20).map(lambda raw: Oid(raw.hex())))
# The last are of old or hostile histories: git takes the first two for folders, the others for files or links.
modes = st.sampled_from([0o100644, 0o100755, 0o120000, 0o40000, 0o160000, 0o240000, 0o640755, 0o340000, 0o10000])
entries = st.lists(st.builds(Entry, letters, modes, oids), max_size=200, unique_by=lambda entry: entry.name)


@given(entries, letters)
def test_a_large_folder_is_walked_like_a_parsed_one(listed: list[Entry], other: str) -> None:
    content = encode_tree(listed)
    kept: list[tuple[Entry, ...]] = []
    parsed, scanned = ParsedFolder(parse(content)), ScannedFolder(TreeScan(content), kept.append)
    assert list(scanned.everything()) == list(scanned.everything()) == list(parsed.everything())
    assert kept == [parsed.entries, parsed.entries]
    for name in [*(entry.name for entry in listed), other]:
        (one, rest), (same, left) = scanned.after(name), parsed.after(name)
        assert (one, list(rest)) == (same, list(left)), name


def test_only_what_is_asked_for_is_parsed() -> None:
    content = encode_tree([Entry(f"{number:05}", 0o100644, DECEPTIVE) for number in range(5_000)])
    kept: list[tuple[Entry, ...]] = []
    walk = ScannedFolder(TreeScan(content), kept.append).everything()
    assert [next(walk).name for _ in range(3)] == ["00000", "00001", "00002"]
    walk = ScannedFolder(TreeScan(content.replace(b"04999", b"0/999")), kept.append).everything()
    assert next(walk).name == "00000"
    with pytest.raises(Malformed):
        list(walk)
    assert kept == []
