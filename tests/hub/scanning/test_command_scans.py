from __future__ import annotations

import sys

import pytest

from entrepot.hub.scanning import command_scans
from entrepot.hub.scanning.command_scans import judge_output
from entrepot.hub.scanning.scanners import ScanFailed, Verdict
from tests.hub.scanning.conftest import SCANNER
from tests.hub.scanning.test_pickle_scans import Bytes
from tests.hub.scanning.test_scanners import finish


def verdict(data: bytes, program: str = SCANNER) -> Verdict:
    command = (sys.executable, "-c", program)
    return finish(command_scans.scan_content(Bytes(data), command))


def test_the_exit_code_decides_and_the_output_explains() -> None:
    assert verdict(b"x" * 3_000_000) == Verdict("safe", "read 3000000 bytes")
    assert verdict(b"EICAR") == Verdict("unsafe", "read 5 bytes")


def test_a_command_may_decide_before_it_has_read_everything() -> None:
    assert verdict(b"x" * 3_000_000, "import sys; sys.exit(1)") == Verdict("unsafe", "the scanner found a threat")


def test_a_command_that_fails_has_no_verdict() -> None:
    for program, reason in (("import sys; sys.exit(2)", "exit code 2"), ("print('x' * 100000)", "wrote more than")):
        with pytest.raises(ScanFailed, match=reason):
            verdict(b"x", program)
    with pytest.raises(ScanFailed, match="cannot be run"):
        finish(command_scans.scan_content(Bytes(b"x"), ("/no/such/program",)))


def test_a_command_gets_limits_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "x")
    program = (
        "import json, os, resource; print(json.dumps({'message': str(['SOME_SECRET' in os.environ, "
        "resource.getrlimit(resource.RLIMIT_CORE)[0], resource.getrlimit(resource.RLIMIT_CPU)[0] > 0])}))"
    )
    assert verdict(b"x", program).message == "[False, 0, True]"


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        (0, b"", Verdict("safe", "no known threat")),
        (0, b'{"status": "caution", "message": "hm"}', Verdict("caution", "hm")),
        (0, b'{"status": "unsafe"}', Verdict("safe", "no known threat")),
        (1, b'{"status": "suspicious"}', Verdict("suspicious", "the scanner found a threat")),
        (1, b'{"status": "safe"}', Verdict("unsafe", "the scanner found a threat")),
        (1, b"[" * 10_000, Verdict("unsafe", "the scanner found a threat")),
        (1, b'["x"]', Verdict("unsafe", "the scanner found a threat")),
        (1, b'{"message": 5}', Verdict("unsafe", "the scanner found a threat")),
    ],
)
def test_odd_output_is_ignored(code: int, output: bytes, expected: Verdict) -> None:
    assert judge_output(code, output) == expected
