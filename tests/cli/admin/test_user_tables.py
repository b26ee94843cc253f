from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.cli.admin.user_tables import read_users
from entrepot.errors import Malformed


def test_a_table_lists_users_with_optional_columns(tmp_path: Path) -> None:
    table = tmp_path / "team.csv"
    table.write_text("Name, email, admin\nann, ann@x.io, yes\nbob,,\n")
    assert [(user.name, user.email, user.is_admin) for user in read_users(table)] == [
        ("ann", "ann@x.io", True),
        ("bob", None, False),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("email\nx\n", "the first row names the columns"), ("name,admin\nann,maybe\n", "line 2"), ("name\n", "no users")],
)
def test_a_faulty_table_is_refused_with_the_place(tmp_path: Path, text: str, fault: str) -> None:
    table = tmp_path / "team.csv"
    table.write_text(text)
    with pytest.raises(Malformed, match=fault):
        read_users(table)
