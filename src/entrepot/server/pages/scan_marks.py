"""The marks of scanned files on pages: a word, its colour, and a sentence."""

from __future__ import annotations

import attrs

from entrepot.hub.scanning.results import FileScan, ScanRow

_WARNINGS = {
    "unsafe": ("Unsafe", "bad"),
    "suspicious": ("Suspicious", "warn"),
    "caution": ("Caution", "warn"),
}
_OTHERS = {"safe": ("No known threat", "ok"), "error": ("Scan failed", ""), "queued": ("Waiting for a scan", "")}
_MAX_IMPORTS = 10


@attrs.frozen
class ScanMark:
    """A word and its colour; ``sentence`` says more, with what the scanners said."""

    word: str
    tone: str
    sentence: str
    is_warning: bool


def warning_of(scan: FileScan | None) -> ScanMark | None:
    """Return the mark of a file that scanners warn of; None for others."""
    return mark_of(scan) if scan is not None and scan.status in _WARNINGS else None


def mark_of(scan: FileScan | None) -> ScanMark | None:
    """Return the mark of a file; None if no scanner reads such files."""
    if scan is None:
        return None
    is_warning = scan.status in _WARNINGS
    known = _WARNINGS.get(scan.status) or _OTHERS.get(scan.status)
    if known is None:
        return None
    said = [text for row in (scan.pickles, scan.command, scan.service) if row is not None for text in _texts(row)]
    sentence = "; ".join(said) or known[0]
    return ScanMark(*known, f"{sentence[:1].upper()}{sentence[1:]}.", is_warning)


def _texts(row: ScanRow) -> list[str]:
    """Return what a scanner found: its message, and the imports that are not harmless."""
    found = [str(row.report["message"])] if row.report.get("message") else []
    named = [f"{module}.{name}" for module, name, safety in row.report.get("imports", ()) if safety != "innocuous"]
    more = f" and {len(named) - _MAX_IMPORTS} more" if len(named) > _MAX_IMPORTS else ""
    return [*found, *([f"it imports {', '.join(named[:_MAX_IMPORTS])}{more}"] if named else [])]
