from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from entrepot.errors import Malformed
from entrepot.previews import archives, event_files, gguf, metric_files, notebooks, parquet, pickles, safetensors
from entrepot.previews.sources import BytesRangeReader, RangeReader
from entrepot.previews.tables import text_tables
from entrepot.previews.time_limits import is_out_of_time, time_limit, timed, within_time


def zip_of(members: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}.pkl", b"N.")
    return out.getvalue()


def tar_of(members: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(members):
            archive.addfile(tarfile.TarInfo(str(number)))
    return out.getvalue()


def tensors_of(number: int) -> bytes:
    header = {f"t{at}": {"dtype": "F32", "shape": [], "data_offsets": [0, 0]} for at in range(number)}
    data = json.dumps(header).encode()
    return struct.pack("<Q", len(data)) + data


def values_of(number: int) -> bytes:
    pairs = b"".join(struct.pack("<Q1sII", 1, b"k", 4, at) for at in range(number))
    return b"GGUF" + struct.pack("<IQQ", 3, 0, number) + pairs


def events_of(number: int) -> bytes:
    return (struct.pack("<QI", 0, 0) + bytes(4)) * number


def footer_of(number: int) -> bytes:
    body = b"\x19\xf6" + b"\xff\xff\x03" + b"\x00" * 65_535 + b"\x00"  # field 1: a list of empty structs
    return b"PAR1" + body + len(body).to_bytes(4, "little") + b"PAR1"


def metrics(source: RangeReader) -> event_files.Scalars:
    return metric_files.read_metric_file("metrics.jsonl", source.read_at(0, source.size), is_whole=True)


READERS: dict[str, tuple[Callable[[RangeReader], object], bytes]] = {
    "gguf": (gguf.read_header, values_of(1_000)),
    "safetensors": (safetensors.read_header, tensors_of(1_000)),
    "parquet": (parquet.read_footer, footer_of(1_000)),
    "csv": (text_tables.sample_csv, b"a\n" + b"1\n" * 1_000),
    "json lines": (text_tables.sample_json_lines, b'{"a": 1}\n' * 1_000),
    "pickle": (pickles.scan_pickles, b"\x80\x02" + b"N0" * 1_000 + b"N."),
    "zip": (archives.list_zip, zip_of(100)),
    "tar": (archives.list_tar, tar_of(100)),
    "notebook": (notebooks.read_notebook, b'{"nbformat": 4, "cells": [' + b"{}," * 99 + b"{}]}"),
    "events": (event_files.read_scalars, events_of(1_000)),
    "metrics": (metrics, b'{"loss": 1}\n' * 1_000),
}


def outcome(read: Callable[[RangeReader], object], source: RangeReader) -> str:
    with time_limit(0.0):
        try:
            found = read(source)
        except Malformed as error:
            return "ended" if "too much time" in error.message else error.message
    return "complete" if getattr(found, "is_complete", True) else "incomplete"


@pytest.mark.parametrize("name", READERS)
def test_every_reader_ends_when_its_time_is_spent_and_says_so(name: str) -> None:
    read, data = READERS[name]
    assert outcome(read, BytesRangeReader(data)) in ("ended", "incomplete")


@pytest.mark.parametrize("name", [name for name in READERS if name != "parquet"])
def test_readers_finish_within_the_limit_and_without_one(name: str) -> None:
    read, data = READERS[name]
    with time_limit(60.0):
        found = read(BytesRangeReader(data))
    assert getattr(found, "is_complete", True)
    assert read(BytesRangeReader(data)) == found


def test_of_nested_limits_the_first_to_end_counts_and_the_outer_one_is_restored() -> None:
    with time_limit(60.0):
        with time_limit(0.0):
            with time_limit(60.0):
                assert is_out_of_time()
            assert list(within_time(range(3))) == []
        assert not is_out_of_time()
        assert list(timed(range(3), "file")) == [0, 1, 2]
    assert not is_out_of_time()


def test_a_pickle_that_names_a_module_with_millions_of_parts_is_judged_by_the_first_ones() -> None:
    assert pickles.judge("os." * 1_000_000, "system") == "dangerous"
    assert pickles.judge("a." * 1_000_000, "system") == "suspicious"
    assert pickles.judge("torch.utils._config_module.x", "y") == "dangerous"
