"""The pages about clones and about frameworks: every block of Python runs, in order, against a hub."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.testing.hubs import RunningHub

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HAS_TORCH = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("safetensors") is not None


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
@pytest.mark.parametrize("page", ["client-repository.md", "client-integration.md"])
def test_every_example_of_a_page_runs(page: str, entrepot_fresh_hub: RunningHub, tmp_path: Path) -> None:
    alice = entrepot_fresh_hub.user("alice")
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    script = tmp_path / "page.py"
    script.write_text("\n".join(block for block in blocks if HAS_TORCH or "import torch" not in block))
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    environ = dict(os.environ) | entrepot_fresh_hub.environ(alice)
    environ |= {"HOME": str(home), "ENTREPOT_HOME": str(home / "entrepot"), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=work, env=environ, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
