from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies

from entrepot.cli import logs
from entrepot.cli.logs import configure_logging
from entrepot.settings import Settings

LOG = logging.getLogger("entrepot.server")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("entrepot")
    handlers, levels = root.handlers[:], (root.level, own.level)
    root.handlers.clear()  # those of pytest would be closed
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def test_people_read_lines_with_time_and_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(data=tmp_path))
    LOG.info("request status=%d", 200)
    line = capsys.readouterr().err
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info request status=200\n", line)


def test_machines_read_one_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(data=tmp_path, log_format="json"))
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        LOG.error("request.failed id=1", exc_info=error)
    (line,) = capsys.readouterr().err.splitlines()
    fields = json.loads(line)
    assert {key: fields[key] for key in ("level", "logger", "message")} == {
        "level": "error",
        "logger": "entrepot.server",
        "message": "request.failed id=1",
    }
    assert "two\nlines" in fields["trace"]
    assert fields["time"].endswith("Z")


def test_a_trace_follows_the_line_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(data=tmp_path))
    try:
        raise ValueError("made up")
    except ValueError as error:
        LOG.error("request.failed", exc_info=error)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("error request.failed")
    assert lines[-1] == "ValueError: made up"


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_that_of_the_settings(
    level: str, shown: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(data=tmp_path, log_level=level))  # type: ignore[arg-type]
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        LOG.log(number, "event")
        logging.getLogger("another.library").log(min(number, logging.INFO), "noise")
    assert len(capsys.readouterr().err.splitlines()) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token hf_abcdefghijklmnopqrstuvwxyz refused", "token hf_[hidden] refused"),
        ("pass xet_eyJhIjoiYiJ9eyJhIjoi.c2ln-_x ended", "pass xet_[hidden] ended"),
        ("{'authorization': 'Bearer abc.def-12345'}", "{'authorization': 'Bearer [hidden]'}"),
        ("Authorization: basic YWxpY2U6c2VjcmV0", "Authorization: basic [hidden]"),
        ("GET https://h/_lfs/x?oid=1&sig=0123abcd HTTP", "GET https://h/_lfs/x?oid=1&sig=[hidden] HTTP"),
        ("said=dXNlcjpoZl9hYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg== n=1", "said=[hidden] n=1"),
        ("path=/alice/hf_xet/resolve/main/x", "path=/alice/hf_xet/resolve/main/x"),
    ],
)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_line_holds_a_secret(
    text: str, shown: str, log_format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(data=tmp_path, log_format=log_format))  # type: ignore[arg-type]
    try:
        raise ValueError(text)
    except ValueError as error:
        LOG.error("said %s", text, exc_info=error)
    written = capsys.readouterr().err
    assert f"said {shown}" in written
    assert f"ValueError: {shown}" in written


@given(
    strategies.lists(
        strategies.sampled_from(
            [
                "hf_",
                "HF_",
                "xet_",
                "Bearer ",
                "bASIC  ",
                "?sig=",
                "&\u017fig=",
                "?access_to\u212aen=",
                "a" * 16,
                "ü",
                " ",
            ]
        )
        | strategies.text(max_size=3)
    ).map("".join)
)
def test_the_quick_look_at_a_line_misses_no_secret(line: str) -> None:
    if logs._SECRETS.search(line) and "[hidden]" not in line:
        assert logs.without_secrets(line) != line
