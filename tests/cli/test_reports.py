from __future__ import annotations

import io
import json

import pytest

from entrepot.cli.reports import (
    ProgressLine,
    counted,
    render_bytes,
    show,
    show_json,
    show_message,
    show_table,
    show_text,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_results_and_remarks_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    show("result")
    show_message("remark")
    assert capsys.readouterr() == ("result\n", "remark\n")


def test_a_text_is_printed_as_it_is_but_steers_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show_text("+a\x1b]0;x\x07\r\n+b\t\n")
    assert capsys.readouterr().out == "+a\x1b]0;x\x07\r\n+b\t\n"
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    show_text("+a\x1b]0;x\x07\u061c\n+b\t")
    assert terminal.getvalue() == "+a\\x1b]0;x\\x07\\u061c\n+b\t\n"


def test_json_keeps_the_order_of_keys_and_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"name": "Zoë", "age": None})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": "Zoë", "age": None}
    assert printed.index("name") < printed.index("age")
    assert "Zoë" in printed


def test_a_number_of_one_has_a_noun_in_the_singular() -> None:
    assert [counted(number, "blob") for number in (0, 1, 2400)] == ["0 blobs", "1 blob", "2,400 blobs"]
    assert counted(2, "repository", "repositories") == "2 repositories"


def test_a_table_has_columns_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("ID", "NAME"), [("1", "a"), ("1000", "b")])
    assert capsys.readouterr().out == "ID    NAME\n1     a\n1000  b\n"


def test_an_empty_table_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("ID", "NAME"), [])
    assert capsys.readouterr().out == "ID  NAME\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536 * 1024, "1.5 MiB"), (1024**5 * 3, "3.0 PiB")],
)
def test_sizes_are_short_for_people(size: int, text: str) -> None:
    assert render_bytes(size) == text


def test_progress_in_a_log_is_one_line_a_second_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ProgressLine()
    for number in range(1000):
        progress(f"step {number}")
    progress.clear()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("step 0\n")
    assert printed.err.count("\n") < 100


def test_progress_on_a_terminal_is_one_line_that_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    progress = ProgressLine()
    progress("a long step")
    progress("short")
    progress.clear()
    assert terminal.getvalue() == "\ra long step\rshort      \r     \r"


def test_control_characters_of_strangers_are_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    show("a\x1b[2Jb\x9bc\td\r\u202ee")
    show_message("\x07x\ny")
    show_json({"a": "\x1b\x9b\u202e"})
    out, err = capsys.readouterr()
    assert out.startswith("a\\x1b[2Jb\\x9bc\td\\r\\u202ee\n")
    assert err == "\\x07x\ny\n"
    assert json.loads(out.partition("\n")[2]) == {"a": "\x1b\x9b\u202e"}
    assert not {"\x1b", "\x9b", "\u202e"} & {*out, *err}


def test_progress_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressLine()("alice/x\x1b[2J")
    assert capsys.readouterr().err == "alice/x\\x1b[2J\n"
