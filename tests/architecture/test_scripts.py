"""The commands of ``script/`` that are Python find everything that they import."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

OURS = ("entrepot", "tests", "benchmarks")
SCRIPTS = Path(__file__).resolve().parents[2] / "script"
PYTHON = sorted(path for path in SCRIPTS.iterdir() if path.is_file() and "python" in path.read_text("utf-8")[:40])


def missing(source: str) -> Iterator[str]:
    """Yield the names that a source imports from modules of this project which have neither them nor such modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in OURS:
            module = importlib.import_module(str(node.module))
            for name in (f"{node.module}.{it.name}" for it in node.names if not hasattr(module, it.name)):
                if not hasattr(module, "__path__") or importlib.util.find_spec(name) is None:
                    yield name


@pytest.mark.parametrize("script", PYTHON, ids=lambda path: path.name)
def test_a_script_finds_what_it_imports(script: Path) -> None:
    assert list(missing(script.read_text("utf-8"))) == []


def test_scripts_are_read_and_a_missing_name_is_found() -> None:
    assert {"generate-openapi", "screenshots"} <= {path.name for path in PYTHON}
    assert list(missing("from entrepot.server.hosting import Limits, not_there")) == [
        "entrepot.server.hosting.not_there"
    ]
