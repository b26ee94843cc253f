"""Modules that ARCHITECTURE.md names exist, and the page stays short."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "ARCHITECTURE.md"
PLACES = (ROOT / "src/entrepot", ROOT)
PATH = re.compile(r"`([a-z_]+(?:/[a-z_]+)*(?:/|/[a-z_]+\.(?:py|md)))`")
MOST_LINES = 200


def missing(text: str) -> list[str]:
    """Return the paths that a page names and that are neither in the package nor in the repository."""
    return [path for path in PATH.findall(text) if not any((place / path).exists() for place in PLACES)]


def test_every_path_in_the_page_exists() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("`blobs/incoming/`", "")  # a folder of data
    assert missing(text) == []
    assert len(PATH.findall(text)) > 40


def test_a_path_that_does_not_exist_is_found() -> None:
    assert missing("see `hub/context.py`, `docs/rights.md` and `hub/rooms/chairs.py`") == ["hub/rooms/chairs.py"]


def test_the_page_is_short() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
