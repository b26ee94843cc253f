"""Lines of commit messages that name the versions that were merged into a version."""

from __future__ import annotations

from collections.abc import Iterable

_MERGED = "Entrepot-Merged: "


def with_merged(message: str, merged: Iterable[str]) -> str:
    """Return the message of a version with a paragraph that names merged versions, if there are any."""
    lines = [f"{_MERGED}{tag}" for tag in merged]
    return "\n\n".join([message.rstrip(), "\n".join(lines)]) if lines else message


def merged_in(message: str) -> list[str]:
    """Return the tags of the versions that a message names as merged."""
    return [line.removeprefix(_MERGED).strip() for line in message.splitlines() if line.startswith(_MERGED)]
