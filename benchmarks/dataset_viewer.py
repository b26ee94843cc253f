"""Run the benchmark of the dataset viewer: ``python -m benchmarks.dataset_viewer [--quick] [--out FILE]``.

The dataset is one Parquet file of 1 GiB (theme ``large``: of 10 GiB) with row groups of 10,000 rows. Each
page of 100 rows is at an offset that no request before had. The first page is
that of a server that was started some seconds ago, and has started a process that reads tables;
then that of one whose process has ended, as it does after five minutes without a request.

Pages of a table with as many row groups as 10 GiB have are read by processes that have not
seen it, at first without an index of its footer, then with it. What is read of a file is what the processes that
read tables are sent; of one that has just started, this includes about 4 MiB of libraries.

The bombs are files of a few kilobytes that decompress to 256 MiB and more;
the memory is that of the server process alone, not of the processes that
read tables, which may be ended.
"""

from __future__ import annotations

import io
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi

from benchmarks.benches import Bench, conduct
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure
from entrepot import testing
from entrepot.testing.hubs import RunningHub

_ROWS = 10_000
_MAX_MS, _SETTLED_S = 150.0, 5.0
_GROUP_MIB = _ROWS * 1_030 / MIB
_QUERY = "select label, count(*) n, avg(id) a from train group by label order by label"


