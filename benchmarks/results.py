"""Results of a benchmark: figures with their targets, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from benchmarks.machines import Machine


class Figure(msgspec.Struct, frozen=True):
    """One measured quantity; ``target`` is its maximum or, with ``is_floor``, its minimum."""

    theme: str
    name: str
    value: float
    unit: str
    target: float | None = None
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Return whether the target is met; True if there is none."""
        if self.target is None:
            return True
        return self.value >= self.target if self.is_floor else self.value <= self.target


class Results(msgspec.Struct, frozen=True, omit_defaults=True):
    """The figures of one run; ``notes`` says by subject what they do not, such as versions of other programs."""

    machine: Machine
    is_quick: bool
    figures: list[Figure]
    notes: dict[str, str] = {}


def encode(results: Results) -> bytes:
    """Return a run as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"


def decode(data: bytes) -> Results:
    """Parse a run from JSON.

    Raises:
        msgspec.DecodeError: the data is not a valid run.
    """
    return msgspec.json.decode(data, type=Results)


def table(figures: Iterable[Figure]) -> str:
    """Return figures as a Markdown table."""
    lines = ["| theme | measured | value | target | |", "|---|---|---:|---:|---|"]
    for figure in figures:
        sign = ">=" if figure.is_floor else "<="
        target = f"{sign} {_shown(figure.target)}" if figure.target is not None else ""
        verdict = "" if figure.target is None else ("met" if figure.is_met else "**missed**")
        lines.append(
            f"| {figure.theme} | {figure.name} | {_shown(figure.value)} {figure.unit} | {target} | {verdict} |"
        )
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
