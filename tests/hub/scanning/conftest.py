"""A hub that scans, with programs as scanners."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.hub.scanning import scan_jobs
from entrepot.names import RepoRef
from tests.support.worlds import World

HOSTILE = b"cos\nsystem\n(S'true'\ntR."
ODD = b"cmy.module\nload\n(tR."

SCANNER = """
import json, sys
data = sys.stdin.buffer.read()
print(json.dumps({"message": f"read {len(data)} bytes"}))
sys.exit(1 if b"EICAR" in data else 0)
"""


@pytest.fixture
def scanning(make_world: Callable[..., World]) -> World:
    """A hub that scans pickles."""
    return make_world(scanning="warn")


@pytest.fixture
def with_command(make_world: Callable[..., World], tmp_path: Path) -> World:
    """A hub that scans all files with a program too."""
    program = tmp_path / "scanner.py"
    program.write_text(SCANNER)
    return make_world(scanning="warn", scan_command=(sys.executable, str(program)))


def scan(world: World, ref: RepoRef) -> None:
    """Do the job of scanning a repository."""
    for _ in scan_jobs.scan_steps(world.hub, world.row_id(ref)):
        pass
