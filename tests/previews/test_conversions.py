"""The library ``datasets`` is the oracle: what it makes of the same files."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyarrow import ipc

from entrepot.cards import SEPARATORS
from entrepot.errors import Malformed
from entrepot.previews import conversions
from entrepot.previews.conversions import ConvertedSplit, Converter
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.table_formats import UNPACKED_RATIO
from tests.support.kept_files import KeptFiles
from tests.support.memory import measured_peak


def convert(form: str, files: dict[str, bytes], **options: Any) -> tuple[list[bytes], ConvertedSplit]:
    target = KeptFiles()
    found = Converter(form, **options).convert(
        "train", [(name, BytesRangeReader(data)) for name, data in files.items()], target
    )
    return target.done, found


def table_of(files: Iterable[bytes]) -> pa.Table:
    return pa.concat_tables([pq.read_table(io.BytesIO(data)) for data in files])


def _plain(feature: Any) -> Any:
    """Return a feature in which texts have the type that does not depend on the version of pandas."""
    if isinstance(feature, dict):
        return {key: _plain(value) for key, value in feature.items()}
    return "string" if feature == "large_string" else feature


def oracle(tmp_path: Path, builder: str, files: dict[str, bytes], **options: Any) -> datasets.Dataset:
    paths = []
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        paths.append(str(tmp_path / name))
    loaded = datasets.load_dataset(
        builder, data_files=paths, split="train", cache_dir=str(tmp_path / "cache"), **options
    )
    assert isinstance(loaded, datasets.Dataset)
    return loaded


def card_oracle(
    tmp_path: Path, files: dict[str, bytes], features: datasets.Features, **options: Any
) -> datasets.Dataset:
    """Return what becomes of files beside a card that states features: they do not decide how CSV is parsed."""
    folder = tmp_path / "repository"
    folder.mkdir()
    told: dict[str, Any] = {"configs": [{"config_name": "default", "data_files": sorted(files), **options}]}
    told |= {"dataset_info": {"features": features._to_yaml_list()}}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(told, sort_keys=False)}---\n")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded, datasets.Dataset)
    return loaded


def check(tmp_path: Path, form: str, files: dict[str, bytes], **options: Any) -> None:
    wanted = oracle(tmp_path, form, files, **options)
    separator = options.get("delimiter", options.get("sep", ""))
    target, converter = KeptFiles(), Converter(form, separator=separator)
    converter.convert("train", [(name, BytesRangeReader(data)) for name, data in files.items()], target)
    assert converter.features == _plain(wanted.features.to_dict())
    ours = oracle(tmp_path, "parquet", {"ours.parquet": target.done[0]})
    seconds = '"timestamp[s]"', '"timestamp[ms]"'  # Parquet has no times in whole seconds
    assert ours.features.to_dict() == json.loads(json.dumps(converter.features).replace(*seconds))
    assert list(ours.features) == list(wanted.features)
    assert ours.to_list() == wanted.to_list()


CSV = {
    "numbers": "a,b,c\n1,1.5,x\n2,2,y\n",
    "missing numbers": "a,b\n1,x\n,\n3,NA\n",
    "blank lines": "a\n1\n\n   \n3\n",
    "all missing": "a,b\n,1\n,2\n",
    "booleans": "a,b\nTrue,true\nfalse,\n",
    "mixed booleans": "a,b\nTrue,1.0\n1,True\n",
    "dates are texts": "a,b\n2020-01-01,2020-01-01T00:00:00\n",
    "equal names": "a,a,a.1\n1,2,3\n",
    "nameless": "a,,\n1,2,3\n",
    "short rows": "a,b,c\n1\n2,3\n",
    "large": "a\n18446744073709551615\n1\n",
    "large and negative": "a\n9223372036854775808\n-1\n",
    "floats": "a,b,c\n1e5,1.,inf\n-2E-3,.5,-Infinity\n",
    "spaces": "a,b\n 1, x\n2 ,1.5 \n",
    "no numbers": "a,b,c,d\n1_0,0x1f,NAN,-\n1,1,1,+\n",
    "leading zeros and signs": "a,b\n007,+1\n-0,-2\n",
    "quotes": 'a,b\n"x\ny","say ""hi"""\n"1","x,y"\n',
    "quoted missing": 'a,b\n"",x\n"1",""\n',
    "mark of order": "\ufeffa,b\n1,2\n",
    "line ends": "a,b\r\n1,x\r\n2,y\r\n",
    "old line ends": "a,b\r1,x\r2,y\r",
    "no last line end": "a,b\n1,x",
    "none": "a,b\nNone,null\nx,<NA>\n",
    "umlauts": "ä,b\nö,1\n",
}


