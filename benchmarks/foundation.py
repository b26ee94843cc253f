"""Run the benchmarks of the server: ``python -m benchmarks.foundation [--quick] [--only NAME] [--out FILE]``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.benches import Bench, conduct
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure
from benchmarks.themes import THEMES
from entrepot import testing


def measure(name: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme, measured on a separate hub."""
    theme = THEMES[name]
    with (
        tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder,
        testing.hub(run_jobs=theme.has_jobs) as hub,
    ):
        hub.token  # noqa: B018 - creates the account
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        for figure in theme.measure(bench):
            yield figure
        bench.meter.rest()
        yield Figure(figure.theme, "memory when idle again", bench.meter.resident() / MIB, "MiB")


if __name__ == "__main__":
    conduct("foundation", __doc__, list(THEMES), measure)
