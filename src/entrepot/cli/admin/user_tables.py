"""CSV files that list new users."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from entrepot.errors import Malformed

if TYPE_CHECKING:
    from entrepot.wire.accounts.administration import NewUser

_COLUMNS = ("name", "fullname", "email", "admin")
_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")


def read_users(table: Path) -> list[NewUser]:
    """Return the users listed in a CSV file; ``-`` is standard input.

    Raises:
        Malformed: the file is not a valid table of users; the message names the line.
        click.FileError: it cannot be read.
    """
    if str(table) == "-":
        return _parse_users(sys.stdin, "standard input")
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            return _parse_users(lines, str(table))
    except OSError as error:
        raise click.FileError(str(table), error.strerror) from None
    except UnicodeDecodeError:
        raise Malformed(str(table), "it is not UTF-8") from None


def _parse_users(lines: TextIO, where: str) -> list[NewUser]:
    from entrepot.wire.accounts.administration import NewUser

    rows = csv.DictReader(lines, skipinitialspace=True)
    columns = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = columns
    unknown = [name for name in columns if name not in _COLUMNS]
    if "name" not in columns or unknown:
        raise Malformed(where, f"the first row names the columns: name, and optionally {', '.join(_COLUMNS[1:])}")
    users = []
    for row in rows:
        line = f"{where}, line {rows.line_num}"
        if None in row or None in row.values():
            raise Malformed(line, f"expected {len(columns)} columns")
        cells = {name: cell.strip() for name, cell in row.items()}
        word = cells.get("admin", "").lower()
        if word not in (*_YES, *_NO) or not cells["name"]:
            raise Malformed(line, "admin is yes or no" if cells["name"] else "the name is empty")
        fullname, email = cells.get("fullname") or None, cells.get("email") or None
        users.append(NewUser(name=cells["name"], fullname=fullname, email=email, is_admin=word in _YES))
    if not users:
        raise Malformed(where, "it lists no users")
    return users