@pytest.mark.parametrize("text", CSV.values(), ids=CSV)
def test_csv_has_the_features_and_rows_that_datasets_gives_it(tmp_path: Path, text: str) -> None:
    check(tmp_path, "csv", {"a.csv": text.encode()})


def test_tables_with_tabs(tmp_path: Path) -> None:
    check(tmp_path, "csv", {"a.tsv": b"a\tb\n1\tx,y\n"}, sep="\t")


@pytest.mark.parametrize("separator", sorted(SEPARATORS))
def test_a_card_may_name_the_separator(tmp_path: Path, separator: str) -> None:
    lines = ["a,b,c,d", '1,"x,y",2.5,', "  ", '2,"say ""hi""",,z', ",,,", "3, q ,.5,True", "4"]
    text = "\n".join(line.replace(",", separator) for line in lines).encode()
    check(tmp_path, "csv", {"a.csv": text, "b.csv": text}, sep=separator)
    check(tmp_path, "csv", {"c.tsv": text}, delimiter=separator)


def test_the_first_rows_of_a_csv_file_decide(tmp_path: Path) -> None:
    rows = [str(number) for number in range(10_000)]
    check(tmp_path, "csv", {"a.csv": "\n".join(["a,b", *(f"{row},{row}" for row in rows), "7,"]).encode()[:-1] + b"8"})
    floats = "\n".join(["a", *(f"{row}.5" for row in rows), "7"]).encode()
    check(tmp_path, "csv", {"b.csv": floats})
    with pytest.raises(Malformed, match="does not fit its type int64"):
        convert("csv", {"a.csv": "\n".join(["a", *rows, "x"]).encode()})


JSON = {
    "numbers": [{"a": 1, "b": 1.5, "c": "x"}, {"a": 2, "b": 2, "c": None}],
    "missing": [{"a": 1}, {"b": "x"}, {"a": None, "b": "y"}],
    "dates": [{"a": "2020-01-01T00:00:00", "b": "2020-01-01", "c": "2020-01-01T00:00:00Z"}],
    "nested": [{"a": {"b": [1, 2], "c": {"d": True}}, "e": [{"f": "x"}]}, {"a": {"b": [], "c": {"d": False}}, "e": []}],
    "nulls": [{"a": None, "b": 1}, {"a": None, "b": 2}],
    "unicode": [{"ä": "ö\u2028x"}],
}
MIXED: dict[str, list[Any]] = {
    "different keys": [{"a": {"x": 1}}, {"a": {"y": "2"}}, {"a": None}],
    "different keys in lists": [{"m": [{"role": "user"}, {"role": "bot", "tool": 1}]}, {"m": []}],
    "objects and texts": [{"a": {"x": 1}}, {"a": "text"}],
    "lists and numbers": [{"a": [1], "b": 1}, {"a": 2, "b": 3}],
    "numbers and texts": [{"a": 1, "b": 1}, {"a": "x", "b": 3}],
    "numbers and texts in objects": [{"a": {"b": 1}}, {"a": {"b": "x"}}],
    "numbers and texts in lists": [{"a": [1, 2]}, {"a": ["x"]}],
    "bools and numbers": [{"a": True}, {"a": 1}],
    "empty objects": [{"a": {}, "b": 1}, {"a": {}, "b": 2}],
}


