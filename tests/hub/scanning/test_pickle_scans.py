from __future__ import annotations

import io
import pickle
import sys
import zipfile

import pytest

from entrepot.hub.scanning import pickle_scans
from entrepot.hub.scanning.pickle_scans import judge_result
from entrepot.hub.scanning.scanners import ScanFailed, Verdict
from entrepot.previews.sources import BytesRangeReader
from tests.hub.scanning.conftest import HOSTILE, ODD
from tests.hub.scanning.test_scanners import finish


class Bytes(BytesRangeReader):
    """A content in memory."""

    def close(self) -> None:
        """Do nothing."""


def verdict(data: bytes) -> Verdict:
    return finish(pickle_scans.scan_content(Bytes(data)))


def archive(name: str, data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return made.getvalue()


def test_a_harmless_pickle_has_no_known_threat() -> None:
    found = verdict(pickle.dumps({"a": 1}))
    assert (found.status, found.report["imports"]) == ("safe", [])
    assert found.message.startswith("no known threat")


@pytest.mark.parametrize("data", [HOSTILE, archive("archive/data.pkl", HOSTILE), archive("é.pkl", HOSTILE)])
def test_a_pickle_that_runs_commands_is_unsafe(data: bytes) -> None:
    found = verdict(data)
    assert (found.status, found.report["imports"]) == ("unsafe", [["os", "system", "dangerous"]])


def test_unknown_code_is_suspicious_and_no_pickle_is_skipped() -> None:
    assert verdict(ODD).status == "suspicious"
    assert verdict(b"no pickle").status == "skipped"


def test_a_part_that_cannot_be_read_calls_for_caution() -> None:
    result = {"imports": [], "count": 0, "worst": "innocuous", "whole": False}
    assert judge_result(result).status == "caution"
    assert judge_result({**result, "worst": "dangerous"}).status == "unsafe"


def test_a_process_at_its_limit_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_scans, "_MAX_READ", 100)
    with pytest.raises(ScanFailed, match="read too much"):
        verdict(HOSTILE * 100)
    monkeypatch.setattr(pickle_scans, "command_of", lambda _module: [sys.executable, "-c", "import sys; sys.exit(3)"])
    with pytest.raises(ScanFailed, match="ended unexpectedly"):
        verdict(HOSTILE)
