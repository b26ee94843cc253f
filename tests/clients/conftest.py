"""Several versions of the real client, each in its own process."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.testing.hubs import RunningHub

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
"""Installs in a fraction of the time, where the environment has it."""

TODAY = "2.4.0"
PACKAGES = {
    "0.21.4": ["huggingface_hub==0.21.4"],
    "0.33.5": ["huggingface_hub==0.33.5", "hf-xet==1.1.10"],
    "1.14.0": ["huggingface_hub==1.14.0", "hf-xet==1.5.0"],
}
"""Packages for each version of huggingface_hub; the current version is in the environment of the tests."""

Run = Callable[..., Any]


def installed(version: str) -> Path:
    """Return a folder with one version, installed once per checkout, because versions cannot share an environment.

    Its commands name the interpreter that installed them, so another environment installs it anew.
    """
    folder = ROOT / ".cache" / f"huggingface_hub-{version}"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "clients.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = folder / "complete"
        if not complete.exists() or complete.read_text() != sys.executable:
            shutil.rmtree(folder, ignore_errors=True)
            wanted = ["--quiet", "--target", str(folder), *PACKAGES[version]]
            by_uv = [str(UV), "pip", "install", "--python", sys.executable, *wanted]
            if not UV.exists() or subprocess.run(by_uv, timeout=300).returncode:
                by_pip = [sys.executable, "-m", "pip", "install", "--upgrade", *wanted]
                subprocess.run(by_pip, check=True, timeout=300)
            complete.write_text(sys.executable)
    return folder


@pytest.fixture
def client_environ(tmp_path: Path) -> Callable[[RunningHub, str], dict[str, str]]:
    """Return a function that gives the environment for one version of the client and its commands on a hub."""

    def environ(hub: RunningHub, version: str) -> dict[str, str]:
        found = dict(os.environ) | hub.environ()
        found.pop("HF_HUB_DISABLE_XET", None)
        found["HF_HOME"] = str(tmp_path / f"home-{version}")
        commands = Path(sys.executable).parent
        if version != TODAY:
            found["PYTHONPATH"] = str(installed(version))
            commands = installed(version) / "bin"
        found["PATH"] = f"{commands}{os.pathsep}{found['PATH']}"
        return found

    return environ


@pytest.fixture
def run_script(client_environ: Callable[[RunningHub, str], dict[str, str]], tmp_path: Path) -> Run:
    """Return a function that runs a script of this folder with one version of the client on a hub.

    It returns the JSON that the script prints last. Keyword arguments are further environment variables.
    """

    def run(hub: RunningHub, version: str, script: str, *args: str, **variables: str) -> Any:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / script), *args],
            env=client_environ(hub, version) | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, f"{version} {script} failed:\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


@pytest.fixture
def run_client(entrepot_fresh_hub: RunningHub, run_script: Run) -> Run:
    """Return the same function for an empty hub; ``with_xet`` says whether large files can use Xet, as by default."""

    def run(version: str, script: str, *args: str, with_xet: bool = False) -> Any:
        variables = {} if with_xet else {"HF_HUB_DISABLE_XET": "1"}
        return run_script(entrepot_fresh_hub, version, script, *args, **variables)

    return run
