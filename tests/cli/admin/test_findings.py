from __future__ import annotations

import pytest

from entrepot.cli.admin import findings
from entrepot.hub.jobs import damaged_content
from entrepot.storage.fsck import Finding

DAMAGE = Finding("missing", "files/aa", "the 5 bytes of this file", 5, ("model alice/m: w.bin", "model bob/n: x"))


def test_damage_is_shown_with_its_users_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    findings.show_damage([DAMAGE])
    assert capsys.readouterr().out == (
        "missing     files/aa: the 5 bytes of this file (5 B)\n"
        "            used by model alice/m: w.bin\n"
        "            used by model bob/n: x\n"
        f"to repair: {damaged_content.CURE}\n"
    )


def test_nothing_is_shown_if_nothing_is_damaged(capsys: pytest.CaptureFixture[str]) -> None:
    findings.show_damage([])
    assert capsys.readouterr().out == ""


def test_rows_have_every_field() -> None:
    assert findings.rows_of([DAMAGE]) == [
        {
            "kind": "missing",
            "where": "files/aa",
            "what": "the 5 bytes of this file",
            "size": 5,
            "used_by": ["model alice/m: w.bin", "model bob/n: x"],
        }
    ]
