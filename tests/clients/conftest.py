"""Two generations of the real client, each in a process of its own."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.testing.hubs import RunningHub

ROOT = Path(__file__).resolve().parents[2]
OLD = "0.21.4"
TODAY = "2.4.0"

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def old_client() -> Path:
    """A folder with huggingface_hub 0.21.4, installed once per checkout: two versions cannot share an environment."""
    folder = ROOT / ".cache" / f"huggingface_hub-{OLD}"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "clients.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder)]
            subprocess.run([*command, f"huggingface_hub=={OLD}"], check=True, timeout=300)
            (folder / "complete").touch()
    return folder


@pytest.fixture
def run_client(entrepot_fresh_hub: RunningHub, old_client: Path, tmp_path: Path) -> Run:
    """Runs a script of this folder with one version of the client; gives the JSON it prints last."""

    def run(version: str, script: str, *args: str) -> Any:
        environ = dict(os.environ) | entrepot_fresh_hub.environ() | {"HF_HUB_DISABLE_XET": "1"}
        environ["HF_HOME"] = str(tmp_path / f"home-{version}")
        if version == OLD:
            environ["PYTHONPATH"] = str(old_client)
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / script), *args],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, f"{version} {script} failed:\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run
