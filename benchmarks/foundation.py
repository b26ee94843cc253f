"""Run the benchmarks: ``python -m benchmarks.foundation [--quick] [--only NAME] [--out FILE]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.machines import this_machine
from benchmarks.meters import MIB, Meter
from benchmarks.results import Figure, Results, encode, table
from benchmarks.themes import THEMES, Bench
from entrepot import testing

_RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure, print a table, write the JSON; exit code 1 when a target was missed."""
    asked = _arguments()
    names = asked.only or list(THEMES)
    figures: list[Figure] = []
    machine = this_machine()
    for name in names:
        figures += _measure(name, is_quick=asked.quick)
    out = asked.out or _RESULTS / ("quick.json" if asked.quick else "foundation.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode(Results(machine, asked.quick, figures)))
    print(table(figures))
    print(f"\nwritten to {out}", file=sys.stderr)
    sys.exit(0 if asked.quick or all(figure.is_met for figure in figures) else 1)


def _measure(name: str, *, is_quick: bool) -> list[Figure]:
    """The figures of one theme, on a hub of its own."""
    theme = THEMES[name]
    print(f"{name} ...", file=sys.stderr, flush=True)
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder,
        testing.hub(run_jobs=theme.has_jobs) as hub,
    ):
        hub.token  # noqa: B018 - makes the account
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        for figure in theme.measure(bench):
            mark = "" if figure.is_met else "   <-- missed"
            print(
                f"  {figure.theme}: {figure.name} {figure.value:.4g} {figure.unit}{mark}", file=sys.stderr, flush=True
            )
            figures.append(figure)
        bench.meter.rest()
        figures.append(Figure(figure.theme, "memory when idle again", bench.meter.resident() / MIB, "MiB"))
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foundation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything works, not how fast")
    parser.add_argument("--only", action="append", choices=list(THEMES), help="one theme; may be repeated")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
