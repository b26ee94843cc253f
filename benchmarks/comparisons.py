"""Run the benchmark of differences by content: ``python -m benchmarks.comparisons [--quick] [--out FILE]``.

A Parquet file of 1 GiB with row groups of 10,000 rows, of which one in a hundred
is written anew with a changed column, and a safetensors file of 1 GiB with 100
tensors, of which one is changed. Both versions are uploaded by the stock client,
as chunks. The figures are what the hub reads of both versions together.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi

from benchmarks.benches import Bench, conduct
from benchmarks.meters import Meter
from benchmarks.results import Figure
from entrepot import testing

_ROWS, _TENSOR = 10_000, 10 << 20
_MAX_SHARE = 3.0


def main() -> None:
    """Run the benchmark and exit."""
    conduct("comparisons", __doc__, ["diff"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures, measured on a hub of their own."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub() as hub:
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        number = bench.pick(100, 20)
        api = HfApi(endpoint=hub.url, token=hub.token)
        with httpx2.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.token}"}, timeout=600) as client:
            for name, write in (("table.parquet", write_table), ("model.safetensors", write_model)):
                repo = f"{api.whoami()['name']}/{name.partition('.')[0]}"
                api.create_repo(repo)
                file, commits, size = bench.folder / name, [], 0
                for changed in (None, number // 2):
                    write(file, number, changed)
                    size += file.stat().st_size
                    commits.append(api.upload_file(path_or_fileobj=file, path_in_repo=name, repo_id=repo).oid)
                file.unlink()
                started = time.perf_counter()
                with bench.meter.measure() as cost:
                    path = f"/api/models/{repo}/diff/{commits[0]}...{commits[1]}"
                    answer = client.get(path, params={"file": name}).raise_for_status().json()
                took = time.perf_counter() - started
                found = answer["table"]["changed"] if answer["table"] else len(answer["model"]["tensors"])
                assert found == (_ROWS if answer["table"] else 1), found
                read = answer["bytesRead"] / size * 100
                yield Figure(theme, f"{name}: read of both versions", read, "%", _MAX_SHARE)
                yield Figure(theme, f"{name}: duration", took * 1000, "ms")
                yield Figure(theme, f"{name}: server CPU", cost.server_cpu_s * 1000, "ms")


def write_table(file: Path, groups: int, changed: int | None) -> None:
    """Write a table of three columns, about 1 KiB a row; one group has another label in each row."""
    dice = random.Random(5)
    block = [dice.randbytes(1000) for _ in range(_ROWS)]
    schema = pa.schema([("id", pa.int64()), ("label", pa.string()), ("data", pa.binary())])
    with pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
        for group in range(groups):
            ids = list(range(group * _ROWS, (group + 1) * _ROWS))
            salted = [ids[at].to_bytes(8, "little") + data for at, data in enumerate(block)]
            labels = ["other" if group == changed else ("yes", "no")[at % 2] for at in range(_ROWS)]
            table = pa.table({"id": ids, "label": labels, "data": salted}, schema=schema)
            writer.write_table(table, row_group_size=_ROWS)


def write_model(file: Path, tensors: int, changed: int | None) -> None:
    """Write tensors of 10 MiB; one of them has other bytes."""
    places = {
        f"layer.{at:03}": {"dtype": "U8", "shape": [_TENSOR], "data_offsets": [at * _TENSOR, (at + 1) * _TENSOR]}
        for at in range(tensors)
    }
    header = json.dumps(places).encode()
    with file.open("wb") as target:
        target.write(len(header).to_bytes(8, "little") + header)
        for at in range(tensors):
            target.write(random.Random(1000 + at if at == changed else at).randbytes(_TENSOR))


if __name__ == "__main__":
    main()
