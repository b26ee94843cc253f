from __future__ import annotations

import subprocess
import sys

import pytest

from entrepot.server.limits.open_files import connection_limit

pytest.importorskip("resource")


def limit_in_a_process(soft: int, hard: int) -> str:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (%d, %d)); "
        "from entrepot.server.limits.open_files import raise_open_file_limit; "
        "print(raise_open_file_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    return subprocess.run(
        [sys.executable, "-c", code % (soft, hard)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    assert limit_in_a_process(256, 2000) == "2000 2000 2000"


def test_a_limit_that_is_as_high_as_it_may_be_stays() -> None:
    assert limit_in_a_process(2000, 2000) == "2000 2000 2000"


def test_some_files_are_kept_from_connections() -> None:
    assert connection_limit(10_000) == 10_000 - 1024
    assert connection_limit(1024) == 256
    assert connection_limit(10**6) == 65_536
