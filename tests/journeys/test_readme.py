"""The commands in the README work as pasted."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```[^\n]*\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_first_two_blocks_set_everything_up() -> None:
    assert BLOCKS[:2] == ["./script/server\n", "./script/test\n"]


def test_the_first_steps_push_and_pull_a_model(tmp_path: Path) -> None:
    hub = f"{sys.executable} -m entrepot quickstart --port 0 --data {tmp_path / 'data'}"
    text = BLOCKS[2].replace(".venv/bin/python", sys.executable)
    text = text.replace('./script/server --data "$(mktemp -d)"', hub)
    assert "script/" not in text
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(["bash", "-c", text], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "pulled hub-admin/line: y = 2.0x + 1.0"


@pytest.mark.parametrize("name", ["setup", "server", "test"])
def test_a_script_is_plain_sh(name: str) -> None:
    script = ROOT / "script" / name
    assert script.stat().st_mode & 0o111
    assert script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(script)], check=True)


def fake_python(folder: Path, name: str, version: str) -> None:
    """Create a command that pretends to be Python of this version and cannot create a virtual environment."""
    path = folder / name
    answer = "exit 0" if version > "3.10" else "exit 1"
    path.write_text(f'#!/bin/sh\ncase "$1" in\n-c) {answer} ;;\n*) exit 1 ;;\nesac\n')
    path.chmod(0o755)


def setup(tmp_path: Path, version: str) -> subprocess.CompletedProcess[str]:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "uname", "rm", "cat", "cksum"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    fake_python(tools, "python3", version)
    environ = {"PATH": str(tools), "VENV": str(tmp_path / "venv")}
    return subprocess.run([ROOT / "script/setup", "server"], env=environ, capture_output=True, text=True, timeout=240)


def test_an_old_python_is_reported_with_a_cure(tmp_path: Path) -> None:
    done = setup(tmp_path, "3.10")
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error == "error: Python 3.11 or newer is required, but python3 is older or missing"
    assert hint.startswith("hint: ")


def test_a_python_without_venv_is_reported_with_a_cure(tmp_path: Path) -> None:
    done = setup(tmp_path, "3.12")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "error: python3 cannot create a virtual environment",
        "hint: on Debian and Ubuntu: apt-get install python3-venv",
    ]
    assert not (tmp_path / "venv").exists()
