"""docs/configuration.md says of every setting what the code says."""

import pathlib
import re

import pytest

from entrepot.settings import SETTINGS, Setting

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def test_every_setting_has_its_row_in_the_documentation() -> None:
    assert {row_of(row) for row in SETTINGS} - set(PAGE.splitlines()) == set()


def row_of(row: Setting) -> str:
    """Return how the page describes a setting."""
    default = f"`{row.default}`" if row.default else ""
    return f"| `{row.name}` | {row.values} | {default} | {row.sentence} |"


def test_the_documentation_names_no_setting_that_is_gone() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [row.name for row in SETTINGS]


@pytest.mark.parametrize("path", [ROOT / ".ci/run", *sorted((ROOT / "script").iterdir())], ids=lambda path: path.name)
def test_no_script_sets_a_variable_that_a_server_takes_for_an_unknown_setting(path: pathlib.Path) -> None:
    exported = set(re.findall(r"\bENTREPOT_(\w+)=", path.read_text("utf-8")))
    assert {name.lower() for name in exported} <= {row.name for row in SETTINGS}
