import subprocess
import sys

import pytest

from entrepot.errors import LibraryMissing
from entrepot.metaflow import step_decorators


def test_the_decorator_is_one_class_however_it_is_imported() -> None:
    from entrepot.metaflow import hub
    from entrepot.metaflow.step_decorators import hub as again

    assert hub is again
    assert "init" in vars(hub)


def test_other_names_are_absent() -> None:
    import entrepot.metaflow

    for module in (step_decorators, entrepot.metaflow):
        with pytest.raises(AttributeError):
            _ = module.other


def test_importing_the_package_imports_no_metaflow() -> None:
    program = (
        "import sys, pkgutil, importlib, entrepot.metaflow as package\n"
        "for found in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'entrepot.metaflow.{found.name}')\n"
        "print('metaflow' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_without_metaflow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    step_decorators.make_decorator.cache_clear()
    monkeypatch.setitem(sys.modules, "metaflow", None)
    with pytest.raises(LibraryMissing, match=r'pip install "entrepot\[metaflow\]"'):
        step_decorators.make_decorator()
