"""Shared by administrative commands: the flag ``--json`` and the form of results."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from entrepot.cli.reports import show, show_json
from entrepot.errors import Malformed

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON; the keys are listed in docs/cli.md.")
"""The option ``--json``, passed to a command as ``as_json``."""


def show_result(row: Mapping[str, object], sentence: str, *, as_json: bool) -> None:
    """Print the result: with ``as_json`` the row as a JSON object, else the sentence."""
    if as_json:
        show_json(row)
    else:
        show(sentence)


def read_first_line(what: str) -> str:
    """Return the first line of standard input, from which secrets are read.

    Raises:
        Malformed: the line is empty; the message says that ``what`` was expected.
    """
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Malformed("standard input", f"expected the {what} on its first line")
    return line
