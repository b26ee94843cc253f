"""The names of the package: cheap to import, the same at run time and for type checkers."""

import ast
import pathlib
import subprocess
import sys

import pytest

import entrepot
from entrepot.hf import errors
from entrepot.hf.api import HubApi

SOURCE = pathlib.Path(entrepot.__file__)
NAMES = {*entrepot._MODULES, *entrepot._METHODS}  # type: ignore[attr-defined] # the stub leaves them out


def test_importing_the_package_imports_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import entrepot; new = set(sys.modules) - before; "
        "print(' '.join(sorted(name for name in new if name.split('.')[0] not in sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["entrepot"]


def test_the_api_waits_for_its_first_call_with_what_is_slow_to_import() -> None:
    program = "import sys, entrepot; entrepot.HubApi; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    slow = {"httpx2", "hf_xet", "tqdm", "jinja2", "torch", "fsspec", "IPython", "ipywidgets", "sqlalchemy", "starlette"}
    assert slow & set(done.stdout.split()) == set()


def test_every_name_is_there() -> None:
    assert [name for name in sorted(NAMES) if getattr(entrepot, name) is None] == []
    assert set(dir(entrepot)) >= NAMES


def test_all_names_at_once() -> None:
    program = "from entrepot import *; HubApi, upload_file, hf_hub_download, ModelCard, Repository"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_no_other_name_is() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = entrepot.no_such_name  # type: ignore[attr-defined]


def test_type_checkers_know_the_same_names() -> None:
    known = set()
    for node in ast.parse(SOURCE.with_suffix(".pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module != "typing":
            known |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            known |= {ast.unparse(target) for target in node.targets}
    assert known == NAMES


def test_every_public_method_is_a_function_too() -> None:
    assert {name for name in dir(HubApi) if not name.startswith("_")} - NAMES == set()


def test_every_error_that_may_be_caught_is_a_name() -> None:
    assert set(errors.__all__) - NAMES == set()
