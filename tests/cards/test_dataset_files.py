from __future__ import annotations

import pytest

from entrepot.cards import DatasetFiles, data_format, dataset_tags, read_card
from entrepot.cards.dataset_files import size_category

NO_CARD = read_card("")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("data/train-00000-of-00001.parquet", "parquet"),
        ("TEST.CSV", "csv"),
        ("a.jsonl.gz", "json"),
        (".cache/a.csv", None),
        ("dataset_infos.json", None),
        ("image.png", None),
    ],
)
def test_the_name_tells_the_format(path: str, kind: str | None) -> None:
    assert data_format(path) == kind


@pytest.mark.parametrize(
    ("paths", "tags"),
    [
        (["README.md", ".gitattributes", "dataset_infos.json"], ()),
        (
            ["train.parquet"],
            ("format:parquet", "library:datasets", "library:pandas", "library:mlcroissant", "library:polars"),
        ),
        (
            ["train.jsonl.gz", "test.CSV"],
            ("format:csv", "format:json", "library:datasets", "library:dask", "library:mlcroissant"),
        ),
        (
            ["img/1.JPG", "notes.txt"],
            ("format:imagefolder", "format:text", "modality:image", "modality:text", "library:datasets"),
        ),
        (["part.tar"], ("format:webdataset", "library:datasets", "library:webdataset")),
    ],
)
def test_names_of_files_tell_format_modality_and_libraries(paths: list[str], tags: tuple[str, ...]) -> None:
    assert dataset_tags(NO_CARD, DatasetFiles(paths)) == tags


def test_columns_and_rows_tell_modality_and_size() -> None:
    files = DatasetFiles(["a.csv"], {"text": "string", "x": "float", "y": "int"}, 20_000)
    found = dataset_tags(NO_CARD, files)
    assert {"size_categories:10K<n<100K", "modality:tabular", "modality:text"} <= set(found)


def test_the_card_wins() -> None:
    card = read_card("---\nsize_categories: n<1K\nmodality: [image]\n---\n")
    found = dataset_tags(card, DatasetFiles(["a.csv"], {"text": "string"}, 20_000))
    assert not [tag for tag in found if tag.startswith(("size_categories", "modality"))]


@pytest.mark.parametrize(
    ("rows", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**9, "1B<n<10B"), (10**12, "n>1T")],
)
def test_the_category_of_a_number_of_rows(rows: int, name: str) -> None:
    assert size_category(rows) == name
