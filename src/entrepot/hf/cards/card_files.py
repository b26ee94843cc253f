"""Metadata of local README files: load and save it without changing the rest of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from entrepot.cards import parse_metadata, split_card, with_metadata
from entrepot.errors import InvalidArgument, Malformed


def metadata_load(local_path: str | Path) -> dict[str, Any] | None:
    """Return the metadata of a README; None if it has no metadata block, or an empty one.

    Raises:
        InvalidArgument: the block is not YAML, or not a mapping.
        OSError: the file cannot be read.
    """
    block, _ = split_card(read_text(local_path))
    return (read_block(block) or None) if block is not None else None


def metadata_save(local_path: str | Path, data: dict[str, Any]) -> None:
    """Write the metadata of a README; its text and line endings are kept, and a missing file is created.

    Raises:
        InvalidArgument: a value cannot be written as YAML; the file is unchanged.
        OSError: the file cannot be written.
    """
    file = Path(local_path)
    write_text(file, with_metadata(read_text(file) if file.exists() else "", data))


def read_block(block: str) -> dict[str, Any]:
    """Parse a metadata block to a mapping.

    Raises:
        InvalidArgument: the block is not YAML, or not a mapping.
    """
    try:
        return dict(parse_metadata(block))
    except Malformed as error:
        raise InvalidArgument(f"the repo card metadata block should be a dict in YAML: {error.reason}") from error


def read_text(file: str | Path) -> str:
    """Read a text file without changing its line endings, and without its byte order mark."""
    with Path(file).open(encoding="utf-8-sig", newline="") as text:
        return text.read()


def write_text(file: str | Path, text: str) -> None:
    """Write a text file without changing line endings; missing folders are created."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with Path(file).open("w", encoding="utf-8", newline="") as sink:
        sink.write(text)
