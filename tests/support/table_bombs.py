"""Small tables that take much memory when they are read."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc


def dictionary_bomb() -> bytes:
    """Return a Parquet file of less than 1 kB: 100,000 references to one text of 2 MiB."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * (2 << 20)]))
    target = io.BytesIO()
    pq.write_table(pa.table({"a": texts}), target, compression="zstd")
    return target.getvalue()


def long_text_bomb() -> bytes:
    """Return a Parquet file of a few kB with one text of 256 MiB."""
    target = io.BytesIO()
    table = pa.table({"a": ["x" * (256 << 20)]})
    pq.write_table(table, target, compression="zstd", use_dictionary=False, write_statistics=False)
    return target.getvalue()


def zeros_bomb() -> bytes:
    """Return an Arrow file of a few kB with 32 million zeros of eight bytes, in one batch."""
    table = pa.table({"a": pa.array([0]).take(pa.array([0] * 1000))}).combine_chunks()
    table = pa.concat_tables([table] * 32_000).combine_chunks()
    target = io.BytesIO()
    with ipc.new_file(target, table.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return target.getvalue()


def objects_bomb() -> bytes:
    """Return a line of JSON of 9 MB with three million empty objects."""
    return b'{"a": [' + b"{}," * 3_000_000 + b"{}]}\n"
