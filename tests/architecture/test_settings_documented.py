"""docs/configuration.md says of every setting what the code says."""

import pathlib
import re

import pytest

from entrepot.settings import SETTINGS, Setting

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_a_setting_has_its_row_in_the_documentation(row: Setting) -> None:
    default = f"`{row.default}`" if row.default else ""
    assert f"| `{row.name}` | {row.values} | {default} | {row.sentence} |" in PAGE.splitlines()


def test_the_documentation_names_no_setting_that_is_gone() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [row.name for row in SETTINGS]


@pytest.mark.parametrize("path", [ROOT / ".ci/run", *sorted((ROOT / "script").iterdir())], ids=lambda path: path.name)
def test_no_script_sets_a_variable_that_a_server_takes_for_an_unknown_setting(path: pathlib.Path) -> None:
    exported = set(re.findall(r"\bENTREPOT_(\w+)=", path.read_text("utf-8")))
    assert {name.lower() for name in exported} <= {row.name for row in SETTINGS}