@pytest.mark.parametrize("rows", JSON.values(), ids=JSON)
def test_json_lines_have_the_features_and_rows_that_datasets_gives_them(tmp_path: Path, rows: list[Any]) -> None:
    check(tmp_path, "json", {"a.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows)})


@pytest.mark.skipif(not hasattr(datasets, "Json"), reason="this version keeps no mixed values")
@pytest.mark.parametrize("rows", [*MIXED.values(), *([{"m": row} for row in rows] for rows in MIXED.values())][:-1])
def test_values_of_several_types_are_kept_as_json(tmp_path: Path, rows: list[Any]) -> None:
    check(tmp_path, "json", {"a.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows)})


@pytest.mark.parametrize("rows", [[{"a": 1}, {"a": 2}], ["x", "y"], [{"a": {"x": 1}}, {"a": {"x": 2}}]])
def test_lists_in_json_files(tmp_path: Path, rows: list[Any]) -> None:
    check(tmp_path, "json", {"a.json": json.dumps(rows).encode()})


def test_text_and_arrow(tmp_path: Path) -> None:
    check(tmp_path, "text", {"a.txt": b"one\n\ntwo\r\nthree\rfour"})
    made = pa.table({"a": pa.array([1], pa.int16()), "b": [["x"]], "c": pa.array([None], pa.timestamp("us", "UTC"))})
    for number, new in enumerate((ipc.new_file, ipc.new_stream)):
        sink = io.BytesIO()
        with new(sink, made.schema) as writer:
            writer.write_table(made)
        check(tmp_path, "arrow", {f"{number}.arrow": sink.getvalue()})


def test_several_files_have_the_columns_of_the_first(tmp_path: Path) -> None:
    check(tmp_path, "csv", {"a.csv": b"a,b\n1,x\n", "b.csv": b"a,b\n2,y\n"})
    check(tmp_path, "json", {"a.jsonl": b'{"a": 1, "b": 1}\n', "b.jsonl": b'{"a": 2}\n'})
    with pytest.raises(Malformed, match="'c' is not in the files before it"):
        convert("csv", {"a.csv": b"a\n1\n", "b.csv": b"c\n1\n"})


def test_features_of_the_card_count(tmp_path: Path) -> None:
    told = datasets.Features(
        {"id": datasets.Value("string"), "n": datasets.Value("float32"), "y": datasets.ClassLabel(names=["no", "yes"])}
    )
    files = {"a.csv": b"id,n,y\n007,1,0\n8,2,1\n"}
    done, _ = convert("csv", files, declared=told.to_dict())
    wanted = card_oracle(tmp_path, files, told)
    assert wanted["id"] == ["7", "8"]
    assert datasets.Features.from_arrow_schema(pq.read_schema(io.BytesIO(done[0]))) == told == wanted.features
    assert table_of(done).to_pylist() == wanted.to_list()
    with pytest.raises(Malformed, match="the feature Image of the column 'a' is not converted to"):
        convert("csv", files, declared={"a": {"_type": "Image"}})


FIELDS: dict[str, Any] = {
    "objects": [{"a": 1, "b": "x", "d": True, "e": None}],
    "whole fractions": [{"a": 1.0}, {"a": 2}],
    "texts of numbers": [{"a": "1"}, {"a": "2.5"}],
    "missing": [{"a": 1, "d": True}, {"b": "x"}, {"a": 3.0, "b": None}],
    "nested": [{"a": {"x": 1, "y": [1, 2]}}, {"a": {"x": None, "z": "q"}}, {"b": 1}],
    "lists": [{"a": [1, 2], "t": ["x", None]}, {"a": [], "t": []}, {"a": None}],
    "lists of objects": [{"a": [{"x": 1, "y": "s"}, {"x": 2}]}, {"a": []}],
    "nested whole fractions": [{"a": {"x": 1.0}}, {"a": {"x": 2.0}}],
    "values": ["a", "b", None],
    "numbers": [1, 2],
    "truth values": [True, False],
    "one column named like a number among others": [{"0": 1, "title": 2}],
    "an object of lists": {"aa": [1, 2], "b": ["x", "y"]},
    "large": [{"a": 1 << 63}, {"a": 1}],
    "small": [{"a": -(1 << 63)}],
    "texts": [{"a": 'é\u2028\U0001f600 " / \\ \u0000 <'}],
    "names of times without numbers": [{"date": True, "title": 1, "x_at": {"y": 1}}],
}


@pytest.mark.parametrize("rows", FIELDS.values(), ids=FIELDS)
def test_a_member_of_json_objects_has_the_rows(tmp_path: Path, rows: Any) -> None:
    files = {"a.json": json.dumps({"version": 1, "data": rows}).encode()}
    wanted = oracle(tmp_path, "json", files, field="data")
    done, _ = convert("json", files, field="data")
    found = pq.read_schema(io.BytesIO(done[0]))
    assert datasets.Features.from_arrow_schema(found).to_dict() == _plain(wanted.features.to_dict())
    assert table_of(done).to_pylist() == wanted.to_list()


def test_a_member_of_json_objects_has_the_features_of_the_card(tmp_path: Path) -> None:
    told = datasets.Features({"y": datasets.ClassLabel(names=["no", "yes"])})
    files = {"a.json": b'{"data": [{"y": "yes"}, {"y": null}]}', "b.json": b'{"data": {"y": [0]}}'}
    done, _ = convert("json", files, declared=told.to_dict(), field="data")
    assert table_of(done).to_pylist() == card_oracle(tmp_path, files, told, field="data").to_list()
    files = {"a.json": b'{"data": ["yes", "no"]}'}
    with pytest.raises(Malformed, match="the column 'text' is not in the files before it"):
        convert("json", files, declared=told.to_dict(), field="data")


UNREAD_FIELDS = {
    "no such member": (b'{"x": []}', "it has no member 'data'"),
    "a list": (b"[1]", "it has no member 'data'"),
    "lines": (b'{"data": []}\n{"data": []}', "it is not a JSON object"),
    "a mark of order": (b'\xef\xbb\xbf{"data": [1]}', "it is not a JSON object"),
    "not UTF-8": (b'{"data": ["\xff"]}', "it is not a JSON object"),
    "NaN": (b'{"data": [NaN]}', "it has the number NaN"),
    "nothing": (b'{"data": []}', "is neither a list of objects"),
    "lists of lists": (b'{"data": [[1]]}', "is neither a list of objects"),
    "mixed rows": (b'{"data": [1, {"a": 1}]}', "is neither a list of objects"),
    "objects of objects": (b'{"data": {"a": {"0": 1}}}', "is neither a list of objects"),
    "unequal lists": (b'{"data": {"a": [1], "b": []}}', "is neither a list of objects"),
    "fractions": (b'{"data": [0.3]}', "would read the number 0.3 in a 'field' inexactly"),
    "nested fractions": (b'{"data": [{"a": [{"b": 0.7}]}]}', "the number 0.7"),
    "large numbers with missing ones": (b'{"data": [{"a": 9007199254740993}, {"b": 1}]}', "more than 53 bits"),
    "several types": (b'{"data": [{"a": 1}, {"a": "x"}]}', "values of several types"),
    "numbers and truth values": (b'{"data": [{"a": 1}, {"a": true}]}', "values of several types"),
    "dates": (b'{"data": [{"date": "2020-01-01"}]}', "may be read as times"),
    "moments": (b'{"data": [{"x_at": 5}]}', "may be read as times"),
    "moments without a value": (b'{"data": [{"aa": 1, "x_at": null}]}', "may be read as times"),
    "empty objects": (b'{"data": [{"aa": [{"b": {}}]}]}', "has objects without members"),
    "names of numbers": (b'{"data": [{"0": 1}]}', "the names of its columns may be read as numbers or dates"),
    "names of months": (b'{"data": [{"Jan 2020": 1}]}', "the names of its columns may be read as numbers or dates"),
    "several nested types": (b'{"data": [{"a": {"x": 1}}, {"a": {"x": "s"}}]}', "a.json"),
    "deep": (b'{"data": [{"aa": ' + b"[" * 80 + b"]" * 80 + b"}]}", "more than 64 levels"),
}


@pytest.mark.parametrize(("data", "reason"), UNREAD_FIELDS.values(), ids=UNREAD_FIELDS)
def test_a_member_that_would_be_read_otherwise_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        convert("json", {"a.json": data}, field="data")


LABELS: dict[str, tuple[list[Any], str, bytes]] = {
    "names": (["no", "yes"], "csv", b"y\nyes\n no \n\n1\n-1\nNA\n"),
    "names that are numbers of others": (["1", "0"], "csv", b"y\n0\n1\n"),
    "booleans of a card": ([False, True], "csv", b"y\nFalse\nTrue\n0\n"),
    "truth values in the file": ([False, True], "csv", b"y\nFalse\nTrue\n"),
    "missing numbers": (["a", "b"], "csv", b"y\n1\nNA\n0\n"),
    "fractions": (["a", "b"], "csv", b"y\n0.5\n"),
    "names in JSON": (["no", "yes"], "json", b'{"y": "yes"}\n{"y": null}\n'),
    "numbers in JSON": (["1", "0"], "json", b'{"y": 1}\n{"y": -1}\n'),
    "an unknown name": ([False, True], "csv", b"y\nno\n"),
    "a number without a name": (["a", "b"], "csv", b"y\n2\n"),
    "a number without a name in JSON": (["a", "b"], "json", b'{"y": 2}\n'),
    "a number without a name in a list": (["a", "b"], "json", b'[{"y": 2}]'),
}


@pytest.mark.parametrize(("names", "form", "data"), LABELS.values(), ids=LABELS)
def test_labels_are_read_by_name_or_number(tmp_path: Path, names: list[Any], form: str, data: bytes) -> None:
    told = datasets.Features({"y": datasets.ClassLabel(names=names)})
    files = {f"a.{form}": data}
    try:
        wanted = card_oracle(tmp_path, files, told).to_list()
    except datasets.exceptions.DatasetGenerationError:
        with pytest.raises(Malformed, match="'y' does not fit"):
            convert(form, files, declared=told.to_dict())
        return
    done, _ = convert(form, files, declared=told.to_dict())
    assert table_of(done).to_pylist() == wanted
    assert datasets.Features.from_arrow_schema(pq.read_schema(io.BytesIO(done[0]))) == told


@pytest.mark.parametrize("number", [1, 2])
def test_numbers_of_labels_are_checked_if_another_column_is_cast(tmp_path: Path, number: int) -> None:
    told = datasets.Features({"y": datasets.ClassLabel(names=["a", "b"]), "n": datasets.Value("float32")})
    files = {"a.json": b'{"y": %d, "n": 1}\n' % number}
    if number == 2:
        with pytest.raises(datasets.exceptions.DatasetGenerationError):
            card_oracle(tmp_path, files, told)
        with pytest.raises(Malformed, match="'y' does not fit"):
            convert("json", files, declared=told.to_dict())
    else:
        done, _ = convert("json", files, declared=told.to_dict())
        assert table_of(done).to_pylist() == card_oracle(tmp_path, files, told).to_list()


def test_large_splits_become_several_files_with_small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, "SHARD_BYTES", 100_000)
    text = "a\n" + "".join(f"{number}\n" for number in range(25_000))
    done, found = convert("csv", {"a.csv": text.encode()})
    assert found == ConvertedSplit(25_000, found.memory, 2)
    assert [pq.read_metadata(io.BytesIO(data)).num_rows for data in done] == [20_000, 5_000]
    assert pq.read_metadata(io.BytesIO(done[0])).row_group(0).num_rows == 1_000
    assert table_of(done)["a"].to_pylist() == list(range(25_000))


REFUSED = {
    "ragged": ("csv", b"a\n1,2\n", "row 2 has 2 fields"),
    "too large a number": ("csv", b"a\n99999999999999999999\n", "more than 64 bits"),
    "not UTF-8": ("csv", b"a\n\xff\n", "not UTF-8"),
    "an empty file": ("csv", b"", "it is empty"),
    "no JSON": ("json", b"{\n", "JSON parse error"),
    "no rows": ("json", b"", "it has no rows"),
    "a list that ends early": ("json", b"[1, 2", "begins like a list"),
    "no Arrow": ("arrow", b"ARROW1 or not", "Arrow|file|magic"),
}


@pytest.mark.parametrize(("form", "data", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_converted_is_named(form: str, data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        convert(form, {"a.file": data})


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lz4.frame.compress,
}
TABLES = {
    "csv": ("a.csv", b"a,b\n" + b"".join(b"%d,x%d\r\n" % (number, number) for number in range(25_000))),
    "tsv": ("a.tsv", b"a\tb\n1\tx\n"),
    "json": ("a.jsonl", b"".join(b'{"a": %d, "b": {"c": "%s"}}\n' % (number, b"x" * 60) for number in range(140_000))),
    "list": ("a.json", b'[{"a": 1}, {"a": null}]'),
    "text": ("a.txt", "ä\rb\r\nc".encode()),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_a_compressed_file_has_the_rows_and_features_that_datasets_gives_it(
    tmp_path: Path, ending: str, table: str
) -> None:
    name, data = TABLES[table]
    options = {"sep": "\t"} if table == "tsv" else {}
    form = {"tsv": "csv", "list": "json"}.get(table, table)
    check(tmp_path, form, {f"{name}.{ending}": COMPRESSIONS[ending](data)}, **options)


def test_zstandard_is_read_as_the_file_that_it_contains() -> None:
    name, data = TABLES["csv"]
    assert table_of(convert("csv", {f"{name}.zst": zstd(data)})[0]).equals(table_of(convert("csv", {name: data})[0]))


def test_compressed_and_other_files_stand_side_by_side_and_may_have_several_members(tmp_path: Path) -> None:
    twice = gzip.compress(b"a\n1\n") + gzip.compress(b"2\n")
    check(tmp_path, "csv", {"a.csv": b"a\n0\n", "b.csv.gz": twice, "c.csv.bz2": bz2.compress(b"a\n3\n")})


@pytest.mark.parametrize("name", ["a.csv.gz-00000-of-00001", "a.csv.part", "a.csv.GZ"])
def test_a_file_is_known_as_compressed_by_what_datasets_looks_at(tmp_path: Path, name: str) -> None:
    check(tmp_path, "csv", {name: gzip.compress(b"a\n1\n")})


def test_a_member_of_a_compressed_json_object_has_the_rows(tmp_path: Path) -> None:
    data = gzip.compress(b'{"rows": [{"word": "x"}]}')
    wanted = oracle(tmp_path, "json", {"a.json.gz": data}, field="rows")
    assert table_of(convert("json", {"a.json.gz": data}, field="rows")[0]).to_pylist() == wanted.to_list()


def test_bombs_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, "_MAX_UNPACKED", 1_000)
    bomb, small = gzip.compress(b"a\n" + b"1\n" * 1_000_000), gzip.compress(b"a\n" + b"1\n" * 400)
    most = len(bomb) * UNPACKED_RATIO
    with pytest.raises(Malformed, match=f"b.csv.gz: it contains more than {most:,} bytes"):
        convert("csv", {"a.csv.gz": small, "b.csv.gz": bomb})
    with pytest.raises(Malformed, match=r"b\.csv\.gz: it contains more than 198 bytes"):
        convert("csv", {"a.csv.gz": small, "b.csv.gz": small}, most_unpacked=1_000)


def test_deep_bombs_take_little_memory() -> None:
    bomb = gzip.compress(bytes(200 << 20))
    with measured_peak() as peak, pytest.raises(Malformed, match="it contains more than"):
        convert("csv", {"a.csv.gz": bomb})
    assert peak.grown < 16 << 20


UNREADABLE = {
    "zip": ("csv", "a.csv.zip", b"", "is an archive .zip."),
    "tar": ("csv", "a.csv.tar.gz", b"", "is an archive .tar."),
    "zip by its beginning": ("csv", "a.csv.part", b"PK\3\4", "is an archive .zip."),
    "ending of others": ("csv", "a.csv", gzip.compress(b"a\n1\n"), "not UTF-8"),
    "not compressed": ("csv", "a.csv.gz", b"a\n1\n", "not an intact gzip file: Not a gzipped file"),
    "cut": ("csv", "a.csv.gz", gzip.compress(b"a\n1\n")[:-9], "not an intact gzip file: Compressed file ended"),
    "no bz2": ("csv", "a.csv.bz2", b"a\n1\n", "not an intact bz2 file"),
    "no xz": ("csv", "a.csv.xz", b"a\n1\n", "not an intact xz file"),
    "no zstd": ("csv", "a.csv.zst", b"a\n1\n", "not an intact zstd file"),
    "cut lz4": ("csv", "a.csv.lz4", lz4.frame.compress(b"a\n1\n")[:-2], "not an intact lz4 file"),
    "arrow": ("arrow", "a.arrow.gz", b"", "does not decompress Arrow files"),
}


@pytest.mark.parametrize(("form", "name", "data", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_archives_and_damaged_files_are_named(form: str, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=f"{name}: .*{reason}"):
        convert(form, {name: data})
