from __future__ import annotations

import subprocess
import sys

import pytest

from entrepot.server.limits.open_files import connection_limit, raise_open_file_limit

resource = pytest.importorskip("resource")


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


@pytest.mark.parametrize(
    ("soft", "hard", "most", "result", "requested"),
    [
        (256, -1, 1 << 40, 1_048_576, [1_048_576]),
        (256, -1, 70_000, 65_536, [1_048_576, 65_536]),
        (256, -1, 10_240, 10_240, [1_048_576, 65_536, 10_240]),
        (256, -1, 1_000, 256, [1_048_576, 65_536, 10_240]),
        (256, 20_000, 1 << 40, 20_000, [20_000]),
        (20_000, 20_000, 1 << 40, 20_000, []),
        (-1, -1, 1 << 40, 1_048_576, []),
    ],
)
def test_the_limit_is_raised_as_far_as_the_system_allows(
    soft: int, hard: int, most: int, result: int, requested: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def limit(which: int, limits: tuple[int, int]) -> None:
        assert (which, limits[1]) == (resource.RLIMIT_NOFILE, hard)
        asked.append(limits[0])
        if limits[0] > most:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", limit)
    assert (raise_open_file_limit(), asked) == (result, requested)


def test_windows_has_a_fixed_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert raise_open_file_limit() == 8192


def test_some_files_are_kept_from_connections() -> None:
    assert connection_limit(10_000) == 10_000 - 1024
    assert connection_limit(1024) == 256
    assert connection_limit(10**6) == 65_536