def main() -> None:
    """Run the benchmark and exit."""
    conduct("dataset_viewer", __doc__, ["viewer", "large"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures, measured on a hub of their own."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub() as hub:
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        groups = bench.pick(1_070 if theme == "large" else 107, 3)
        file = bench.folder / "train.parquet"
        write(file, groups)
        api = HfApi(endpoint=hub.url, token=hub.token)
        repo = f"{api.whoami()['name']}/table"
        api.create_repo(repo, repo_type="dataset")
        api.upload_file(path_or_fileobj=file, path_in_repo="train.parquet", repo_id=repo, repo_type="dataset")
        place = {"dataset": repo, "config": "default", "split": "train"}
        dice = random.Random(3)
        with httpx2.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.token}"}, timeout=60) as client:
            yield from _first_pages(theme, hub, client, place)
            times, turns = [], bench.pick(50, 3)
            before = _bytes_read(hub.pid)
            with Meter(hub.pid).measure() as cost:  # the server was started again
                for _ in range(turns):
                    started = time.perf_counter()
                    query = {**place, "offset": str(dice.randrange(groups * _ROWS - 100))}
                    client.get("/-/viewer/rows", params=query).raise_for_status()
                    times.append((time.perf_counter() - started) * 1000)
            yield Figure(theme, "100 rows at any offset, median", statistics.median(times), "ms", _MAX_MS)
            yield Figure(theme, "100 rows at any offset, worst", max(times), "ms")
            yield Figure(theme, "100 rows at any offset, server CPU", cost.server_cpu_s / turns * 1000, "ms")
            read = (_bytes_read(hub.pid) - before) / turns
            yield Figure(theme, "100 rows at any offset, read of the file", read / MIB, "MiB", _GROUP_MIB)
            started = time.perf_counter()
            client.post("/-/viewer/sql", json={"dataset": repo, "sql": _QUERY}).raise_for_status()
            yield Figure(theme, "group all rows by a column", (time.perf_counter() - started) * 1000, "ms")
            if theme == "viewer":
                yield from _large_footer(theme, hub, bench, client)
                yield from _memory_of_bombs(theme, hub, api, client)


def _first_pages(theme: str, hub: RunningHub, client: httpx2.Client, place: dict[str, str]) -> Iterator[Figure]:
    """Yield the costs of the first page of a server that has started, and of one whose process has ended."""
    while not client.get(f"/api/datasets/{place['dataset']}/refs").raise_for_status().json()["converts"]:
        time.sleep(1)  # a job shows the dataset as Parquet
    hub.restart()
    time.sleep(_SETTLED_S)
    for name, is_prepared in (("first page after the start", True), ("first page without a process", False)):
        for process in [] if is_prepared else _tables(hub.pid):
            process.kill()
        before = _bytes_read(hub.pid) if is_prepared else 0
        started = time.perf_counter()
        client.get("/-/viewer/rows", params={**place, "offset": "5000"}).raise_for_status()
        yield Figure(theme, name, (time.perf_counter() - started) * 1000, "ms", _MAX_MS if is_prepared else None)
        if is_prepared:
            read = (_bytes_read(hub.pid) - before) / MIB
            yield Figure(theme, f"{name}, read of the file", read, "MiB")


def _large_footer(theme: str, hub: RunningHub, bench: Bench, client: httpx2.Client) -> Iterator[Figure]:
    """Yield the costs of pages of a table with the footer of 10 GiB, each read by a process that has not seen it."""
    file = bench.folder / "footer.parquet"
    write(file, bench.pick(1_070, 100), rows=100)
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = f"{api.whoami()['name']}/footer"
    api.create_repo(repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=file, path_in_repo="train.parquet", repo_id=repo, repo_type="dataset")
    place = {"dataset": repo, "config": "default", "split": "train", "offset": "5000"}
    for name in ("first page of a large footer", "the same in another process"):
        for process in _tables(hub.pid):
            process.kill()  # the hub, whose child it is, finds out and starts another
        started = time.perf_counter()
        client.get("/-/viewer/rows", params=place).raise_for_status()
        yield Figure(theme, name, (time.perf_counter() - started) * 1000, "ms")
        yield Figure(theme, f"{name}, read of the file", _bytes_read(hub.pid) / MIB, "MiB")


def _memory_of_bombs(theme: str, hub: RunningHub, api: HfApi, client: httpx2.Client) -> Iterator[Figure]:
    """Yield the memory of the server process before files that decompress to much more than they have, and its peak."""
    server = Path(f"/proc/{hub.pid}")
    (server / "clear_refs").write_text("5")
    before = _kib(server, "VmRSS")
    user = api.whoami()["name"]
    for name, data in (("references.parquet", _many_references()), ("text.parquet", _long_text())):
        repo = f"{user}/{name.partition('.')[0]}"
        api.create_repo(repo, repo_type="dataset")
        api.upload_file(path_or_fileobj=data, path_in_repo=name, repo_id=repo, repo_type="dataset")
        client.get("/-/viewer/rows", params={"dataset": repo, "config": "default", "split": "train"})
    yield Figure(theme, "server memory before the bombs", before / 1024, "MiB")
    yield Figure(theme, "server memory with the bombs, peak above that", (_kib(server, "VmHWM") - before) / 1024, "MiB")
    yield Figure(theme, "server memory after the bombs, above that", (_kib(server, "VmRSS") - before) / 1024, "MiB")


def _tables(hub: int) -> list[psutil.Process]:
    """Return the processes of a hub that read tables."""
    below = psutil.Process(hub).children(recursive=True)
    return [process for process in below if any("hub.tables.sandbox" in part for part in process.cmdline())]


def _bytes_read(hub: int) -> int:
    """Return how many bytes the processes that read tables were sent: ranges of files, and short requests."""
    return sum(process.io_counters().read_chars for process in _tables(hub))


def _kib(process: Path, field: str) -> int:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _many_references() -> bytes:
    """Return a Parquet file of less than 1 kB: 100,000 references to one text of 2 MiB."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * (2 << 20)]))
    return _parquet(pa.table({"a": texts}))


def _long_text() -> bytes:
    """Return a Parquet file of a few kB with one text of 256 MiB."""
    return _parquet(pa.table({"a": ["x" * (256 << 20)]}))


def _parquet(table: pa.Table) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd", write_statistics=False)
    return target.getvalue()


def write(file: Path, groups: int, rows: int = _ROWS) -> None:
    """Write a table of three columns, about 1 KiB a row.

    Args:
        rows: of each row group.
    """
    dice = random.Random(5)
    block = [dice.randbytes(1000) for _ in range(rows)]
    labels = [("yes", "no")[at % 2] for at in range(rows)]
    schema = pa.schema([("id", pa.int64()), ("label", pa.string()), ("data", pa.binary())])
    with pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
        for group in range(groups):
            ids = list(range(group * rows, (group + 1) * rows))
            salted = [ids[at].to_bytes(8, "little") + data for at, data in enumerate(block)]
            table = pa.table({"id": ids, "label": labels, "data": salted}, schema=schema)
            writer.write_table(table, row_group_size=rows)


if __name__ == "__main__":
    main()
