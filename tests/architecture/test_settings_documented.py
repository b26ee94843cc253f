"""docs/configuration.md says of every setting what the code says."""

import pathlib
import re

import pytest

from entrepot.settings import SETTINGS, Setting

PAGE = (pathlib.Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_a_setting_has_its_row_in_the_documentation(row: Setting) -> None:
    default = f"`{row.default}`" if row.default else ""
    assert f"| `{row.name}` | {row.values} | {default} | {row.sentence} |" in PAGE.splitlines()


def test_the_documentation_names_no_setting_that_is_gone() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [row.name for row in SETTINGS]
