"""The distribution ``entrepot-t9k``: a script that imports ``t9k`` runs unchanged."""

from __future__ import annotations

import os
import pathlib
import site
import subprocess
import sys
import venv

import pytest

from entrepot import ah
from entrepot.testing.hubs import RunningHub

SOURCE = pathlib.Path(__file__).parents[2] / "integrations/t9k"

SCRIPT = """
import t9k
from t9k import ah
from t9k.ah.core import Folder, Model

folder = ah.create('model/from-t9k', labels=['a'])
assert isinstance(folder, Folder) and folder.labels == ['a']
assert isinstance(ah.create('model/from-t9k/gpt2'), Model)
assert [row['name'] for row in ah.list('model/from-t9k')] == ['gpt2']
ah.delete('model/from-t9k')
print(t9k.CONFIG['asset_hub_host'], sorted(t9k.CONFIG), t9k.CONFIG)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An environment with the distribution, built as a wheel, and with the packages of this one."""
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("t9k")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "-w", folder, SOURCE], check=True, timeout=240)
    [wheel] = folder.glob("entrepot_t9k-*.whl")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    made = folder / "env/bin/python"
    done = subprocess.run(
        [made, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    )
    target = pathlib.Path(done.stdout.strip())
    subprocess.run([*pip, "install", "--no-index", "--no-deps", "--target", target, wheel], check=True, timeout=240)
    (target / "seen.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages())
    )
    return made


def test_a_script_for_the_other_sdk_runs_unchanged(
    python: pathlib.Path, entrepot_hub: RunningHub, tmp_path: pathlib.Path
) -> None:
    environ = {**os.environ, **entrepot_hub.environ(), "ENTREPOT_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [python, "-c", SCRIPT], capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(" ", 1)[0] == entrepot_hub.url
    assert "['aistore_host', 'api_key', 'asset_hub_host']" in done.stdout
    assert entrepot_hub.token not in done.stdout


def test_it_has_the_names_of_the_module(python: pathlib.Path) -> None:
    program = "from t9k import ah; print(*sorted(ah.__all__)); ah.list; from t9k.ah import *; print(commit.__name__)"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.split() == [*sorted(ah.__all__), "commit"]


def test_the_wheel_of_this_package_has_no_t9k() -> None:
    root = pathlib.Path(__file__).parents[2]
    assert not (root / "src/t9k").exists()
    assert 'packages = ["src/entrepot"]' in (root / "pyproject.toml").read_text()
