"""What ``datasets`` makes of the same folders is compared in ``tests/previews/tables/test_media_folders.py``."""

from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards import JsonValue, find_configs
from entrepot.errors import Malformed
from entrepot.hub.conversions.folder_plans import plan_media_folder, unread_option


def plan(paths: list[str], **options: Any) -> Any:
    entry = {"config_name": "default", "data_dir": ".", **options}
    [config] = find_configs({"configs": [entry]} if options else {}, paths)
    return plan_media_folder(config)


def test_folders_are_labels_if_they_are_several_of_one_depth() -> None:
    assert plan(["cat/1.png", "dog/2.png"]).labels == ("cat", "dog")
    assert plan(["cat/1.png", "cat/2.png"]).labels == ()
    assert plan(["cat/1.png", "dog/x/2.png"]).labels == ()
    assert plan(["cat/1.png", "dog/2.png", "metadata.csv"]).labels == ()
    assert plan(["cat/1.png", "dog/2.png"], drop_labels=True).labels == ()
    assert plan(["cat/1.png"], drop_labels=False).labels == ("cat",)


def test_a_split_is_judged_by_itself_and_those_before_it() -> None:
    found = plan(["train/1.png", "test/2.png"])
    assert [split.has_labels for split in found.splits.values()] == [False, True]
    found = plan(["train/1.png", "train/metadata.csv", "test/2.png"])
    assert [(split.has_metadata, list(split.metadata)) for split in found.splits.values()] == [
        (True, ["train/metadata.csv"]),
        (True, []),
    ]


@pytest.mark.parametrize(
    ("paths", "options", "reason"),
    [
        (["1.png", "2.zip", "3.png"], {}, r"2\.zip is an archive"),
        (["1.png.gz"], {}, "compressed"),
        (["1.png"], {"drop_labels": False}, "some files are in none"),
        (["1.png"], {"drop_labels": "no"}, "must be true or false"),
        (["train/a/1.png", "train/b/1.png", "test/metadata.csv", "test/a/1.png"], {}, "later ones have metadata"),
    ],
)
def test_what_cannot_be_told_is_refused(paths: list[str], options: dict[str, Any], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        plan(paths, **options)


def test_options_that_the_hub_does_not_know_are_named() -> None:
    entry: dict[str, JsonValue] = {"config_name": "default", "skiprows": 1, "data_files": "a.csv"}
    [config] = find_configs({"configs": [entry]}, ["a.csv"])
    assert plan_media_folder(config) is None
    assert unread_option(config, is_converted=True) == "the card says with 'skiprows' how its files are read"
    for option, value, is_read in (
        ("sep", ";", True),
        ("delimiter", "\t", True),
        ("sep", "\\s+", False),
        ("delimiter", "x", False),
        ("sep", 7, False),
        ("sep", None, False),
        ("delimiter", None, True),
    ):
        [config] = find_configs({"configs": [{"data_files": "a.csv", option: value}]}, ["a.csv"])
        assert ("separator of CSV files" in (unread_option(config, is_converted=False) or "")) is not is_read
    [config] = find_configs({"configs": [{"field": "data", "data_files": "a.json"}]}, ["a.json"])
    assert unread_option(config, is_converted=True) is None
    assert "field 'data' of JSON files are shown when they" in (unread_option(config, is_converted=False) or "")
    [config] = find_configs({"configs": [{"field": 7, "data_files": "a.json"}]}, ["a.json"])
    assert unread_option(config, is_converted=True) == "the 'field' in the card must be the name of a member"
    [config] = find_configs({"configs": [{"drop_labels": True, "data_files": "*.png"}]}, ["a.png"])
    assert unread_option(config, is_converted=False) is None


def test_compressed_tables_are_read_from_their_conversion_only() -> None:
    [config] = find_configs({}, ["a.csv", "b.csv.gz"])
    assert unread_option(config, is_converted=True) is None
    assert unread_option(config, is_converted=False) == (
        "b.csv.gz is compressed; its rows are shown when they were converted to Parquet"
    )
