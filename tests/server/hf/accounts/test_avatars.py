from __future__ import annotations

import xml.etree.ElementTree as ET

from entrepot.server.hf.accounts.avatars import render


def test_a_picture_belongs_to_a_name_in_every_case() -> None:
    assert render("Alice") == render("alice") != render("bob")
    assert ET.fromstring(render("alice")).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_is_symmetric() -> None:
    path = ET.fromstring(render("alice"))[1].attrib["d"]
    cells = {tuple(map(int, cell.split("h")[0].split())) for cell in path.split("M")[1:]}
    assert cells
    assert {(6 - column, row) for column, row in cells} == cells
