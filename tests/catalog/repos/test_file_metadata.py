from __future__ import annotations

from entrepot.catalog.repos.file_metadata import BaseModelNames, WeightCounts, WeightMetadata, decode, encode


def test_metadata_are_read_as_they_were_stored() -> None:
    counts, bases = WeightCounts({"F32": 6}, 6, sharded=False), BaseModelNames("adapter", ["a/b"])
    files = WeightMetadata(safetensors=counts, base_models=bases, mask_token="[MASK]")
    assert decode(encode(files)) == files


def test_without_metadata_nothing_is_stored() -> None:
    assert encode(None) is encode(WeightMetadata()) is None
    assert decode(None) == WeightMetadata()
