from __future__ import annotations

import pytest

from entrepot.client.progress import Bars, Silent


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Silent().begin("upload", 10)
    meter.advance(10)
    meter.finish()
    assert capsys.readouterr() == ("", "")


def test_a_bar_counts_bytes_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Bars(is_forced=True).begin("upload", 2048)
    meter.advance(1024)
    meter.advance(1024)
    meter.finish()
    out, err = capsys.readouterr()
    assert out == ""
    assert "upload: 100%" in err
    assert "2.00k/2.00k" in err


def test_a_bar_counts_files(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Bars(is_forced=True).begin("commit", 3, unit="files")
    meter.advance(3)
    meter.finish()
    assert "3/3" in capsys.readouterr().err


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Bars().begin("upload", None)
    meter.advance(5)
    meter.finish()
    assert capsys.readouterr().err == ""
