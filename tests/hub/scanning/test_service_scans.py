from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.hub.scanning import results, service_scans
from entrepot.hub.scanning.scanners import ScanFailed, Verdict
from entrepot.names import RepoRef
from entrepot.previews.sources import BytesRangeReader
from entrepot.settings import Settings
from tests.hub.scanning.conftest import scan
from tests.support.worlds import World


@attrs.define
class Service:
    """A scanner over HTTP, with what it was asked and what it answers."""

    url: str
    status: int = 200
    is_mute: threading.Event | None = None
    answer: bytes = b'{"status": "safe"}'
    asked: list[tuple[str, dict[str, str], bytes]] = attrs.field(factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if made.is_mute is not None:
                made.is_mute.wait(60)
            answer = b'{"status": "unsafe", "message": "EICAR found"}' if b"EICAR" in body else made.answer
            self.send_response(made.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Service(f"http://127.0.0.1:{server.server_port}/scan")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class _Bytes(BytesRangeReader):
    def close(self) -> None:
        """Do nothing."""


def verdict(service: Service, data: bytes = b"data", **settings: Any) -> Verdict:
    chosen = Settings(data=Path("/nowhere"), scan_url=service.url, **{"scan_private_targets": True, **settings})
    steps = service_scans.scan_content(_Bytes(data), chosen)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Verdict = end.value
            return found


def test_the_service_gets_the_bytes_and_nothing_else(service: Service) -> None:
    data = bytes(3 << 20)
    assert verdict(service, data) == Verdict("safe", "the scanner says: safe")
    [(path, headers, body)] = service.asked
    assert (path, body == data) == ("/scan", True)
    assert sorted(headers) == ["content-length", "content-type", "host"]


def test_it_is_told_who_asks_if_it_wants_to_know(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    verdict(service, scan_token_file=str(file))
    assert service.asked[0][1]["authorization"] == "Bearer s3cret"
    file.write_text("two words\n")
    with pytest.raises(ScanFailed, match="contains no token") as error:
        verdict(service, scan_token_file=str(file))
    assert "two words" not in str(error.value)
    file.unlink()
    with pytest.raises(ScanFailed, match="scan_token_file cannot be read"):
        verdict(service, scan_token_file=str(file))


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"status": "fine"}', b'{"status": ["safe"]}', b"[" * 60_000])
def test_an_answer_without_a_status_is_an_error(service: Service, answer: bytes) -> None:
    service.answer = answer
    with pytest.raises(ScanFailed, match="no valid status"):
        verdict(service)


def test_another_status_of_http_is_an_error(service: Service) -> None:
    service.status = 302  # and redirects are not followed
    with pytest.raises(ScanFailed, match="302"):
        verdict(service)


def test_private_addresses_need_a_setting(service: Service) -> None:
    with pytest.raises(ScanFailed, match="scan_private_targets"):
        verdict(service, scan_private_targets=False)
    assert service.asked == []


def test_a_service_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ScanFailed, match="cannot connect"):
        verdict(Service("http://127.0.0.1:1/"))


def test_a_step_does_not_wait_for_a_slow_service(service: Service) -> None:
    service.is_mute = threading.Event()
    settings = Settings(data=Path("/nowhere"), scan_url=service.url, scan_private_targets=True)
    steps = service_scans.scan_content(_Bytes(b"data"), settings)
    for _ in range(3):  # the service says nothing, and other work goes on
        next(steps)
    steps.close()
    service.is_mute.set()


def test_a_service_that_takes_too_long_is_an_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.is_mute = threading.Event()
    monkeypatch.setattr(service_scans, "WALL_S", 0.0)
    with pytest.raises(ScanFailed, match="too long"):
        verdict(service)
    service.is_mute.set()


def test_a_content_is_not_read_after_the_scan_was_given_up(service: Service) -> None:
    settings = Settings(data=Path("/nowhere"), scan_url=service.url, scan_private_targets=True)
    exchange = service_scans._Exchange(_Bytes(b"data"), settings)
    exchange.stop()
    with pytest.raises(ScanFailed, match="given up"):
        exchange.run()


@pytest.mark.parametrize("message", ["a\ud800b", "a\0b", "a\r\nb"])
def test_a_message_can_be_stored_and_shown_whatever_it_holds(message: str) -> None:
    answer = json.dumps({"status": "unsafe", "message": message}).encode()
    assert service_scans.judge_answer(200, answer).message == "a b"


def test_a_larger_file_is_not_sent(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_scans, "MAX_BYTES", 3)
    assert verdict(service).status == "skipped"
    assert service.asked == []


def test_what_it_finds_is_shown(service: Service, make_world: Callable[..., World]) -> None:
    world = make_world(scanning="warn", scan_url=service.url, scan_private_targets=True)
    ref: RepoRef = world.repo("alice/m")
    world.add(ref, "a.txt", b"EICAR")
    scan(world, ref)
    found = results.describe_repo(world.hub, world.bob, ref, "main")
    assert [tuple(map(str, issue)) for issue in found.issues] == [("a.txt", "unsafe")]
    scan(world, ref)
    assert len([body for _, _, body in service.asked if body == b"EICAR"]) == 1  # once per content
