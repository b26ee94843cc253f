from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import urllib.request

urls = set()


def test_the_shared_hub_answers(entrepot_hub):
    urls.add(entrepot_hub.url)
    assert urllib.request.urlopen(entrepot_hub.url + "/healthz").status == 200


def test_the_shared_hub_is_the_same(entrepot_hub):
    urls.add(entrepot_hub.url)
    assert len(urls) == 1


def test_a_fresh_hub_is_separate(entrepot_hub, entrepot_fresh_hub):
    assert entrepot_fresh_hub.url != entrepot_hub.url
    entrepot_fresh_hub.kill()
    entrepot_fresh_hub.start()
    assert urllib.request.urlopen(entrepot_fresh_hub.url + "/healthz").status == 200
"""


@pytest.mark.parametrize("distribution", [[], ["-n", "2", "--dist", "loadfile"]], ids=["alone", "xdist"])
def test_the_fixtures_work_in_any_project(tmp_path: Path, distribution: list[str]) -> None:
    (tmp_path / "test_project.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    # In a temporary folder of its own: pytest removes what earlier runs left in the shared one, for minutes.
    # Another plugin that is installed here takes longer to import than everything else.
    own = ["-p", "no:cacheprovider", "-p", "no:schemathesis", "--basetemp", str(tmp_path / "temporary")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *own, *distribution],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_is_cheap_for_projects_that_do_not_use_it() -> None:
    code = "import sys, pytest; before = set(sys.modules); import entrepot.testing.plugin; "
    code += "print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"entrepot", "entrepot.testing", "entrepot.testing.plugin"}
