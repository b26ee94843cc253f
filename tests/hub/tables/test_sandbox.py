from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.hub.tables.child_pipes import LENGTH, READ
from entrepot.hub.tables.exchanges import end_process, start_process
from tests.support.warm_sandboxes import cold_sandboxes

START = "import entrepot.hub.tables.sandbox as sandbox; sandbox.IDLE_S = {idle}; sandbox.main()"


@pytest.fixture(autouse=True)
def started_as_by_hubs() -> Iterator[None]:
    """Processes that are started, not copied."""
    with cold_sandboxes():
        yield


def started(idle: float = 60.0) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", START.format(idle=idle)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def ask(process: subprocess.Popen[bytes], data: bytes, **request: Any) -> tuple[bytes, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    table = {"form": "csv", "name": "a.csv", "size": len(data), "key": "k"}
    asked = json.dumps({"cpu_s": 10, "memory": 1 << 30, "tables": [table], **request}).encode()
    process.stdin.write(LENGTH.pack(len(asked)) + asked)
    process.stdin.flush()
    while (kind := process.stdout.read(1)) in (b"R", b"S"):
        if kind == b"R":
            _, offset, length = READ.unpack(process.stdout.read(READ.size))
            process.stdin.write(LENGTH.pack(length) + data[offset : offset + length])
            process.stdin.flush()
    (length,) = LENGTH.unpack(process.stdout.read(LENGTH.size))
    return kind, process.stdout.read(length)


def test_a_parent_that_is_gone_ends_the_process() -> None:
    process = started()
    kind, said = ask(process, b"a\n1\n", operation="describe")
    assert (kind, json.loads(said)["rows"]) == (b"A", 1)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0
    end_process(process)


def test_a_process_that_nobody_asks_ends() -> None:
    process = started(idle=0.0)
    assert process.wait(60) == 0
    end_process(process)


def test_processor_time_is_limited_for_each_request() -> None:
    process = start_process("entrepot.hub.tables.sandbox")
    for _ in range(3):
        assert ask(process, b"a\n1\n", operation="describe")[0] == b"A"
    rows = b"a\n" + b"x\n" * 2_000_000
    table = {"form": "csv", "name": "a.csv", "size": len(rows), "key": "r"}
    parts = [[[0, 2_000_000]]] * 2
    with pytest.raises((OSError, struct.error)):
        ask(process, rows, operation="compare", cpu_s=0, tables=[table, table], parts=parts, key=[])
    assert process.wait(60) == -signal.SIGXCPU
    end_process(process)


def test_types_of_numbers_are_read_without_numpy() -> None:
    import pyarrow as pa

    from tests.support.parquet_files import parquet_of

    tensor = pa.fixed_shape_tensor(pa.int32(), [2, 2])
    columns = {
        "half": pa.array([1.5, None]).cast(pa.float16()),
        "halves": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
        "tensor": pa.ExtensionArray.from_storage(tensor, pa.array([[1, 2, 3, 4]] * 2, pa.list_(pa.int32(), 4))),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int32())),
    }
    data = parquet_of(columns)
    process = start_process("entrepot.hub.tables.sandbox")
    asked = {"offset": 0, "length": 9, "features": {}, "page_memory": 1 << 20, "cell": 1 << 10}
    table = {"form": "parquet", "name": "a.parquet", "size": len(data), "key": "k"}
    kind, said = ask(process, data, operation="rows", tables=[table], **asked)
    end_process(process)
    assert kind == b"A", said
    first = json.loads(said)["page"][0][0]
    assert (first["half"], first["halves"], first["tensor"]) == (1.5, [1.0, 2.0], [1, 2, 3, 4])
