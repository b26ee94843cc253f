"""The extension of Metaflow never breaks ``import metaflow``, however it is installed, and serves the right names."""

from __future__ import annotations

import ast
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import entrepot
from entrepot.metaflow.decorators import DEFAULTS
from entrepot.testing.hubs import RunningHub
from tests.support.metaflow_flows import INTEGRATION, ROOT, MetaflowEnvironment, make_environment

pytestmark = pytest.mark.timeout(300)  # a flow starts a process for every task

PROJECT = tomllib.loads((INTEGRATION / "pyproject.toml").read_text("utf-8"))["project"]
PLUGINS = INTEGRATION / "metaflow_extensions/entrepot/plugins"

LOOK = """
import json, sys
import metaflow
from metaflow.plugins import STEP_DECORATORS

ours = {deco.name: deco.__module__.split(".")[1] for deco in STEP_DECORATORS}
names = ("hub", "huggingface_hub", "model", "checkpoint")
print(json.dumps({
    "names": {name: ours[name] for name in names if hasattr(metaflow, name)},
    "client": sorted({name.split(".")[0] for name in sys.modules} & {"entrepot", "httpx2", "huggingface_hub"}),
}))
"""

ALONE = {"hub": "entrepot", "huggingface_hub": "entrepot", "model": "entrepot"}
BESIDE = {"hub": "entrepot", "huggingface_hub": "obcheckpoint", "model": "obcheckpoint", "checkpoint": "obcheckpoint"}


def look(environment: MetaflowEnvironment, folder: Path, **more: str) -> Any:
    run = environment.start("-c", LOOK, folder=folder, **more)
    assert run.code == 0, run.text
    assert "WARNING" not in run.text
    return json.loads(run.text.splitlines()[-1])


@pytest.mark.parametrize("extension", ["wheel", "editable"])
def test_alone_all_three_names_are_ours(extension: str, tmp_path: Path) -> None:
    found = look(make_environment(tmp_path, extension=extension), tmp_path)
    assert found == {"names": ALONE, "client": []}


@pytest.mark.parametrize("extension", ["wheel", "editable"])
def test_beside_metaflow_checkpoint_its_names_stay_unless_replaced(extension: str, tmp_path: Path) -> None:
    environment = make_environment(tmp_path, checkpoint=True, extension=extension)
    assert look(environment, tmp_path)["names"] == BESIDE
    replaced = look(environment, tmp_path, METAFLOW_ENTREPOT_REPLACES_CHECKPOINT="1")
    assert replaced["names"] == {**ALONE, "checkpoint": "obcheckpoint"}


FLOW = """
from metaflow import FlowSpec, hub, step

class Any(FlowSpec):
    @hub
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Any()
"""


def test_without_the_client_metaflow_works_and_a_flow_is_told_what_to_install(tmp_path: Path) -> None:
    environment = make_environment(tmp_path, client=False)
    assert look(environment, tmp_path)["names"] == ALONE
    run = environment.run(FLOW, folder=tmp_path)
    assert run.code != 0
    assert '@pypi(packages={"entrepot": "..."})' in run.text
    assert "Traceback" not in run.text


def test_a_broken_client_does_not_break_metaflow(tmp_path: Path) -> None:
    environment = make_environment(tmp_path, client=False)
    (environment.packages / "entrepot.py").write_text("raise RuntimeError('broken')")
    assert look(environment, tmp_path)["names"] == ALONE


OLD_FLOW = """
import os
from metaflow import FlowSpec, current, hub, step

class Old(FlowSpec):
    @hub
    @step
    def start(self):
        open("a.txt", "w").close()
        self.made = current.hub.push("tester/old-metaflow", "a.txt")
        self.next(self.end)

    @hub(refs="made")
    @step
    def end(self):
        assert "a.txt" in os.listdir(current.hub.loaded["made"])
        print("made", current.hub.info["made"]["key"].split("@")[0])

if __name__ == "__main__":
    Old()
"""


@pytest.mark.skipif("OLD_METAFLOW" not in os.environ, reason="OLD_METAFLOW names no old Metaflow")
def test_an_old_metaflow_is_not_broken_and_runs_a_flow(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    """The variable names a folder with the oldest supported Metaflow, which ``.ci/run`` installs."""
    environment = make_environment(tmp_path)
    (environment.packages / "metaflow").unlink()
    for facts in environment.packages.glob("metaflow-*.dist-info"):
        facts.unlink()
    for entry in Path(os.environ["OLD_METAFLOW"]).iterdir():
        if entry.name.startswith("metaflow"):
            (environment.packages / entry.name).symlink_to(entry.absolute())
    assert look(environment, tmp_path)["names"] == ALONE
    run = environment.with_hub(entrepot_hub).run(OLD_FLOW, folder=tmp_path)
    assert run.code == 0, run.text
    assert run.lines("made ") == ["hub/models/tester/old-metaflow"]


def test_plugin_modules_import_nothing_but_metaflow_and_the_standard_library_at_the_top() -> None:
    old = {"metaflow.decorators", "metaflow.exception"}
    """Modules that every Metaflow has had for years."""
    files = list(INTEGRATION.joinpath("metaflow_extensions").rglob("*.py"))
    assert len(files) == 2  # a file of metadata for Metaflow beside them breaks older ones
    for file in files:
        for node in ast.parse(file.read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names or name in old, f"{file.name} imports {name}"


def test_every_decorator_defines_init_itself_and_the_arguments_that_the_client_knows() -> None:
    tree = ast.parse((PLUGINS / "decorators.py").read_text("utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    found = {}
    for owner in classes:
        assert any(isinstance(node, ast.FunctionDef) and node.name == "init" for node in owner.body), owner.name
        values = {
            ast.unparse(node.targets[0]): ast.literal_eval(node.value)
            for node in owner.body
            if isinstance(node, ast.Assign)
        }
        found[values["name"]] = values["defaults"]
    assert found == DEFAULTS


def test_the_distribution_can_be_found_and_comes_after_metaflow_checkpoint() -> None:
    assert not (INTEGRATION / "metaflow_extensions/__init__.py").exists()
    assert PROJECT["version"] == entrepot.__version__
    assert PROJECT["optional-dependencies"]["checkpoint"] == ["metaflow-checkpoint"]
    core = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    [lowest] = [text for text in PROJECT["dependencies"] if text.startswith("metaflow")]
    assert core["optional-dependencies"]["metaflow"] == [lowest]
