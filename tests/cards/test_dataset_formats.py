from __future__ import annotations

import pytest

from entrepot.cards.dataset_formats import _ENDINGS, ARCHIVE, format_of, has_format
from entrepot.errors import Malformed


def test_endings_are_those_of_datasets() -> None:
    modules = pytest.importorskip("datasets.packaged_modules")
    known = modules._EXTENSION_TO_MODULE
    ours = {f".{ending}": form for form, endings in _ENDINGS.items() for ending in endings.split() if form != ARCHIVE}
    assert ours == {ending: form for ending, (form, _) in known.items() if ending.islower()}
    for ending in known:
        assert has_format(f"a{ending}", known[ending][0])
        assert has_format(f"a{ending.upper()}", known[ending][0]) == (ending.upper() in known)


LISTS = [
    ["a.csv", "b.txt"],
    ["a.txt", "b.wav"],
    ["a.tsv", "b.csv"],
    ["a.png", "b.jpg", "c.csv"],
    ["a.csv", "metadata.csv", "b.png"],
    ["metadata.csv", "metadata.jsonl", "b.png"],
    ["a.fa", "b.fa", "c.csv"],
    ["a.json.gz", "b.txt"],
    ["a.md", "b.csv"],
    ["x.CSV", "y.csv"],
    ["a.conllu"],
]


@pytest.mark.parametrize("paths", LISTS)
def test_the_most_frequent_ending_decides_as_in_datasets(paths: list[str]) -> None:
    load = pytest.importorskip("datasets.load")
    assert format_of(paths) == load.infer_module_for_data_files_list(paths)


def test_archives_are_a_format_and_unknown_files_have_none() -> None:
    assert format_of(["a.zip", "b.zip", "c.csv"]) == (ARCHIVE, {})
    assert has_format("a.csv.gz", "csv")
    assert has_format("a.zip", "csv")
    assert not has_format("a.csv", "json")
    with pytest.raises(Malformed, match="no files of a known format"):
        format_of(["a.xyz", "b"])
