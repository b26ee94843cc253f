"""What administrative commands share: their common flag and the shape of their answers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from entrepot.cli.reports import render_time, show, show_json
from entrepot.errors import Malformed

if TYPE_CHECKING:
    from entrepot.catalog.accounts.accounts import Token

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON; the keys are listed in docs/cli.md.")
"""``--json``, which a command gets as ``as_json``."""


def show_result(row: Mapping[str, object], sentence: str, *, as_json: bool) -> None:
    """Print what was done: an object for programs or a sentence for people."""
    if as_json:
        show_json(row)
    else:
        show(sentence)


def read_first_line(what: str) -> str:
    """The first line of standard input, where secrets come from.

    Raises:
        Malformed: it is empty; ``what`` was expected.
    """
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Malformed("standard input", f"expected the {what} on its first line")
    return line


def token_row(owner: str, token: Token) -> dict[str, object]:
    """A token for programs, without its secret."""
    return {
        "id": token.uid,
        "user": owner,
        "name": token.name,
        "role": token.role,
        "created_at": render_time(token.created_ms),
        "expires_at": render_time(token.expires_ms),
        "last_used_at": render_time(token.used_ms),
    }
