"""Shared code of the benchmarks, and their command line."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import attrs

from benchmarks.machines import this_machine
from benchmarks.meters import Meter
from benchmarks.results import Figure, Results, encode, table
from entrepot.testing.hubs import RunningHub

_RESULTS = Path(__file__).resolve().parent / "results"


@attrs.frozen
class Bench:
    """A running hub, its meter, a folder for files, and the size of the run."""

    hub: RunningHub
    meter: Meter
    folder: Path
    is_quick: bool

    def pick(self, full: int, quick: int) -> int:
        """Return the full or the quick size, depending on the run."""
        return quick if self.is_quick else full


Measure = Callable[[str, bool], Iterator[Figure]]
"""Measures the theme with this name; True means small sizes."""


def conduct(
    name: str,
    summary: str | None,
    themes: Sequence[str],
    measure: Measure,
    *,
    notes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Measure, print a table and write the JSON; exit with 1 if a target was missed.

    Args:
        name: the name of the module and of the file with the results.
        themes: the themes that can be selected, in the order in which they run.
        notes: what the figures do not say, for example versions and what was not measured; read after the last theme.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=summary)
    parser.add_argument("--quick", action="store_true", help="use small sizes, to check the benchmark itself")
    parser.add_argument("--only", action="append", choices=themes, help="run only this theme; may be repeated")
    parser.add_argument("--out", type=Path, help="file for the results as JSON")
    asked = parser.parse_args()
    figures: list[Figure] = []
    started = time.perf_counter()
    machine = this_machine()
    for theme in asked.only or themes:
        print(f"{theme} ...", file=sys.stderr, flush=True)
        for figure in measure(theme, asked.quick):
            mark = "" if figure.is_met else "   <-- missed"
            print(
                f"  {figure.theme}: {figure.name} {figure.value:.4g} {figure.unit}{mark}", file=sys.stderr, flush=True
            )
            figures.append(figure)
    out = asked.out or _RESULTS / (f"{name}-quick.json" if asked.quick else f"{name}.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode(Results(machine, asked.quick, figures, dict(notes))))
    print(table(figures))
    for subject, note in notes.items():
        print(f"\n{subject}: {note}")
    print(f"\nwritten to {out} after {time.perf_counter() - started:.0f} s", file=sys.stderr)
    sys.exit(0 if asked.quick or all(figure.is_met for figure in figures) else 1)
