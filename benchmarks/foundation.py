"""Run the benchmarks: ``python -m benchmarks.foundation [--quick] [--only NAME] [--out FILE]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.machines import this_machine
from benchmarks.meters import Meter
from benchmarks.results import Figure, Results, encode, table
from benchmarks.themes import THEMES, Bench, Theme, measure_idle
from entrepot import testing

_RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure, print a table, write the JSON; exit code 1 when a target was missed."""
    asked = _arguments()
    names = asked.only or list(THEMES)
    figures: list[Figure] = []
    machine = this_machine()
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub() as hub:
        hub.token  # noqa: B018 - makes the account
        bench = Bench(hub, Meter(hub.pid), Path(folder), asked.quick)
        _run("idle after the start", measure_idle, bench, figures, renamed="idle after the start")
        for name in names:
            _run(name, THEMES[name], bench, figures)
        _run("idle at the end", measure_idle, bench, figures, renamed="idle after everything")
    out = asked.out or _RESULTS / ("quick.json" if asked.quick else "foundation.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode(Results(machine, asked.quick, figures)))
    print(table(figures))
    print(f"\nwritten to {out}", file=sys.stderr)
    sys.exit(0 if asked.quick or all(figure.is_met for figure in figures) else 1)


def _run(name: str, theme: Theme, bench: Bench, figures: list[Figure], *, renamed: str | None = None) -> None:
    print(f"{name} ...", file=sys.stderr, flush=True)
    for figure in theme(bench):
        named = Figure(renamed, figure.name, figure.value, figure.unit, figure.target) if renamed else figure
        mark = "" if named.is_met else "   <-- missed"
        print(f"  {named.theme}: {named.name} {named.value:.4g} {named.unit}{mark}", file=sys.stderr, flush=True)
        figures.append(named)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foundation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything works, not how fast")
    parser.add_argument("--only", action="append", choices=list(THEMES), help="one theme; may be repeated")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
