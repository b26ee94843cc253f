from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.git import FLUSH, pkt_line, read_pkt_lines
from entrepot.git.commands import (
    CAPABILITIES,
    NONE,
    Command,
    CommandStatus,
    PushRequest,
    parse_request,
    render_advertisement,
    render_report,
)

A, B = "a" * 40, "b" * 40


def line(old: str, new: str, ref: str, words: str = "") -> bytes:
    return f"{old} {new} {ref}".encode() + (b"\0 " + words.encode() if words else b"") + b"\n"


def test_commands_and_capabilities_are_read() -> None:
    found = parse_request(
        [b"shallow " + A.encode(), line(NONE, A, "refs/heads/x", "atomic agent=git/2"), line(B, NONE, "refs/heads/ü")]
    )
    assert found.commands == (Command("refs/heads/x", None, A), Command("refs/heads/ü", B, None))  # type: ignore[arg-type]
    assert found.is_atomic
    assert found.has_pack


def test_deletions_alone_come_without_a_pack() -> None:
    assert not parse_request([line(A, NONE, "refs/heads/x")]).has_pack


@pytest.mark.parametrize(
    "lines",
    [[b"hello"], [line(A, "g" * 40, "refs/heads/x")], [line(A, B, "")], [b"push-cert\0x"], [line(A, B, "x")] * 2],
)
def test_a_line_that_is_not_a_command_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(Malformed):
        parse_request(lines)


def test_the_first_ref_carries_the_capabilities_and_an_empty_repository_has_a_stand_in() -> None:
    packets = list(read_pkt_lines(render_advertisement([("refs/heads/a", A), ("refs/heads/b", B)])))
    assert packets[:2] == [f"{A} refs/heads/a\0{CAPABILITIES}\n".encode(), f"{B} refs/heads/b\n".encode()]
    assert render_advertisement([])[4:].startswith(f"{NONE} capabilities^{{}}\0".encode())


def test_a_report_has_one_line_for_each_ref() -> None:
    request = PushRequest((), frozenset({"report-status"}))
    report = render_report(request, [CommandStatus("refs/heads/a", None), CommandStatus("refs/heads/b", "too\nbad")])
    assert (
        report == b"".join(map(pkt_line, [b"unpack ok\n", b"ok refs/heads/a\n", b"ng refs/heads/b too bad\n"])) + FLUSH
    )


def test_a_report_travels_on_band_one_and_words_for_people_on_band_two() -> None:
    request = PushRequest((), frozenset({"report-status", "side-band-64k"}))
    first, second, _ = read_pkt_lines(render_report(request, [], unpacked="broken", said="x" * 10))
    assert first == b"\x02xxxxxxxxxx"
    assert second == b"\x01" + pkt_line(b"unpack broken\n") + FLUSH


def test_long_words_are_cut_into_packets() -> None:
    request = PushRequest((), frozenset({"side-band-64k"}))
    packets = [p for p in read_pkt_lines(render_report(request, [], said="x" * 200_000)) if isinstance(p, bytes)]
    assert b"".join(p[1:] for p in packets) == b"x" * 200_000


def test_a_client_that_requests_no_report_gets_none() -> None:
    assert render_report(PushRequest((), frozenset()), [CommandStatus("refs/heads/a", None)]) == b""
