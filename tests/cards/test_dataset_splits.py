from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest

from entrepot.cards import DatasetConfig, find_configs
from entrepot.errors import Malformed

LAYOUTS = [
    ["data.csv"],
    ["train.csv", "other.csv"],
    ["my_train.csv", "valid.csv"],
    ["mytrain.csv"],
    ["train/a.jpg", "test/b.jpg"],
    ["a/train/x.csv", "b/train/y.csv"],
    ["en/train.csv", "fr/train.csv"],
    [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/foo-00000-of-00001.parquet",
        "x.csv",
    ],
    ["train-1.csv", "eval.csv"],
    ["a.csv", "b.csv", "c.parquet"],
    ["training_set.jsonl", "dev.jsonl", "evaluation.jsonl"],
    ["a.txt.gz", "b.txt.gz"],
    ["splits/test 1/x.parquet", "splits/val/y.parquet"],
    [".hid/train.csv", "__x/test.csv", "z.csv"],
    ["a.csv", "b.parquet"],
    ["train/metadata.csv", "train/a.png"],
    ["a.csv", "B.CSV"],
    ["a.csv", "b.csv", "c.zip"],
    ["x/test.csv", "y/train.csv"],
    ["a.fa", "b.fa", "c.csv"],
    ["train.wav", "test.mp3"],
    ["cat/1.png", "cat/2.jpg", "dog/3.PNG", "notes.txt"],
    ["data/train-00000-of-00001-abc.parquet", "data/validation-00000-of-00001.parquet"],
    ["train/a.tar", "test/b.tar"],
    ["a.json", "b.jsonl", "c.ndjson"],
    ["train/x.txt", "validation/y.txt", "test/z.txt"],
    ["a.mp4", "b.mp3", "c.mpg"],
    ["a.arrow", "b.h5"],
    ["train.tsv", "dev.tsv"],
    ["a.xml", "b.xml", "c.json.gz"],
]


def splits(configs: list[DatasetConfig]) -> dict[str, dict[str, list[str]]]:
    return {config.name: {split: sorted(files) for split, files in config.splits.items()} for config in configs}


def by_datasets(folder: pathlib.Path, card: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return the files of each split as ``datasets`` finds them."""
    data_files = pytest.importorskip("datasets.data_files")
    load = pytest.importorskip("datasets.load")

    def one(entry: dict[str, Any]) -> dict[str, list[str]]:
        base = os.path.join(folder, entry.get("data_dir", ""))
        told = entry.get("data_files")
        patterns = data_files.sanitize_patterns(told) if told else data_files.get_data_patterns(base)
        found = data_files.DataFilesDict.from_patterns(patterns, base_path=base)
        module, _ = load.infer_module_for_data_files(found)
        endings = load._MODULE_TO_EXTENSIONS[module]
        kept = found.filter(extensions=endings, file_names=load._MODULE_TO_METADATA_FILE_NAMES.get(module))
        return {
            str(split): sorted(os.path.relpath(path, folder) for path in files if "metadata" not in path)
            for split, files in kept.items()
        }

    return {entry.get("config_name", "default"): one(entry) for entry in card.get("configs", [{}])}


def made(folder: pathlib.Path, paths: list[str]) -> pathlib.Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return folder


@pytest.mark.parametrize("paths", LAYOUTS, ids=" ".join)
def test_splits_are_those_of_datasets(paths: list[str], tmp_path: pathlib.Path) -> None:
    found = splits(find_configs({}, paths))
    assert found == by_datasets(made(tmp_path, paths), {})


CARDS: list[list[dict[str, Any]]] = [
    [{"config_name": "en", "data_files": "en/*.csv"}, {"config_name": "fr", "data_dir": "fr"}],
    [{"config_name": "default", "data_files": [{"split": "odd", "path": ["**/a.csv", "fr/[bc].csv"]}]}],
    [{"config_name": "x", "data_files": ["en/a.csv", "fr/?.csv"], "default": True}],
    [{"config_name": "deep", "data_files": [{"split": "train", "path": "en/**"}, {"split": "t", "path": "fr/b.csv"}]}],
]


@pytest.mark.parametrize("configs", CARDS, ids=str)
def test_configs_of_a_card_are_those_of_datasets(configs: list[dict[str, Any]], tmp_path: pathlib.Path) -> None:
    paths = ["en/a.csv", "en/b.csv", "fr/a.csv", "fr/b.csv", "fr/c.csv", "README.md"]
    card: dict[str, Any] = {"configs": configs}
    found = find_configs(card, paths)
    assert splits(found) == by_datasets(made(tmp_path, paths), card)
    assert [config.is_default for config in found] == [
        entry.get("default", False) or entry["config_name"] == "default" or len(configs) == 1 for entry in configs
    ]


def test_options_are_those_of_the_card_and_of_the_ending_of_the_first_files() -> None:
    def separators(paths: list[str], *entries: dict[str, Any]) -> list[str]:
        return [config.separator for config in find_configs({"configs": list(entries)} if entries else {}, paths)]

    first, second = {"config_name": "a", "data_files": "a.*"}, {"config_name": "b", "data_files": "b.*"}
    assert separators(["a.tsv", "b.tsv", "c.csv"]) == ["\t"]
    assert separators(["a.csv"]) == [","]
    assert separators(["a.csv", "b.tsv"], first, second) == [",", ","]  # so does `datasets`
    assert separators(["a.tsv", "b.csv"], first, second) == ["\t", "\t"]
    assert separators(["a.tsv", "b.json"], first, {**second, "sep": ";"}) == ["\t", ";"]
    assert separators(["a.tsv", "b.csv"], first, {**second, "sep": ";"}) == ["\t", ";"]
    assert separators(["a.csv"], {**first, "sep": ";", "delimiter": "|"}) == ["|"]


@pytest.mark.parametrize(
    ("card", "paths", "reason"),
    [
        ({}, ["README.md", "config.json"], "no data files"),
        ({}, [".hid/a.csv", "__x/b.csv"], "no data files"),
        ({}, ["train.csv", "test.json"], "different formats"),
        ({}, ["train.csv", "test.tsv"], "different formats"),
        ({}, ["model.onnx"], "known format"),
        ({"configs": "x"}, ["a.csv"], "list of 1"),
        ({"configs": [{"config_name": "a"}, {"config_name": "a"}]}, ["a.csv"], "config_name"),
        ({"configs": [{"config_name": "a", "data_files": "b.csv"}]}, ["a.csv"], "no file of the split"),
        ({"configs": [{"config_name": "a", "data_files": [{"split": "a-b", "path": "*"}]}]}, ["a.csv"], "data_files"),
        ({"configs": [{"config_name": n, "default": True} for n in "ab"]}, ["a.csv"], "only one"),
        ({}, ["data/a-b-00000-of-00001.csv"], "not valid"),
    ],
)
def test_files_that_cannot_be_a_dataset_are_refused(card: dict[str, Any], paths: list[str], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        find_configs(card, paths)
