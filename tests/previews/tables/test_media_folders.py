"""The library ``datasets`` is the oracle: the features, labels and rows that it gives the same folders.

It writes no picture without Pillow and no sound without torchcodec, so what it writes is compared with the paths
that its builder generates.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets.load import load_dataset_builder

from entrepot.cards import find_configs
from entrepot.errors import Malformed
from entrepot.hub.conversions.folder_plans import plan_media_folder
from entrepot.previews.conversions import FolderConverter
from entrepot.previews.folders import MediaFolder, pack_folder
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import media_folders
from entrepot.previews.tables.media_folders import FolderTables, open_folder
from entrepot.previews.tables.table_files import open_table
from tests.support.kept_files import KeptFiles

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\x03\0\0\0\x02" + bytes(20)


def parquet_bytes(columns: Mapping[str, Any]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), target)
    return target.getvalue()


FOLDERS: dict[str, dict[str, bytes]] = {
    "labels": {"cat/1.png": PNG, "dog/2.png": PNG, "cat/0.jpg": PNG},
    "flat": {"1.png": PNG, "2.png": PNG},
    "one label": {"data/cat/1.png": PNG},
    "splits in folders": {"train/1.png": PNG, "test/2.png": PNG},
    "labels in splits": {"train/cat/1.png": PNG, "train/dog/1.png": PNG, "test/cat/2.png": PNG},
    "splits in names": {"train_1.png": PNG, "test_2.png": PNG},
    "different depths": {"cat/1.png": PNG, "dog/x/2.png": PNG},
    "order of rows": {"b/10.png": PNG, "b/9.png": PNG, "a/Z.png": PNG, "a/a.PNG": PNG},
    "csv": {"metadata.csv": b"file_name,text,n\n2.png,hi,1\nsub/1.png,yo,2\n", "2.png": PNG, "sub/1.png": PNG},
    "csv, more files": {"metadata.csv": b"file_name,n\n2.png,1\n", "2.png": PNG, "other/1.png": PNG},
    "json lines": {"metadata.jsonl": b'{"file_name":"2.png","o":{"a":[1,2]}}\n', "2.png": PNG},
    "parquet": {"metadata.parquet": parquet_bytes({"file_name": ["2.png"], "f": [[1.5]]}), "2.png": PNG},
    "metadata of splits": {
        "train/metadata.csv": b"file_name,t\n1.png,a\n",
        "train/1.png": PNG,
        "test/metadata.csv": b"file_name,t\n2.png,b\n",
        "test/2.png": PNG,
    },
    "metadata above splits": {
        "metadata.csv": b"file_name,text\ntrain/1.png,hi\n",
        "train/1.png": PNG,
        "test/2.png": PNG,
    },
    "several media": {"metadata.csv": b"left_file_name,right_file_name\n1.png,2.png\n", "2.png": PNG, "1.png": PNG},
    "lists of media": {"metadata.jsonl": b'{"file_names":["1.png","2.png"],"t":1}\n', "2.png": PNG, "1.png": PNG},
    "no name": {"metadata.csv": b"file_name,t\n1.png,2\n,3\n", "1.png": PNG},
    "sounds": {"a/1.wav": b"RIFF", "b/2.mp3": b"ID3"},
    "sounds with metadata": {"metadata.csv": b"file_name,text\ndata/1.wav,hi\n", "data/1.wav": b"RIFF"},
    "films": {"a/1.mp4": b"x", "b/2.mov": b"x"},
    "options": {
        "README.md": b"---\nconfigs:\n- {config_name: default, data_dir: data, drop_labels: true}\n---\n",
        "data/cat/1.png": PNG,
        "data/dog/2.png": PNG,
    },
    "labels are wanted": {
        "README.md": b"---\nconfigs:\n- {config_name: default, data_files: 'data/**', drop_labels: false}\n---\n",
        "data/cat/1.png": PNG,
    },
    "no metadata are wanted": {
        "README.md": b"---\nconfigs:\n- {config_name: default, data_dir: d, drop_metadata: true}\n---\n",
        "d/metadata.csv": b"file_name,text\nb/1.png,hi\n",
        "d/b/1.png": PNG,
    },
}
REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "no file name": ({"metadata.csv": b"name,t\n1.png,2\n", "1.png": PNG}, "no column 'file_name'"),
    "out of the folder": ({"metadata.csv": b"file_name,t\n../../x.png,2\n", "1.png": PNG}, "leads out of the folder"),
    "absolute": ({"metadata.csv": b"file_name,t\n/etc/passwd,2\n", "1.png": PNG}, "leads out of the folder"),
    "scheme": ({"metadata.csv": b"file_name,t\nfile:///etc/x,2\n", "1.png": PNG}, "leads out of the folder"),
    "different features": (
        {
            "train/metadata.csv": b"file_name,t\n1.png,a\n",
            "train/1.png": PNG,
            "test/metadata.csv": b"file_name,u\n2.png,b\n",
            "test/2.png": PNG,
        },
        "have different features",
    ),
    "different endings": (
        {
            "a/metadata.csv": b"file_name\n1.png\n",
            "b/metadata.jsonl": b'{"file_name":"1.png"}\n',
            "a/1.png": PNG,
            "b/1.png": PNG,
        },
        "different endings",
    ),
    "damaged": ({"metadata.jsonl": b'{"file_name": \n', "1.png": PNG}, "metadata.jsonl: "),
}


def folder_of(files: Mapping[str, bytes]) -> MediaFolder:
    text = files.get("README.md", b"").decode()
    import yaml

    card = yaml.safe_load(text.split("---")[1]) if text else {}
    [config] = find_configs(card, list(files))
    found = plan_media_folder(config)
    assert found is not None
    return found


def readers(files: Mapping[str, bytes]) -> dict[str, BytesRangeReader]:
    return {path: BytesRangeReader(data) for path, data in files.items()}


def oracle(root: Path, files: Mapping[str, bytes]) -> dict[str, tuple[Any, list[Any]]]:
    """Return features and rows of each split, as the builder of ``datasets`` generates them; paths are relative."""
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    builder = load_dataset_builder(str(root), cache_dir=str(root.parent / "cache"))
    manager = datasets.DownloadManager(
        data_dir=str(root), download_config=datasets.DownloadConfig(cache_dir=str(root.parent / "cache"))
    )
    found = {}
    for split in builder._split_generators(manager):
        rows = [row for _, row in builder._generate_examples(**split.gen_kwargs)]
        found[str(split.name)] = rows
    features = builder.info.features
    assert features is not None
    return {name: (features.to_dict(), [_row(features, root, row) for row in rows]) for name, rows in found.items()}


def _row(features: Any, root: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    def relative(value: Any) -> Any:
        if isinstance(value, list):
            return [relative(item) for item in value]
        return value if value is None else str(Path(value).relative_to(root))

    kept: dict[str, Any] = {}
    for name, feature in features.items():
        value = row.get(name)
        if isinstance(feature, datasets.ClassLabel):
            value = None if value is None else feature.str2int(value)
        elif type(getattr(feature, "feature", feature)).__name__ in ("Image", "Audio", "Video"):
            value = relative(value)
        kept[name] = value
    return kept


def plain(feature: Any) -> Any:
    if isinstance(feature, dict):
        return {key: plain(value) for key, value in feature.items()}
    return "string" if feature == "large_string" else feature


@pytest.mark.parametrize("files", FOLDERS.values(), ids=FOLDERS)
def test_folders_have_the_features_and_rows_that_datasets_gives_them(tmp_path: Path, files: dict[str, bytes]) -> None:
    wanted, folder = oracle(tmp_path / "data", files), folder_of(files)
    assert list(folder.splits) == list(wanted)
    tables, sources = FolderTables(folder, readers(files)), readers(files)
    for split, (features, rows) in wanted.items():
        assert tables.features == plain(features)
        assert list(tables.features) == list(features)
        assert [row for table in tables.read(split) for row in table.to_pylist()] == rows
        metadata = [path for one in folder.splits.values() for path in one.metadata]
        head = pack_folder(folder.reduced(split), split, [(path, len(files[path])) for path in metadata])
        opened = open_table("imagefolder", "it", BytesRangeReader(head + b"".join(files[path] for path in metadata)))
        assert opened.features == tables.features
        assert [dict(row) for row in opened.read(0, 100)] == rows
        assert embedded(folder, sources, split) == [_embed(files, row) for row in rows]


def _embed(files: Mapping[str, bytes], row: Mapping[str, Any]) -> dict[str, Any]:
    def whole(value: Any) -> Any:
        if isinstance(value, list) and value and value[0] in files:
            return [whole(item) for item in value]
        if isinstance(value, str) and value in files:
            return {"bytes": files[value], "path": value.rpartition("/")[2]}
        return value

    return {name: whole(value) for name, value in row.items()}


def embedded(folder: MediaFolder, sources: Mapping[str, BytesRangeReader], split: str) -> list[Any]:
    target = KeptFiles()
    FolderConverter(folder, sources).convert(split, [], target)
    tables = [pq.read_table(io.BytesIO(data)) for data in target.done]
    assert json.loads(tables[0].schema.metadata[b"huggingface"])["info"]["features"]
    return [row for table in tables for row in table.to_pylist()]


@pytest.mark.parametrize(("files", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_datasets_refuses_is_refused_with_the_reason(tmp_path: Path, files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - of several libraries
        oracle(tmp_path / "data", files)
    with pytest.raises(Malformed, match=reason):
        [*FolderTables(folder_of(files), readers(files)).read("train")]


def test_missing_and_large_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"metadata.csv": b"file_name\nnope.png\n", "1.png": PNG}
    with pytest.raises(Malformed, match=r"name nope\.png, which is not a file"):
        embedded(folder_of(files), readers(files), "train")
    monkeypatch.setattr(media_folders, "MAX_ROW", 10)
    with pytest.raises(Malformed, match=r"^folder: 1\.png: the files of a row have more than 10 bytes|1\.png"):
        embedded(folder_of({"1.png": PNG}), readers({"1.png": PNG}), "train")


def test_batches_of_media_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{number}.png": PNG for number in range(5)}
    monkeypatch.setattr(media_folders, "_BATCH_BYTES", 2 * len(PNG))
    tables = FolderTables(folder_of(files), readers(files))
    assert [len(table) for _, table in tables.embedded("train")] == [2, 2, 1]


def test_a_bomb_of_metadata_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_folders, "_MAX_METADATA", 10)
    monkeypatch.setattr(media_folders, "MAX_TEXT", 10)
    files = {"metadata.csv": b"file_name\n1.png\n", "1.png": PNG}
    with pytest.raises(Malformed, match="more than 10 bytes"):
        FolderTables(folder_of(files), readers(files))
    head = pack_folder(folder_of(files), "train", [("metadata.csv", 16)])
    with pytest.raises(Malformed, match="more than 10 bytes"):
        open_folder(BytesRangeReader(head + files["metadata.csv"]))


def test_names_of_files_within_structs_are_not_read() -> None:
    files = {"metadata.jsonl": b'{"file_name": "1.png", "o": {"file_name": "1.png"}}\n', "1.png": PNG}
    with pytest.raises(Malformed, match="names of files within the column 'o'"):
        FolderTables(folder_of(files), readers(files))
