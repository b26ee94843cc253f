"""What every benchmark works with, and how it is run from a command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from benchmarks.machines import this_machine
from benchmarks.meters import Meter
from benchmarks.results import Figure, Results, encode, table
from entrepot.testing.hubs import RunningHub

_RESULTS = Path(__file__).resolve().parent / "results"


@attrs.frozen
class Bench:
    """A running hub, its meter, a folder for files, and how large everything is."""

    hub: RunningHub
    meter: Meter
    folder: Path
    is_quick: bool

    def pick(self, full: int, quick: int) -> int:
        """The size of something."""
        return quick if self.is_quick else full


Measure = Callable[[str, bool], Iterator[Figure]]
"""Measures the theme of that name; True asks for small sizes."""


def conduct(name: str, summary: str | None, themes: Sequence[str], measure: Measure) -> None:
    """Measure, print a table, write the JSON; then exit, with 1 when a target was missed.

    Args:
        name: of the module, and of the file with the results.
        themes: what can be asked for, in the order in which it runs.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=summary)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything works, not how fast")
    parser.add_argument("--only", action="append", choices=themes, help="one theme; may be repeated")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    asked = parser.parse_args()
    figures: list[Figure] = []
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
    out.write_bytes(encode(Results(machine, asked.quick, figures)))
    print(table(figures))
    print(f"\nwritten to {out}", file=sys.stderr)
    sys.exit(0 if asked.quick or all(figure.is_met for figure in figures) else 1)
